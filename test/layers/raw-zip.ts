import { crc32, deflateRawSync } from "node:zlib";

/** A file of a zip, in forms that no library writes. */
export interface RawFile {
  readonly name: string;
  readonly content: string;
  /** Default: `name`. */
  readonly ownName?: string;
  /** Default: 8, deflated. */
  readonly method?: number;
  /** Whether a data descriptor follows the content, as in streamed zips. */
  readonly descriptor?: boolean;
  /** Whether sizes are in the zip64 field. */
  readonly large?: boolean;
}

/** Faults of a zip's structure. */
export interface Frame {
  /** Number of files in the end record. Default: all. */
  readonly count?: number;
  readonly before?: Buffer;
  readonly behind?: Buffer;
  /** Bytes between the files' content and the central directory. */
  readonly between?: Buffer;
  /** Whether the central directory is in zip64 form. */
  readonly large?: boolean;
}

/** Builds a zip byte by byte. */
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

/**
 * The fields that a local header and a central directory record share, and the rest of the record between lengths and
 * name.
 */
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

/** Numbers as little-endian fields, with the widths in bytes that the digits give. */
function fields(widths: string, ...values: readonly number[]): Buffer {
  return Buffer.concat(
    Array.from(widths, Number).map((width, index) => {
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(BigInt(values[index] ?? 0));
      return field.subarray(0, width);
    }),
  );
}
