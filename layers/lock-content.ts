import { BuildError } from "./build-error";
import { sha256 } from "./cache";
import { type Lock, lockedPackage, type Pin } from "./lock";

/** The content of a lock in any form, without its target. */
export type LockContent = Omit<Lock, "target">;

/** Facts about the whole lock. */
interface LockFacts extends Pick<Lock, "edgeless" | "indexOptions"> {
  /** Python versions that it supports, as in `project.requires-python`. */
  readonly requiresPython?: string;
}

/**
 * The content of a lock that another tool wrote. Its digest covers only what is installed, so that other changes, such
 * as to development packages, do not rebuild the bundle.
 *
 * @param lock the file, as messages name it.
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
        `publishes the hashes of its files, as PyPI does`,
    );
  }
  const packages = pins.map(lockedPackage).sort((a, b) => (a.statement < b.statement ? -1 : 1));
  const installed = packages.map(({ statement, required, neededBy }) => ({ statement, required, neededBy }));
  const serves = { pythonVersion: oldestPython(requiresPython), newestPython: newestPython(requiresPython) };
  const hash = sha256(JSON.stringify({ installed, ...serves, edgeless }));
  return { sha256: hash, packages, edgeless, indexOptions, ...serves };
}

/** Default: the oldest version that the clouds run. */
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
