import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";

import { afterAll, afterEach, describe, expect, it, vi } from "vitest";

import { reasonOf } from "../../layers/build-error";
import { cacheDirectory, writeAtomically } from "../../layers/cache";

const folder = mkdtempSync(path.join(tmpdir(), "cache-test-"));
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("the cache", () => {
  it.each([undefined, "", "relative/folder"])("is in the home folder with XDG_CACHE_HOME %j", (chosen) => {
    vi.stubEnv("XDG_CACHE_HOME", chosen);
    expect(cacheDirectory("wheels")).toBe(path.join(homedir(), ".cache", "multicloud-auto-deploy", "wheels"));
  });

  it("is where XDG_CACHE_HOME says", () => {
    vi.stubEnv("XDG_CACHE_HOME", folder);
    expect(cacheDirectory("wheels")).toBe(path.join(folder, "multicloud-auto-deploy", "wheels"));
  });
});

describe("a file that cannot be written", () => {
  it("does not suggest another cache folder if it is not in the cache", async () => {
    writeFileSync(path.join(folder, "file"), "");
    const message = async (file: string) => await writeAtomically(file, "").catch(reasonOf);
    expect(await message(path.join(folder, "file", "aws.lock"))).toMatch(
      /aws\.lock cannot be written: .*; make room or give the permission$/,
    );
    vi.stubEnv("XDG_CACHE_HOME", path.join(folder, "file"));
    expect(await message(cacheDirectory("wheels", "a.whl"))).toMatch(/or set XDG_CACHE_HOME to another folder$/);
  });
});
