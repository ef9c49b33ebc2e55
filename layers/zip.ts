import { closeSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";

import { BuildError } from "./build-error";

/** Bytes in memory, or a range of an immutable file. */
export type ZipData = Buffer | FilePart;

export interface FilePart {
  readonly file: string;
  /** Offset of the first byte. */
  readonly start: number;
  readonly length: number;
}

/** @throws if the file is missing or has become shorter. */
export function bytesOf(data: ZipData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  const bytes = Buffer.allocUnsafe(data.length);
  const file = openSync(data.file, "r");
  try {
    const read = readSync(file, bytes, 0, data.length, data.start);
    if (read !== data.length) throw new Error(`${data.file} is shorter than it was`);
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** A file in a zip, with its compressed content. */
export interface ZipEntry {
  /** Path with forward slashes. */
  readonly name: string;
  readonly method: 0 | 8;
  readonly crc32: number;
  /** Content, deflated where `method` is 8. */
  readonly data: ZipData;
  /** Bytes of the uncompressed content. */
  readonly size: number;
  readonly executable: boolean;
}

/** DOS form of 1980-01-01 00:00:00, the earliest date that a zip can hold. */
const date = 0x0021;

/** Entry for new content, deflated by JavaScript: Node's zlib compresses differently in different builds of Node. */
export async function deflated(name: string, content: Buffer): Promise<ZipEntry> {
  const { deflateSync } = await import("fflate");
  const data = Buffer.from(deflateSync(content, { level: 9 }));
  return data.length < content.length ? compressed(name, content, data) : stored(name, content);
}

/** Entry for content with a known deflated form. */
export function compressed(name: string, content: Buffer, data: Buffer): ZipEntry {
  return { name, method: 8, crc32: crc32(content), data, size: content.length, executable: false };
}

/** Entry without compression, for content that is compressed already, such as a wheel. */
export function stored(name: string, content: Buffer): ZipEntry {
  return { name, method: 0, crc32: crc32(content), data: content, size: content.length, executable: false };
}

/** The most entries of the plain zip format; not every cloud reads zip64. */
const mostEntries = 65_535;

/** @throws {BuildError} for more files than a zip can hold. */
export function checkEntryCount(count: number): void {
  if (count <= mostEntries) return;
  throw new BuildError(
    `${count} files are more than the ${mostEntries} that a zip can hold; build without bytecode, which halves them, use ` +
      `layerStrategy split, or remove requirements`,
  );
}

/** A zip whose bytes depend only on its entries: sorted by name, fixed date, two modes, no folders, no extra fields. */
export function writeZip(entries: readonly ZipEntry[]): Buffer {
  return Buffer.concat([...zipChunks(entries)]);
}

/** Same as `writeZip`, in chunks: only one file has to be in memory. */
export function* zipChunks(entries: readonly ZipEntry[]): Generator<Buffer> {
  checkEntryCount(entries.length);
  const sorted = entries
    .map((entry) => ({ entry, name: Buffer.from(entry.name) }))
    .sort((a, b) => a.name.compare(b.name));
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { entry, name } of sorted) {
    const common = commonHeader(entry, name.length);
    const local = Buffer.concat([signature(0x04034b50), common, name]);
    yield local;
    yield bytesOf(entry.data);

    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((0o100000 | (entry.executable ? 0o755 : 0o644)) * 0x10000, 6);
    tail.writeUInt32LE(offset, 10);
    const madeByUnix = Buffer.from([20, 3]);
    directory.push(signature(0x02014b50), madeByUnix, common, tail, name);
    offset += local.length + entry.data.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(sorted.length, 4);
  end.writeUInt16LE(sorted.length, 6);
  end.writeUInt32LE(listing.length, 8);
  end.writeUInt32LE(offset, 12);
  yield Buffer.concat([listing, signature(0x06054b50), end]);
}

/** The fields that a local header and a central directory record share. */
function commonHeader(entry: ZipEntry, nameLength: number): Buffer {
  const header = Buffer.alloc(26);
  header.writeUInt16LE(20, 0);
  // Bit 11: names are UTF-8.
  header.writeUInt16LE(0x0800, 2);
  header.writeUInt16LE(entry.method, 4);
  header.writeUInt16LE(0, 6);
  header.writeUInt16LE(date, 8);
  header.writeUInt32LE(entry.crc32, 10);
  header.writeUInt32LE(entry.data.length, 14);
  header.writeUInt32LE(entry.size, 18);
  header.writeUInt16LE(nameLength, 22);
  return header;
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
