import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";

import { defineConfig } from "vitest/config";

// All temporary files are in one folder, which is deleted at the end of the run. This file is read
// for each project; a folder within a folder would make the paths of a browser's sockets too long.
if (process.env.TESTS_FOLDER === undefined) {
  const folder = mkdtempSync(path.join(tmpdir(), "tests-"));
  Object.assign(process.env, { TESTS_FOLDER: folder, TMPDIR: folder });
  process.on("exit", () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
}

/** Deployments of which test/engine/updates.test.ts has a part by day: all of them are in the nightly run, or by name. */
const nightly = ["test/engine/azure-release.test.ts"].filter(
  (file) => process.env.NIGHTLY === undefined && !process.argv.includes(file),
);

export default defineConfig({
  test: {
    // Most start processes, which is slow on a busy machine; none waits for its timeout.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // Vitest leaves one processor free, which would be half of two.
    maxWorkers: Math.max(2, availableParallelism()),
    // The SDKs load from a compile cache, which saves half a second in each test file that needs them.
    execArgv: ["--require", path.join(import.meta.dirname, "run-typescript.js")],
    // The engine is a Go program that lives for seconds: it collects garbage less often than one that stays.
    env: { GOGC: "400" },
    projects: [
      // In the order of their names, so that the many short files come last and fill what is left of the time.
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["test/conformance/**/*.test.ts"],
          globalSetup: "test/conformance/global-setup.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          exclude: nightly,
          globalSetup: "test/engine/global-setup.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/engine/**", "test/conformance/**"],
        },
      },
    ],
  },
});
