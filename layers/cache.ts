import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

/**
 * A folder of the project's cache, which every checkout of a user shares: `$XDG_CACHE_HOME/multicloud-auto-deploy`, or
 * `~/.cache/multicloud-auto-deploy`. Everything in it can be made again, so deleting it is always safe.
 */
export function cacheDirectory(...parts: string[]): string {
  const base = process.env.XDG_CACHE_HOME ?? path.join(homedir(), ".cache");
  return path.join(base, "multicloud-auto-deploy", ...parts);
}

/**
 * Writes a file so that no reader, and no process that is killed half-way, ever leaves or sees a part of it: the rename
 * of a finished file is one step.
 */
export async function writeAtomically(file: string, content: Buffer | string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
