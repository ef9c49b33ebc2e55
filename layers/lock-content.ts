import { BuildError } from "./build-error";
import { sha256 } from "./cache";
import { type Lock, lockedPackage, type Pin } from "./lock";

/** What a lock in any form holds, before it is known which target it is for. */
export type LockContent = Omit<Lock, "target">;

/** What a lock says of all of its packages. */
interface LockFacts extends Pick<Lock, "edgeless" | "indexOptions"> {
  /** Versions that it serves, as `project.requires-python` has them. */
  readonly requiresPython?: string;
}

/**
 * The content of a lock that another tool made. Its digest is of what is installed: a change of what the lock says beside
 * that, such as of packages for development, is none of the bundle's.
 *
 * @param lock the file, as a message names it.
 * @throws {BuildError} for a package without a hash.
 */
export function lockContent(
  lock: string,
  pins: readonly Pin[],
  { requiresPython = "", edgeless, indexOptions = [] }: LockFacts = {},
): LockContent {
  const unhashed = pins.filter(({ hashes }) => hashes.length === 0).map(({ name, version }) => `${name} ${version}`);
  if (unhashed.length > 0) {
    throw new BuildError(
      `${lock} has no SHA-256 of ${unhashed.join(", ")}, so their files cannot be checked; lock them from an index that ` +
        `tells the hashes of its files, as PyPI does`,
    );
  }
  const packages = pins.map(lockedPackage).sort((a, b) => (a.statement < b.statement ? -1 : 1));
  const installed = packages.map(({ statement, required, neededBy }) => ({ statement, required, neededBy }));
  const serves = { pythonVersion: oldestPython(requiresPython), newestPython: newestPython(requiresPython) };
  const hash = sha256(JSON.stringify({ installed, ...serves, edgeless }));
  return { sha256: hash, packages, edgeless, indexOptions, ...serves };
}

/** The oldest that the clouds run, where nothing is said. */
function oldestPython(requires: string): string {
  const minors = [...requires.matchAll(/(?:>=|==|~=)\s*3\.(\d+)/g)].map(([, minor]) => Number(minor));
  return `3.${Math.max(11, ...minors)}`;
}

function newestPython(requires: string): string | undefined {
  const minors = [
    ...[...requires.matchAll(/<\s*3\.(\d+)(\.0*[1-9])?/g)].map(([, minor, patch]) => Number(minor) - (patch ? 0 : 1)),
    ...[...requires.matchAll(/(?:<=|(?<!=)==|~=(?=\s*3\.\d+\.))\s*3\.(\d+)/g)].map(([, minor]) => Number(minor)),
  ];
  return minors.length === 0 ? undefined : `3.${Math.min(...minors)}`;
}
