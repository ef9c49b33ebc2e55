import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { BuildError } from "./build-error";
import type { Target } from "./bundle";

/** A committed lock: what may go into a target's bundle, to the byte. */
export interface Lock {
  readonly path: string;
  readonly text: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** Accepted SHA-256 hashes of each distribution's files, by normalised name. */
  readonly hashes: ReadonlyMap<string, ReadonlySet<string>>;
}

const folder = path.join(__dirname, "requirements");

export const requirementsPath = (target: Target) => path.join(folder, `${target}.in`);
export const lockPath = (target: Target) => path.join(folder, `${target}.lock`);

/** First line of a lock: which requirements it answers, so that a changed requirement without a new lock is an error. */
const requirementsLine = /^# requirements sha256: ([0-9a-f]{64})$/m;

export const requirementsHeader = (requirements: string) =>
  `# requirements sha256: ${sha256(meaningful(requirements))}\n`;

/**
 * Reads the lock of a target.
 *
 * @throws {BuildError} where there is none, or where it was made for other requirements.
 */
export async function readLock(target: Target): Promise<Lock> {
  const file = lockPath(target);
  const [requirements, text] = await Promise.all([read(requirementsPath(target)), read(file)]);
  if (!text.startsWith(requirementsHeader(requirements))) {
    throw new BuildError(
      `${shown(file)} does not match ${shown(requirementsPath(target))}: it was made for ` +
        `${requirementsLine.exec(text)?.[1]?.slice(0, 12) ?? "unknown requirements"}, which has changed since; ` +
        `run: npm run layer -- lock --target ${target}`,
    );
  }
  return { path: file, text, sha256: sha256(text), hashes: lockedHashes(text) };
}

/** PEP 503: names that differ only in case and in `-`, `_`, `.` are one. */
export function normalisedName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

function lockedHashes(text: string): Map<string, Set<string>> {
  const hashes = new Map<string, Set<string>>();
  const statements = text.replace(/\\\n/g, " ").split("\n");
  for (const statement of statements) {
    const name = /^([A-Za-z0-9][\w.-]*)==/.exec(statement)?.[1];
    if (name === undefined) continue;
    const known = hashes.get(normalisedName(name)) ?? new Set();
    for (const [, hash = ""] of statement.matchAll(/--hash=sha256:([0-9a-f]{64})/g)) known.add(hash);
    hashes.set(normalisedName(name), known);
  }
  return hashes;
}

/** Requirements without comments and blank lines, which change nothing that is installed. */
function meaningful(requirements: string): string {
  return requirements
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "")
    .join("\n");
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    throw new BuildError(`${shown(file)} is missing; run: npm run layer -- lock`);
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function shown(file: string): string {
  return path.relative(path.join(__dirname, ".."), file);
}
