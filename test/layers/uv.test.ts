import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { reasonOf } from "../../layers/build-error";

const root = mkdtempSync(path.join(tmpdir(), "uv-test-"));
const programs = path.join(root, "programs");

/** Puts a fake uv on an otherwise empty PATH. */
function install(script: string): void {
  writeFileSync(path.join(programs, "uv"), `#!/bin/sh\n[ "$1" = --version ] && echo uv 0.9.0 && exit\n${script}\n`);
  chmodSync(path.join(programs, "uv"), 0o755);
}

/** Loads the module again, like a new process. */
async function freshly() {
  vi.resetModules();
  return import("../../layers/uv");
}

beforeEach(() => {
  mkdirSync(programs);
  vi.stubEnv("PATH", programs);
  vi.stubEnv("XDG_CACHE_HOME", root);
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(programs, { recursive: true });
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

describe("uv", () => {
  it("is searched for again after a failure", async () => {
    const { findUv } = await freshly();
    await expect(findUv()).rejects.toThrow(/could not be installed with python3 -m pip; install uv/);
    install("");
    expect(await findUv()).toBe("uv");
  });

  it("may end before it has read its input, with its own error message", async () => {
    install("exec 0<&-; echo no such option >&2; exit 2");
    const { uvPipCompile } = await freshly();
    const input = "x".repeat(16 * 1024 * 1024);
    expect(await uvPipCompile(["-"], { input }).catch(reasonOf)).toBe("no such option");
  });
});
