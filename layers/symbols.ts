import { crc32 } from "node:zlib";

import { blobPart, cacheDirectory, readBlob, sha256, writeBlob } from "./cache";
import { isElf } from "./elf";
import type { InstalledFile } from "./merge";
import { recipeDigest } from "./recipe";
import { contentOf } from "./unzip";
import { Workers } from "./workers";
import type { FilePart, ZipEntry } from "./zip";

interface Content {
  readonly content: Uint8Array<ArrayBuffer>;
  readonly level: number;
}
type Deflater = Workers<Content, Uint8Array>;

/** Libraries to strip in parallel: each is in memory twice. */
const atOnce = 2;

/**
 * Strips symbol tables and debug information from native libraries. No program reads them; only crash dumps show fewer
 * names. It saves about a twentieth of a layer.
 *
 * @param keep normalised names of the packages whose libraries are not stripped.
 */
export async function withoutSymbols(
  files: readonly InstalledFile[],
  keep: readonly string[] = [],
): Promise<InstalledFile[]> {
  const found = [...files];
  const libraries = [...files.entries()].filter(
    ([, { owner, entry }]) => /\.so(\.\d+)*$/.test(entry.name) && !keep.includes(owner),
  );
  const deflater: Deflater = new Workers("deflate-worker.mjs", atOnce);
  const cutting = async () => {
    for (let next = libraries.shift(); next !== undefined; next = libraries.shift()) {
      const [index, { owner, entry }] = next;
      found[index] = { owner, entry: await cutEntry(entry, deflater) };
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, cutting));
  } finally {
    libraries.length = 0;
    await deflater.close();
  }
  return found;
}

async function cutEntry(entry: ZipEntry, deflater: Deflater): Promise<ZipEntry> {
  const cut = cutSymbols(contentOf(entry));
  if (cut === undefined) return entry;
  const [size, checksum] = [cut.length, crc32(cut)];
  const data = await deflatedOnce(cut, deflater);
  return data.length < entry.data.length ? { ...entry, method: 8, crc32: checksum, data, size } : entry;
}

/**
 * A library without the data after its last program segment: a program loader reads only segments, a linker and a
 * debugger read the sections after them. Undefined if there is nothing to strip.
 */
export function cutSymbols(library: Buffer): Buffer<ArrayBuffer> | undefined {
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

  // A separate buffer can be transferred to a worker.
  const cut = Buffer.from(new Uint8Array(library.subarray(0, end)).buffer);
  // Clear the address, number and name table of the sections.
  cut.writeBigUInt64LE(0n, 0x28);
  cut.writeUInt16LE(0, 0x3c);
  cut.writeUInt16LE(0, 0x3e);
  return cut;
}

const running = new Map<string, Promise<FilePart>>();

/**
 * Deflates with the JavaScript compressor, like all new content. The result is cached by the content's hash, since a
 * large library takes half a second.
 */
async function deflatedOnce(content: Buffer<ArrayBuffer>, deflater: Deflater): Promise<FilePart> {
  const key = sha256(JSON.stringify([await recipeDigest(), sha256(content)]));
  const deflating = running.get(key) ?? deflated(content, cacheDirectory("libraries", `${key}.deflated`), deflater);
  running.set(key, deflating);
  return deflating.finally(() => running.delete(key));
}

async function deflated(content: Buffer<ArrayBuffer>, file: string, deflater: Deflater): Promise<FilePart> {
  const known = await readBlob(file);
  if (known !== undefined) return blobPart(file, known);
  const compressed = await deflater.run(
    () => ({ content, level: 6 }),
    (request) => [request.content.buffer],
  );
  return writeBlob(file, Buffer.from(compressed.buffer, compressed.byteOffset, compressed.length));
}
