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

/** What a new lock serves where nothing is said: the Python that stacks run by default, and newer ones. */
const defaultPython = "3.12";

export interface LockOptions {
  /** What to bring to newer versions. Default: nothing. */
  readonly upgrade?: Upgrade;
  /** The oldest Python that the lock is to serve, e.g. `3.12`. Default: the one that it served before, else 3.12. */
  readonly pythonVersion?: string;
  /** Whether a package without a wheel may be built from its source, whose code runs to tell what it requires. Default: yes. */
  readonly sdists?: boolean;
}

/** Packages to bring to their newest accepted version; the others stay where their requirements still accept them. */
export type Upgrade = "all" | readonly string[];

/** What resolving the requirements of a target changes. */
export interface Resolution {
  readonly before: readonly LockedPackage[];
  readonly after: readonly LockedPackage[];
  /** The new lock. */
  readonly text: string;
}

/**
 * Resolves a file of requirements and rewrites its lock.
 *
 * @throws {BuildError} where nothing satisfies the requirements; the lock is as it was then.
 */
export async function relock(file: string, options: LockOptions = {}): Promise<Resolution> {
  const resolution = await resolve(file, options);
  await writeAtomically(lockFile(file), resolution.text);
  return resolution;
}

/**
 * Checks that there is something to upgrade of each name.
 *
 * @param files of requirements, with their locks beside them.
 * @throws {BuildError} naming what no lock has.
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
    `nothing to upgrade: ${suggestions.join(", ")}; what is locked is in ${files.map(lockFile).map(shownPath).join(", ")}`,
  );
}

/**
 * Resolves a file of requirements to a lock: every platform's hashes, what needs each package, and no address of an index.
 *
 * @throws {BuildError} where nothing satisfies the requirements.
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
    // The comments in the lock name the requirements as seen from here: not by a path of this machine.
    await compiled(args, path.dirname(input), sdists);
    const pins = await readFile(copy, "utf8");
    return {
      before: lockedPackages(before, input),
      after: lockedPackages(pins, input),
      text: requirementsHeader(requirements) + pythonHeader(oldestPython) + pins,
    };
  } catch (error) {
    throw new BuildError(
      `the requirements in ${shownPath(input)} could not be resolved for Python ${oldestPython} and newer, their lock is as it was:
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

/** Resolves with wheels; what has none in any accepted version comes from its source, where that is allowed. */
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
