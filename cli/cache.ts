import Table from "cli-table3";

import { cacheDirectory } from "../layers/cache";
import { bytesOf, cacheEntries, type CacheLimits, cacheSummary, defaultLimits, pruneCache } from "../operations/cache";

/** Prints the content of the cache, or the deleted part. */
export function showCache({ prune, ...given }: Partial<CacheLimits> & { readonly prune: boolean }): void {
  const limits = {
    unusedDays: given.unusedDays ?? defaultLimits.unusedDays,
    bytes: given.bytes ?? defaultLimits.bytes,
  };
  const entries = prune ? pruneCache(limits) : cacheEntries();
  if (entries.length > 0) {
    const table = new Table({
      head: ["kind", "what", "entries", "size", "last used"],
      style: { head: [], border: [] },
    });
    for (const { kind, about, entries: count, bytes, usedAt } of cacheSummary(entries)) {
      table.push([kind, about, count, megabytes(bytes), usedAt.toISOString().slice(0, 10)]);
    }
    process.stdout.write(`${table.toString()}\n`);
  }
  const total = `${megabytes(bytesOf(entries))} in ${cacheDirectory()}`;
  process.stdout.write(
    prune ? `Deleted ${total}; the rest is within the limits.\n` : `${total}; everything in it can be rebuilt.\n`,
  );
}

/** E.g. `12.3 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
