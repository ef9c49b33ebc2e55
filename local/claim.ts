import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { isAlive } from "./process";

const fileOf = (state: string) => path.join(state, "cloud.pid");

/**
 * Makes this process the only cloud of a state folder, until it gives it up or ends.
 *
 * @throws where another cloud of this state folder is running.
 */
export function claim(state: string): void {
  const file = fileOf(state);
  const own = `${file}.${process.pid}`;
  const stale = `${own}.stale`;
  writeFileSync(own, String(process.pid));
  try {
    // A link appears with its content, and only where there is none: no crash leaves a claim without an owner.
    while (!succeeds(linkSync, own, file, "EEXIST")) {
      const owner = runningOwner(file);
      if (owner !== undefined) {
        throw new Error(
          `another local cloud (process ${owner}) is running on ${state}; stop it, or delete ${file} if that process is something else`,
        );
      }
      // What is moved away may be the claim of one that was faster: it goes back.
      if (succeeds(renameSync, file, stale, "ENOENT") && runningOwner(stale) !== undefined) {
        succeeds(linkSync, stale, file, "EEXIST");
      }
    }
  } finally {
    for (const temporary of [own, stale]) rmSync(temporary, { force: true });
  }
}

/** Lets another process have the state folder. */
export function giveUp(state: string): void {
  rmSync(fileOf(state), { force: true });
}

/** The process that a claim is of; undefined where it has ended, or the file names none. */
function runningOwner(file: string): number | undefined {
  const owner = Number(contentOf(file));
  // 0 and negative numbers are groups of processes to the system.
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

/** Whether a link or a rename could be made; false where it failed as it may. */
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
