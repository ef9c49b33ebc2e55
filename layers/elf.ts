import type { Architecture } from "./bundle";
import { newestGlibc, type Platform } from "./tags";

/** `e_machine` of the ELF header, from the System V ABI's list of machines. */
const machines: Record<number, Architecture> = { 0x3e: "x86_64", 0xb7: "arm64" };

export function isElf(content: Buffer): boolean {
  return content.length >= 64 && content.readUInt32BE(0) === 0x7f454c46;
}

/** The processor that an ELF file is for; undefined for one that no cloud runs. */
export function machineOf(elf: Buffer): Architecture | undefined {
  return machines[elf.readUInt16LE(18)];
}

/**
 * Checks a native library's own words, whatever its wheel's file name claims.
 *
 * @throws where it asks for symbols of a newer glibc than the runtime's.
 */
export function checkGlibc(name: string, content: Buffer, platform: Platform): void {
  const [needed, offered] = [neededGlibc(content), newestGlibc(platform)];
  if (needed > offered) {
    throw new Error(
      `${name} needs glibc 2.${needed}, the runtime has 2.${offered}: wheels for manylinux_2_${offered} or older are accepted`,
    );
  }
}

/** The newest `GLIBC_2.n` among a library's version names: those of its own symbols stand in the same table of strings. */
function neededGlibc(content: Buffer): number {
  let newest = 0;
  for (let at = content.indexOf("GLIBC_2."); at >= 0; at = content.indexOf("GLIBC_2.", at + 1)) {
    newest = Math.max(newest, parseInt(content.toString("latin1", at + 8, at + 11), 10) || 0);
  }
  return newest;
}
