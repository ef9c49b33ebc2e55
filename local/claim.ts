import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { isAlive } from "./process";

const fileOf = (state: string) => path.join(state, "cloud.pid");

/**
 * Makes this process the only cloud of a state folder until it releases the claim or ends.
 *
 * @throws if another cloud of this state folder is running.
 */
export function claim(state: string): void {
  const file = fileOf(state);
  const own = `${file}.${process.pid}`;
  const stale = `${own}.stale`;
  writeFileSync(own, String(process.pid));
  try {
    // A hard link appears with its content, and only if the name is free, so a crash never leaves a claim without an
    // owner.
    while (!succeeds(linkSync, own, file, "EEXIST")) {
      const owner = runningOwner(file);
      if (owner !== undefined) {
        throw new Error(
          `another local cloud (process ${owner}) is running on ${state}; stop it, or delete ${file} if that process is something else`,
        );
      }
      // The moved file may be the claim of a faster process; if so, it is moved back.
      if (succeeds(renameSync, file, stale, "ENOENT") && runningOwner(stale) !== undefined) {
        succeeds(linkSync, stale, file, "EEXIST");
      }
    }
  } finally {
    for (const temporary of [own, stale]) rmSync(temporary, { force: true });
  }
}

/** Releases the claim. */
export function giveUp(state: string): void {
  rmSync(fileOf(state), { force: true });
}

/** The process of a claim; undefined if it has ended, or the file names none. */
function runningOwner(file: string): number | undefined {
  const owner = Number(contentOf(file));
  // The system treats 0 and negative numbers as process groups.
  return Number.isInteger(owner) && owner > 0 && isAlive(owner) ? owner : undefined;
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}

/** Whether a link or rename succeeded; false for the expected error. */
function succeeds(make: typeof linkSync, from: string, to: string, expected: "EEXIST" | "ENOENT"): boolean {
  try {
    make(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, expected)) return false;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
