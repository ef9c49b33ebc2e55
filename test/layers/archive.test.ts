import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { onceInCache, unpacked } from "../../layers/archive";
import { archive, blob, temporaryDirectory } from "../local/resources";

beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", mkdtempSync(path.join(os.tmpdir(), "cache-")));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("unpacked archives", () => {
  it("are merged, later ones overwrite earlier ones, and files are read-only", async () => {
    const directory = temporaryDirectory();
    const layers = [
      archive(directory, { "python/a.py": "first", "python/b.py": "first" }),
      archive(directory, { "python/b.py": "second" }),
    ];
    const folder = await unpacked(layers);
    expect(["a", "b"].map((name) => readFileSync(path.join(folder, "python", `${name}.py`), "utf8"))).toEqual([
      "first",
      "second",
    ]);
    expect(statSync(path.join(folder, "python", "a.py")).mode & 0o333).toBe(0);
    expect(await unpacked([...layers].reverse())).not.toBe(folder);
    expect(await unpacked(layers)).toBe(folder);
  });

  it.each(["../outside.py", "/absolute.py"])("have no file %s", async (name) => {
    const directory = temporaryDirectory();
    const evil = blob(directory, zipSync({ [name]: new Uint8Array(1) }));
    await expect(unpacked([evil])).rejects.toThrow(/relative path|absolute path/);
  });
});

describe("what is kept in the cache", () => {
  it("is built once, even by two processes at a time", async () => {
    let built = 0;
    const build = () =>
      onceInCache("kind", "key", () => {
        built += 1;
        return Promise.resolve();
      });
    const folders = await Promise.all([build(), build()]);
    expect(new Set(folders).size).toBe(1);
    await build();
    expect(built).toBeLessThanOrEqual(2);
  });

  it("leaves nothing behind when its build fails, and is built the next time", async () => {
    const folder = path.dirname(await onceInCache("kind", "other", () => Promise.resolve()));
    await expect(onceInCache("kind", "key", () => Promise.reject(new Error("no space")))).rejects.toThrow("no space");
    expect(readdirSync(folder)).toEqual(["other"]);
    expect(await onceInCache("kind", "key", () => Promise.resolve())).toBe(path.join(folder, "key"));
  });
});
