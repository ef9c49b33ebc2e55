import { promisify } from "node:util";
import { crc32 } from "node:zlib";

import { cacheDirectory, readBlob, sha256, writeBlob } from "./cache";
import { isElf } from "./elf";
import type { InstalledFile } from "./merge";
import { recipeDigest } from "./recipe";
import { contentOf } from "./unzip";
import type { ZipEntry } from "./zip";

/**
 * The files with symbol tables and debug information cut from native libraries, which no program reads: only crash dumps
 * show fewer names. It saves about a twentieth of a layer.
 */
export function withoutSymbols(files: readonly InstalledFile[]): Promise<InstalledFile[]> {
  return Promise.all(
    files.map(async ({ owner, entry }) => ({
      owner,
      entry: /\.so(\.\d+)*$/.test(entry.name) ? await cutEntry(entry) : entry,
    })),
  );
}

async function cutEntry(entry: ZipEntry): Promise<ZipEntry> {
  const original = contentOf(entry);
  const cut = cutSymbols(original);
  if (cut === undefined) return entry;
  const data = await deflatedOnce(cut);
  return data.length < entry.data.length ? { ...entry, method: 8, crc32: crc32(cut), data, size: cut.length } : entry;
}

/**
 * A library without what lies behind its last program segment: a program loader reads segments only, a linker and a debugger
 * the sections there. Undefined where there is nothing to cut.
 */
export function cutSymbols(library: Buffer): Buffer | undefined {
  const [wide, littleEndian] = [library[4] === 2, library[5] === 1];
  if (!isElf(library) || !wide || !littleEndian) return undefined;
  const table = Number(library.readBigUInt64LE(0x20));
  const [entrySize, count] = [library.readUInt16LE(0x36), library.readUInt16LE(0x38)];
  if (count === 0 || entrySize < 56 || table + entrySize * count > library.length) return undefined;

  let end = table + entrySize * count;
  for (let at = table; at < table + entrySize * count; at += entrySize) {
    const [offset, size] = [library.readBigUInt64LE(at + 0x08), library.readBigUInt64LE(at + 0x20)];
    end = Math.max(end, Number(offset + size));
  }
  if (end >= library.length) return undefined;

  const cut = Buffer.from(library.subarray(0, end));
  // Address, number and name table of the sections, which are gone.
  cut.writeBigUInt64LE(0n, 0x28);
  cut.writeUInt16LE(0, 0x3c);
  cut.writeUInt16LE(0, 0x3e);
  return cut;
}

const running = new Map<string, Promise<Buffer>>();

/** Deflated by JavaScript like all new content; kept by the content's hash, since a large library takes half a second. */
async function deflatedOnce(content: Buffer): Promise<Buffer> {
  const key = sha256(JSON.stringify([await recipeDigest(), sha256(content)]));
  const deflating = running.get(key) ?? deflated(content, cacheDirectory("libraries", `${key}.deflated`));
  running.set(key, deflating);
  return deflating;
}

async function deflated(content: Buffer, file: string): Promise<Buffer> {
  const known = await readBlob(file);
  if (known !== undefined) return known;

  const { deflate } = await import("fflate");
  const compressed = Buffer.from(
    await promisify((bytes: Uint8Array, done: (error: Error | null, result: Uint8Array) => void) =>
      deflate(bytes, { level: 6 }, done),
    )(content),
  );
  await writeBlob(file, compressed);
  return compressed;
}
