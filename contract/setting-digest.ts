import { createHash } from "node:crypto";

/** Digest of a setting's value, in 12 hexadecimal digits, for outputs that must not contain the value. */
export function settingDigest(name: string, value: string): string {
  return createHash("sha256").update(`${name}=${value}`).digest("hex").slice(0, 12);
}
