import { posix } from "node:path";
import { promisify } from "node:util";
import { crc32, inflateRawSync } from "node:zlib";

import type { Entry, Options, ZipFile } from "yauzl";

import { bytesOf, type ZipEntry } from "./zip";

/** Bytes of the longest file name in the clouds' file systems. */
const longestName = 255;

/**
 * The entries of a zip, without decompressing them; folders are left out.
 *
 * Zip readers differ in where they look, so ambiguous archives are rejected: bytes that belong to no file, a central
 * directory with a wrong count, or a local header that contradicts the central directory.
 *
 * @throws for these, for unsafe names (absolute, `..`, backslashes, control characters, empty or too long parts),
 * symbolic links, encryption and files that are no zip.
 */
export async function readZip(zip: Buffer): Promise<ZipEntry[]> {
  const { default: yauzl } = await import("yauzl");
  const open = promisify<Buffer, Options, ZipFile>(yauzl.fromBuffer);
  const file = await open(zip, { lazyEntries: true, strictFileNames: true });
  return new Promise((resolve, reject) => {
    const entries: ZipEntry[] = [];
    const extents: Extent[] = [];
    const failed = (error: unknown) => {
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    file.on("error", reject);
    file.on("end", () => {
      try {
        checkExtents(zip, extents);
        resolve(entries);
      } catch (error) {
        failed(error);
      }
    });
    file.on("entry", (entry: Entry) => {
      try {
        const { extent, ...described } = describe(zip, entry);
        extents.push(extent);
        if (!described.name.endsWith("/")) entries.push(described);
        file.readEntry();
      } catch (error) {
        failed(error);
      }
    });
    file.readEntry();
  });
}

/**
 * The content of an entry.
 *
 * @throws if size or checksum differ from the archive's. Inflating stops at the declared size, so a zip bomb does no
 * harm.
 */
export function contentOf({ name, method, data, size, crc32: checksum }: ZipEntry): Buffer {
  const bytes = bytesOf(data);
  const content = method === 8 ? inflateRawSync(bytes, { maxOutputLength: size + 1 }) : bytes;
  if (content.length !== size || crc32(content) !== checksum) {
    throw new Error(`${name} does not have the size and the checksum that the archive declares`);
  }
  return content;
}

/** The range of a file in the zip, including its local header. */
interface Extent {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Whether a data descriptor (sizes and checksum) may follow the content. */
  readonly hasDescriptor: boolean;
  /** Bytes of its record in the central directory. */
  readonly listed: number;
}

function describe(zip: Buffer, entry: Entry): ZipEntry & { readonly extent: Extent } {
  const mode = entry.externalFileAttributes >>> 16;
  const { fileName: name, compressionMethod: method, relativeOffsetOfLocalHeader: local } = entry;
  checkName(name);
  if ((mode & 0o170000) === 0o120000) throw new Error(`${name} is a symbolic link`);
  if ((entry.generalPurposeBitFlag & 1) !== 0) throw new Error(`${name} is encrypted`);
  if (method !== 0 && method !== 8) throw new Error(`${name} is compressed by method ${method}`);
  const nameLength = zip.readUInt16LE(local + 26);
  const ownName = zip.subarray(local + 30, local + 30 + nameLength);
  if (
    zip.readUInt32LE(local) !== 0x04034b50 ||
    zip.readUInt16LE(local + 8) !== method ||
    !ownName.equals(entry.fileNameRaw)
  ) {
    throw new Error(`${name} has a local header that contradicts the central directory`);
  }
  const start = local + 30 + nameLength + zip.readUInt16LE(local + 28);
  const end = start + entry.compressedSize;
  return {
    name,
    method,
    crc32: entry.crc32,
    data: zip.subarray(start, end),
    size: entry.uncompressedSize,
    executable: (mode & 0o111) !== 0,
    extent: {
      ...{ name, start: local, end },
      hasDescriptor: (zip.readUInt16LE(local + 6) & 8) !== 0,
      listed: 46 + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength,
    },
  };
}

/** Names that a file system resolves to the same path, such as `a/b` and `a//b`, have to be equal. */
function checkName(name: string): void {
  if (/[\0-\x1f\x7f]/.test(name)) throw new Error(`${JSON.stringify(name)} has control characters in its name`);
  for (const part of name.replace(/\/$/, "").split("/")) {
    if (part === "" || part === ".") throw new Error(`${name} is another spelling of ${posix.normalize(name)}`);
    if (Buffer.byteLength(part) > longestName) {
      throw new Error(`${part.slice(0, 40)}... is longer than the ${longestName} bytes that a file's name may have`);
    }
  }
}

/** Bytes of the longest data descriptor. */
const longestDescriptor = 24;

/** Checks that a zip contains only its files, the central directory and the end record. */
function checkExtents(zip: Buffer, extents: readonly Extent[]): void {
  const list = listOf(zip);
  const listed = extents.reduce((total, extent) => total + extent.listed, 0);
  if (listed !== list.end - list.start) {
    throw new Error(`the end record counts ${extents.length} files, the central directory lists more`);
  }
  let at = 0;
  let slack = 0;
  const end = { name: "the central directory", start: list.start, end: list.end, hasDescriptor: false };
  for (const { name, start, end: after, hasDescriptor } of [...extents]
    .sort((a, b) => a.start - b.start)
    .concat({ ...end, listed })) {
    if (start < at) throw new Error(`${name} overlaps another file of the archive`);
    if (start > at + slack) throw new Error(`${start - at} bytes before ${name} belong to no file`);
    at = after;
    slack = hasDescriptor ? longestDescriptor : 0;
  }
}

/** The position of the central directory, from the end record. */
function listOf(zip: Buffer): { readonly start: number; readonly end: number } {
  const record = zip.lastIndexOf("PK\x05\x06", undefined, "latin1");
  const [size, start] = [zip.readUInt32LE(record + 12), zip.readUInt32LE(record + 16)];
  const locator = record - 20;
  const isLarge = locator >= 0 && zip.readUInt32LE(locator) === 0x07064b50;
  if (!isLarge) {
    if (start + size !== record || zip.indexOf("PK\x05\x06", start, "latin1") !== record) {
      throw new Error("the central directory does not end at its end record");
    }
    return { start, end: record };
  }
  const large = Number(zip.readBigUInt64LE(locator + 8));
  const [largeSize, largeStart] = [zip.readBigUInt64LE(large + 40), zip.readBigUInt64LE(large + 48)].map(Number) as [
    number,
    number,
  ];
  const recordEnd = large + 12 + Number(zip.readBigUInt64LE(large + 4));
  const agrees = (small: number, value: number) => small === 0xffffffff || small === value;
  if (
    largeStart + largeSize !== large ||
    recordEnd !== locator ||
    !agrees(size, largeSize) ||
    !agrees(start, largeStart)
  ) {
    throw new Error("the central directory does not end at its end record");
  }
  return { start: largeStart, end: large };
}
