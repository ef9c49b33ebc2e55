import { promisify } from "node:util";
import { crc32, inflateRawSync } from "node:zlib";

import type { Entry, Options, ZipFile } from "yauzl";

import { bytesOf, type ZipEntry } from "./zip";

/**
 * The entries of a zip with their compressed bytes untouched; directories are left out.
 *
 * @throws for unsafe names (absolute, `..`, backslashes, control characters), symbolic links, encryption and whatever is no zip.
 */
export async function readZip(zip: Buffer): Promise<ZipEntry[]> {
  const { default: yauzl } = await import("yauzl");
  const open = promisify<Buffer, Options, ZipFile>(yauzl.fromBuffer);
  const file = await open(zip, { lazyEntries: true, strictFileNames: true });
  return new Promise((resolve, reject) => {
    const entries: ZipEntry[] = [];
    file.on("error", reject);
    file.on("end", () => {
      resolve(entries);
    });
    file.on("entry", (entry: Entry) => {
      try {
        const described = describe(zip, entry);
        if (!described.name.endsWith("/")) entries.push(described);
        file.readEntry();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    file.readEntry();
  });
}

/**
 * The content of an entry.
 *
 * @throws where it is not what the zip declares; a bomb is never inflated further than its declared size.
 */
export function contentOf({ name, method, data, size, crc32: checksum }: ZipEntry): Buffer {
  const bytes = bytesOf(data);
  const content = method === 8 ? inflateRawSync(bytes, { maxOutputLength: size + 1 }) : bytes;
  if (content.length !== size || crc32(content) !== checksum) {
    throw new Error(`${name} does not have the size and the checksum that the archive declares`);
  }
  return content;
}

function describe(zip: Buffer, entry: Entry): ZipEntry {
  const mode = entry.externalFileAttributes >>> 16;
  const { fileName: name, compressionMethod: method } = entry;
  if (/[\0-\x1f\x7f]/.test(name)) throw new Error(`${JSON.stringify(name)} has control characters in its name`);
  if ((mode & 0o170000) === 0o120000) throw new Error(`${name} is a symbolic link`);
  if ((entry.generalPurposeBitFlag & 1) !== 0) throw new Error(`${name} is encrypted`);
  if (method !== 0 && method !== 8) throw new Error(`${name} is compressed by method ${method}`);
  const local = entry.relativeOffsetOfLocalHeader;
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  return {
    name,
    method,
    crc32: entry.crc32,
    data: zip.subarray(start, start + entry.compressedSize),
    size: entry.uncompressedSize,
    executable: (mode & 0o111) !== 0,
  };
}
