/** Remainders of each byte by the reversed polynomial of Castagnoli (RFC 3720, B.4). */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
  return remainder;
});

/** The CRC32C checksum of an object, in base64 in big-endian order, as Cloud Storage has it. */
export function crc32c(body: Buffer): string {
  let remainder = 0xffffffff;
  for (const byte of body) remainder = (remainder >>> 8) ^ (table[(remainder ^ byte) & 0xff] ?? 0);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE((remainder ^ 0xffffffff) >>> 0);
  return checksum.toString("base64");
}
