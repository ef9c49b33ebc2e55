import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

import { didYouMean } from "../contract/suggestion";
import { BuildError, reasonOf, shownPath } from "./build-error";
import { writeAtomically } from "./cache";
import {
  checkSelfContained,
  type LockedPackage,
  lockedPackages,
  lockedPython,
  lockFile,
  normalisedName,
  pythonHeader,
  requirementsHeader,
} from "./lock";
import { madeElsewhere } from "./lock-forms";
import { ownWheel, uvPipCompile } from "./uv";

/** Default for new locks: the default Python of stacks, and newer ones. */
const defaultPython = "3.12";

export interface LockOptions {
  /** Packages to upgrade. Default: none. */
  readonly upgrade?: Upgrade;
  /**
   * The oldest Python that the lock has to support, e.g. `3.12`. Default: that of the existing lock, otherwise 3.12.
   */
  readonly pythonVersion?: string;
  /**
   * Whether a package without a wheel may be built from its source. Building runs its code to find its requirements.
   * Default: yes.
   */
  readonly sdists?: boolean;
}

/**
 * Packages to upgrade to their newest accepted version. Other packages keep their version as long as the requirements
 * accept it.
 */
export type Upgrade = "all" | readonly string[];

/** Result of resolving the requirements of a target. */
export interface Resolution {
  readonly before: readonly LockedPackage[];
  readonly after: readonly LockedPackage[];
  /** The new lock. */
  readonly text: string;
}

/**
 * Resolves a requirements file and rewrites its lock.
 *
 * @throws {BuildError} if no versions satisfy the requirements; the lock stays unchanged.
 */
export async function relock(file: string, options: LockOptions = {}): Promise<Resolution> {
  const resolution = await resolve(file, options);
  await writeAtomically(lockFile(file), resolution.text);
  return resolution;
}

/**
 * Checks that every package to upgrade is locked.
 *
 * @param files requirements files, with their locks beside them.
 * @throws {BuildError} naming the packages that no lock contains.
 */
export async function checkUpgrade(files: readonly string[], names: readonly string[]): Promise<void> {
  const locks = await Promise.all(
    files.map(async (file) => lockedPackages(await readFile(lockFile(file), "utf8").catch(() => ""), file)),
  );
  const locked = locks.flat().map(({ name }) => name);
  const unknown = names.filter((name) => !locked.includes(normalisedName(name)));
  if (unknown.length === 0) return;
  const suggestions = unknown.map((name) => `${name} is in no lock${didYouMean(normalisedName(name), locked)}`);
  throw new BuildError(
    `nothing to upgrade: ${suggestions.join(", ")}; the locked packages are in ${files.map(lockFile).map(shownPath).join(", ")}`,
  );
}

/**
 * Resolves a requirements file to a lock: the hashes of every platform, the origin of each requirement, and no index
 * addresses.
 *
 * @throws {BuildError} if no versions satisfy the requirements.
 */
export async function resolve(
  input: string,
  { upgrade = [], pythonVersion, sdists = true }: LockOptions,
): Promise<Resolution> {
  const elsewhere = madeElsewhere(input);
  if (elsewhere !== undefined) throw new BuildError(elsewhere);
  const output = lockFile(input);
  const requirements = await readFile(input, "utf8").catch(() => {
    throw new BuildError(`${shownPath(input)} cannot be read; write the requirements there`);
  });
  checkSelfContained(requirements, input);
  const before = await readFile(output, "utf8").catch(() => "");
  const oldestPython = pythonVersion ?? (before === "" ? defaultPython : lockedPython(before));

  const workplace = await mkdtemp(path.join(os.tmpdir(), "relock-"));
  const copy = path.join(workplace, path.basename(output));
  try {
    if (before !== "") await writeFile(copy, before);
    const args = [
      ...[path.basename(input), "--output-file", copy, "--universal", "--python-version", oldestPython],
      ...["--no-emit-index-url", "--no-emit-find-links", "--no-header", "--annotation-style", "line"],
      ...(upgrade === "all" ? ["--upgrade"] : upgrade.flatMap((name) => ["--upgrade-package", name])),
    ];
    // Comments in the lock name the requirements file relative to this folder, not by an absolute path.
    await compiled(args, path.dirname(input), sdists);
    const pins = await readFile(copy, "utf8");
    return {
      before: lockedPackages(before, input),
      after: lockedPackages(pins, input),
      text: requirementsHeader(requirements) + pythonHeader(oldestPython) + pins,
    };
  } catch (error) {
    throw new BuildError(
      `the requirements in ${shownPath(input)} could not be resolved for Python ${oldestPython} and newer, their lock is unchanged:
` +
        `${reasonOf(error)}
Where a package needs a newer Python, run: npm run layer -- lock --python-version <version>` +
        (/no usable wheels|Failed to build/.test(reasonOf(error)) ? `\n${ownWheel}` : "") +
        (reasonOf(error).includes("no usable wheels") && !sdists
          ? "\nSources are not built, as layers.sdists = false in the description says."
          : ""),
    );
  } finally {
    await rm(workplace, { recursive: true });
  }
}

/**
 * Resolves with wheels only. Packages without a wheel in any accepted version are resolved from source, if that is
 * allowed.
 */
async function compiled(args: readonly string[], cwd: string, sdists: boolean): Promise<void> {
  const sources = new Set<string>();
  for (;;) {
    const fromSource = [...sources].flatMap((name) => ["--no-binary", name]);
    try {
      await uvPipCompile([...args, "--only-binary", ":all:", ...fromSource], { cwd, building: sources.size > 0 });
      return;
    } catch (error) {
      const [, name] =
        /([A-Za-z0-9][\w.-]*?)(?:[<>=!~]=?\S+)? (?:has|have) no usable wheels/.exec(reasonOf(error)) ?? [];
      if (!sdists || name === undefined || sources.has(normalisedName(name))) throw error;
      sources.add(normalisedName(name));
    }
  }
}
