import { inflateRawSync } from "node:zlib";

import { BuildError } from "./build-error";
import type { Architecture } from "./bundle";
import { glibc } from "./wheel-index";
import type { ZipEntry } from "./zip";

/** `e_machine` of the ELF header, from the System V ABI's list of machines. */
const machines: Record<number, Architecture> = { 0x3e: "x86_64", 0xb7: "arm64" };

/**
 * Checks a native library's own words, whatever its wheel's file name claims.
 *
 * @throws {BuildError} where it is for another processor, or asks for symbols of a newer glibc than the runtime's.
 */
export function checkNativeLibrary(entry: ZipEntry, wheel: string, architecture: Architecture): void {
  const content = entry.method === 8 ? inflateRawSync(entry.data) : entry.data;
  if (content.readUInt32BE(0) !== 0x7f454c46) {
    throw new BuildError(`${wheel}: ${entry.name} is no ELF library; the wheel is for another system than Linux`);
  }
  const machine = machines[content.readUInt16LE(18)];
  if (machine !== architecture) {
    throw new BuildError(
      `${wheel}: ${entry.name} is for ${machine ?? "another processor"}, the bundle for ${architecture}; ` +
        `the wheel's file name is wrong, require another release`,
    );
  }
  const needed = newestGlibc(content);
  if (needed > glibc.minor) {
    throw new BuildError(
      `${wheel}: ${entry.name} needs glibc ${glibc.major}.${needed}, the runtime has ${glibc.major}.${glibc.minor}; ` +
        `require a release that is built for manylinux_${glibc.major}_${glibc.minor} or older`,
    );
  }
}

/** The newest `GLIBC_2.n` among a library's version names: those of its own symbols stand in the same table of strings. */
function newestGlibc(content: Buffer): number {
  let newest = 0;
  for (let at = content.indexOf("GLIBC_2."); at >= 0; at = content.indexOf("GLIBC_2.", at + 1)) {
    newest = Math.max(newest, parseInt(content.toString("latin1", at + 8, at + 11), 10) || 0);
  }
  return newest;
}
