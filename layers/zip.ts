import { crc32 } from "node:zlib";

/** A file in a zip, its content as the zip holds it. */
export interface ZipEntry {
  /** Path with slashes. */
  readonly name: string;
  readonly method: 0 | 8;
  readonly crc32: number;
  /** Content, deflated where `method` is 8. */
  readonly data: Buffer;
  /** Bytes of the content. */
  readonly size: number;
  readonly executable: boolean;
}

/** DOS form of 1980-01-01 00:00:00, the earliest date that a zip can hold. */
const date = 0x0021;

/**
 * Entry for new content, deflated by JavaScript: Node's own zlib gives other bytes on other builds of Node.
 */
export async function deflated(name: string, content: Buffer): Promise<ZipEntry> {
  const { deflateSync } = await import("fflate");
  const data = Buffer.from(deflateSync(content, { level: 9 }));
  if (data.length >= content.length) return stored(name, content);
  return { name, method: 8, crc32: crc32(content), data, size: content.length, executable: false };
}

/** Entry for content that is compressed already, such as a wheel. */
export function stored(name: string, content: Buffer): ZipEntry {
  return { name, method: 0, crc32: crc32(content), data: content, size: content.length, executable: false };
}

/**
 * A zip whose bytes follow from its entries alone: sorted by name, one date, two modes, no directories, no extra fields.
 */
export function writeZip(entries: readonly ZipEntry[]): Buffer {
  const sorted = entries
    .map((entry) => ({ entry, name: Buffer.from(entry.name) }))
    .sort((a, b) => a.name.compare(b.name));
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { entry, name } of sorted) {
    const common = commonHeader(entry, name.length);
    const local = Buffer.concat([signature(0x04034b50), common, name]);
    files.push(local, entry.data);

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
  return Buffer.concat([...files, listing, signature(0x06054b50), end]);
}

/** The fields that a file's own header and its line in the directory share. */
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
