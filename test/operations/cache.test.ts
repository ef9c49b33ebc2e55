import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { cacheDirectory } from "../../layers/cache";
import { cacheEntries, cacheSummary, pruneCache, pruneCacheDaily } from "../../operations/cache";
import { temporaryDirectory } from "../local/resources";

// Whole seconds, since a file system may truncate fractions.
const now = Math.floor(Date.now() / 1000) * 1000;
const days = (count: number) => new Date(now - count * 86_400_000);

/** An entry of the cache that was last used some days ago: a file, or a folder with a file. */
function entry(name: string, bytes: number, unusedFor: number): string {
  const file = cacheDirectory(...name.split("/"));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.alloc(bytes));
  // The folder first, since it is older than its content.
  for (const each of [path.dirname(file), file]) utimesSync(each, days(unusedFor), days(unusedFor));
  return file;
}

beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", temporaryDirectory());
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test("the content of the cache is counted by kind, folders with all their content", () => {
  entry("wheels/a.whl", 100, 1);
  entry("wheels/b.whl", 200, 3);
  entry("unpacked/key/python/a.py", 1_000, 5);
  expect(cacheSummary(cacheEntries())).toMatchObject([
    { kind: "unpacked", entries: 1, bytes: 1_000 },
    { kind: "wheels", entries: 2, bytes: 300, usedAt: days(1) },
  ]);
});

test("entries that were not used for long are deleted, then the least recently used ones, until the rest fits", () => {
  const old = entry("wheels/old.whl", 10, 31);
  const older = entry("wheels/older.whl", 500, 20);
  const newer = entry("wheels/newer.whl", 500, 10);
  const current = entry("bundles/current.zip", 5_000, 1);
  pruneCache({ unusedDays: 30, bytes: 5_600 });
  expect([old, older, newer, current].map((file) => existsSync(file))).toEqual([false, false, true, true]);
});

test("entries of the last days stay, however large", () => {
  const current = entry("bundles/current.zip", 5_000, 1);
  expect(pruneCache({ unusedDays: 30, bytes: 0 })).toEqual([]);
  expect(existsSync(current)).toBe(true);
});

test("automatic pruning runs once a day, and never on an empty cache", () => {
  expect(pruneCacheDaily()).toEqual([]);
  const old = entry("wheels/old.whl", 10, 31);
  expect(pruneCacheDaily()).toEqual([]);
  utimesSync(cacheDirectory("pruned"), days(2), days(2));
  expect(pruneCacheDaily()).toMatchObject([{ kind: "wheels", path: old, bytes: 10 }]);
});
