import { crc32, deflateRawSync } from "node:zlib";

/** A file of a zip that no library would write. */
export interface RawFile {
  readonly name: string;
  readonly content: string;
  /** Default: `name`. */
  readonly ownName?: string;
  /** Default: 8, deflated. */
  readonly method?: number;
  /** Whether sizes and checksum stand behind the content, as who does not know them before writes them. */
  readonly descriptor?: boolean;
  /** Whether sizes stand in a field for large files. */
  readonly large?: boolean;
}

/** What is wrong with the frame of a zip. */
export interface Frame {
  /** Files that the end record counts. Default: all. */
  readonly count?: number;
  readonly before?: Buffer;
  readonly behind?: Buffer;
  /** Bytes between the content of the files and their list. */
  readonly between?: Buffer;
  /** Whether the list is that of a large zip (zip64). */
  readonly large?: boolean;
}

/** A zip, byte by byte. */
export function rawZip(
  files: readonly RawFile[],
  { count, before, behind, between, large = false }: Frame = {},
): Buffer {
  const parts: Uint8Array[] = before === undefined ? [] : [before];
  const lines: Buffer[] = [];
  const length = () => parts.reduce((total, part) => total + part.length, 0);
  for (const file of files) {
    const { name, content, ownName = name, method = 8, descriptor = false } = file;
    const bytes = Buffer.from(content);
    const data = method === 8 ? deflateRawSync(bytes) : bytes;
    const numbers = { checksum: crc32(bytes), packed: data.length, size: bytes.length };
    const start = length();
    const header = { ...numbers, method, flags: 0x800 | (descriptor ? 8 : 0), large: file.large ?? false };
    parts.push(
      fields("4", 0x04034b50),
      common(descriptor ? { ...header, checksum: 0, packed: 0, size: 0 } : header, Buffer.from(ownName)),
      data,
    );
    if (descriptor) parts.push(fields("4444", 0x08074b50, numbers.checksum, numbers.packed, numbers.size));
    const own = Buffer.from(name);
    const shared = common(header, own, fields("22244", 0, 0, 0, 0o100644 * 0x10000, start));
    lines.push(fields("42", 0x02014b50, 0x0314), shared);
  }
  if (between !== undefined) parts.push(between);
  const start = length();
  const list = Buffer.concat(lines);
  parts.push(list);
  const counted = count ?? files.length;
  if (large) {
    const end = length();
    parts.push(fields("482244", 0x06064b50, 44, 45, 45, 0, 0), fields("8888", counted, counted, list.length, start));
    parts.push(fields("4484", 0x07064b50, 0, end, 1));
    parts.push(fields("42222442", 0x06054b50, 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0));
  } else {
    parts.push(fields("42222442", 0x06054b50, 0, 0, counted, counted, list.length, start, 0));
  }
  if (behind !== undefined) parts.push(behind);
  return Buffer.concat(parts);
}

interface Header {
  readonly checksum: number;
  readonly packed: number;
  readonly size: number;
  readonly method: number;
  readonly flags: number;
  readonly large: boolean;
}

/** What a file's own header and its line in the list share, and the rest of the line between lengths and name. */
function common(
  { checksum, packed, size, method, flags, large }: Header,
  name: Buffer,
  rest: Buffer = Buffer.alloc(0),
): Buffer {
  const extra = large ? fields("2288", 1, 16, size, packed) : Buffer.alloc(0);
  const sizes = large ? [0xffffffff, 0xffffffff] : [packed, size];
  return Buffer.concat([
    fields("2222244422", 45, flags, method, 0, 0x21, checksum, ...sizes, name.length, extra.length),
    rest,
    name,
    extra,
  ]);
}

/** Numbers as little-endian fields of as many bytes as the digits say. */
function fields(widths: string, ...values: readonly number[]): Buffer {
  return Buffer.concat(
    Array.from(widths, Number).map((width, index) => {
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(BigInt(values[index] ?? 0));
      return field.subarray(0, width);
    }),
  );
}
