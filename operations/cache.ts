import { lstatSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

import { cacheDirectory } from "../layers/cache";

/** Description of each kind of entry. */
const kinds: Readonly<Record<string, string>> = {
  addresses: "addresses of wheels",
  builds: "which bundles a lock has given",
  bundles: "layers and packages",
  bytecode: "compiled Python modules",
  compiled: "compiled TypeScript and JavaScript",
  engine: "Pulumi",
  imports: "what modules import",
  libraries: "compressed libraries",
  proofs: "imports that were proven",
  python: "environments of the local clouds",
  unpacked: "what local functions run on",
  uv: "uv",
  wheels: "wheels from the index",
};

/** A file or folder of the cache, created and deleted as a whole. */
export interface CacheEntry {
  readonly kind: string;
  readonly path: string;
  readonly bytes: number;
  /** Access time; most file systems update it at most once a day. */
  readonly usedAt: Date;
}

export interface CacheLimits {
  /** Days without use after which an entry is deleted. */
  readonly unusedDays: number;
  /** Bytes of the whole cache; the least recently used entries are deleted first. */
  readonly bytes: number;
}

export const defaultLimits: CacheLimits = { unusedDays: 30, bytes: 5e9 };

const day = 86_400_000;

/** Entries used within these days stay whatever the size: a running function may need them. */
const inUseDays = 2;

/** Days between two automatic prunings. */
const pruneEveryDays = 1;

/** Everything in the cache. */
export function cacheEntries(): CacheEntry[] {
  return namesIn(cacheDirectory())
    .filter((kind) => statSync(cacheDirectory(kind)).isDirectory())
    .flatMap((kind) =>
      namesIn(cacheDirectory(kind)).map((name) => {
        const entry = path.join(cacheDirectory(kind), name);
        return { kind, path: entry, ...usageOf(entry) };
      }),
    );
}

/** Size of each kind, the largest first. */
export function cacheSummary(entries: readonly CacheEntry[]): {
  kind: string;
  about: string;
  entries: number;
  bytes: number;
  usedAt: Date;
}[] {
  return [...new Set(entries.map(({ kind }) => kind))]
    .map((kind) => {
      const own = entries.filter((entry) => entry.kind === kind);
      return {
        kind,
        about: kinds[kind] ?? "",
        entries: own.length,
        bytes: bytesOf(own),
        usedAt: new Date(Math.max(...own.map(({ usedAt }) => usedAt.getTime()))),
      };
    })
    .sort((a, b) => b.bytes - a.bytes);
}

/**
 * Entries beyond the limits: those unused for too long, then the least recently used until the rest fits. Entries used in
 * the last two days always stay.
 */
export function prunableEntries(entries: readonly CacheEntry[], limits: CacheLimits, now = Date.now()): CacheEntry[] {
  const unusedSince = (days: number) => (entry: CacheEntry) => now - entry.usedAt.getTime() > days * day;
  const old = entries.filter(unusedSince(limits.unusedDays));
  let kept = bytesOf(entries) - bytesOf(old);
  const tooMuch = entries
    .filter((entry) => !old.includes(entry) && unusedSince(inUseDays)(entry))
    .sort((a, b) => a.usedAt.getTime() - b.usedAt.getTime())
    .filter(({ bytes }) => {
      if (kept <= limits.bytes) return false;
      kept -= bytes;
      return true;
    });
  return [...old, ...tooMuch];
}

/** Deletes the entries beyond the limits, and returns them. */
export function pruneCache(limits: CacheLimits): CacheEntry[] {
  const pruned = prunableEntries(cacheEntries(), limits);
  for (const entry of pruned) rmSync(entry.path, { recursive: true, force: true });
  return pruned;
}

/** Prunes by the default limits, at most once a day. */
export function pruneCacheDaily(): CacheEntry[] {
  const stamp = cacheDirectory("pruned");
  const last = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - last < pruneEveryDays * day) return [];
  mkdirSync(cacheDirectory(), { recursive: true });
  writeFileSync(stamp, "");
  return pruneCache(defaultLimits);
}

export function bytesOf(entries: readonly CacheEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

function usageOf(entry: string): Pick<CacheEntry, "bytes" | "usedAt"> {
  const stats = lstatSync(entry);
  if (!stats.isDirectory()) return { bytes: stats.size, usedAt: new Date(Math.max(stats.atimeMs, stats.mtimeMs)) };
  const inside = namesIn(entry).map((name) => usageOf(path.join(entry, name)));
  return {
    bytes: inside.reduce((sum, { bytes }) => sum + bytes, 0),
    usedAt: new Date(Math.max(stats.mtimeMs, ...inside.map(({ usedAt }) => usedAt.getTime()))),
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // There is none, or another process has just deleted it.
    return [];
  }
}
