import { availableParallelism } from "node:os";

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Most start processes, which takes a busy machine its time; none waits for its timeout.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // Vitest leaves one processor free, which on two is half of them.
    maxWorkers: Math.max(2, availableParallelism()),
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
