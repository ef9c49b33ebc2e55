import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { cacheDirectory } from "../../layers/cache";
import { cacheEntries, cacheSummary, pruneCache, pruneCacheDaily } from "../../operations/cache";
import { temporaryDirectory } from "../local/resources";

// Whole seconds: a file system may cut what is finer.
const now = Math.floor(Date.now() / 1000) * 1000;
const days = (count: number) => new Date(now - count * 86_400_000);

/** An entry of the cache that was used some days ago: a file, or a folder with a file in it. */
function entry(name: string, bytes: number, unusedFor: number): string {
  const file = cacheDirectory(...name.split("/"));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.alloc(bytes));
  // The folder first: it is older than what is in it.
  for (const each of [path.dirname(file), file]) utimesSync(each, days(unusedFor), days(unusedFor));
  return file;
}

beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", temporaryDirectory());
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test("what is in the cache is counted by kind, folders with all that is in them", () => {
  entry("wheels/a.whl", 100, 1);
  entry("wheels/b.whl", 200, 3);
  entry("unpacked/key/python/a.py", 1_000, 5);
  expect(cacheSummary(cacheEntries())).toMatchObject([
    { kind: "unpacked", entries: 1, bytes: 1_000 },
    { kind: "wheels", entries: 2, bytes: 300, usedAt: days(1) },
  ]);
});

test("what was not used for long goes, then what was used longest ago, until the rest fits", () => {
  const old = entry("wheels/old.whl", 10, 31);
  const older = entry("wheels/older.whl", 500, 20);
  const newer = entry("wheels/newer.whl", 500, 10);
  const current = entry("bundles/current.zip", 5_000, 1);
  pruneCache({ unusedDays: 30, bytes: 5_600 });
  expect([old, older, newer, current].map((file) => existsSync(file))).toEqual([false, false, true, true]);
});

test("what was used in the last days stays, however large", () => {
  const current = entry("bundles/current.zip", 5_000, 1);
  expect(pruneCache({ unusedDays: 30, bytes: 0 })).toEqual([]);
  expect(existsSync(current)).toBe(true);
});

test("by itself it is pruned once a day, and an empty cache not at all", () => {
  expect(pruneCacheDaily()).toEqual([]);
  const old = entry("wheels/old.whl", 10, 31);
  expect(pruneCacheDaily()).toEqual([]);
  utimesSync(cacheDirectory("pruned"), days(2), days(2));
  expect(pruneCacheDaily()).toMatchObject([{ kind: "wheels", path: old, bytes: 10 }]);
});
