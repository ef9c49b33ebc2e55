import type { Architecture } from "./bundle";
import { newestGlibc, type Platform } from "./tags";

/** `e_machine` of the ELF header, from the System V ABI's list of machines. */
const machines: Record<number, Architecture> = { 0x3e: "x86_64", 0xb7: "arm64" };

export function isElf(content: Buffer): boolean {
  return content.length >= 64 && content.readUInt32BE(0) === 0x7f454c46;
}

/** The processor of an ELF file; undefined for one that no cloud runs. */
export function machineOf(elf: Buffer): Architecture | undefined {
  return machines[elf.readUInt16LE(18)];
}

/**
 * Checks which glibc a native library needs, independently of the tags in its wheel's file name.
 *
 * @throws if it needs a newer glibc than the runtime has.
 */
export function checkGlibc(name: string, content: Buffer, platform: Platform): void {
  const [needed, offered] = [neededGlibc(content), newestGlibc(platform)];
  if (needed > offered) {
    throw new Error(
      `${name} needs glibc 2.${needed}, the runtime has 2.${offered}: wheels for manylinux_2_${offered} or older are accepted`,
    );
  }
}

/**
 * The newest `GLIBC_2.n` among a library's required version names. The library's own versions are in the same string
 * table.
 */
function neededGlibc(content: Buffer): number {
  let newest = 0;
  for (let at = content.indexOf("GLIBC_2."); at >= 0; at = content.indexOf("GLIBC_2.", at + 1)) {
    newest = Math.max(newest, parseInt(content.toString("latin1", at + 8, at + 11), 10) || 0);
  }
  return newest;
}
