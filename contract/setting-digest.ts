import { createHash } from "node:crypto";

/** Tells values of one setting apart, by 12 hexadecimal digits; what it was made of is not to be stated in an output. */
export function settingDigest(name: string, value: string): string {
  return createHash("sha256").update(`${name}=${value}`).digest("hex").slice(0, 12);
}
