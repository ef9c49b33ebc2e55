import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { BuildError, shownPath } from "./build-error";
import type { Target } from "./bundle";
import { type Lock, lockFile, projectPaths, readOwnLock } from "./lock";
import { lockCommand } from "./lock-command";
import { makePylock, readPylock } from "./pylock";
import { compileRequirements, readRequirementsTxt } from "./requirements-txt";
import { lockedPaths, readUvLock } from "./uv-lock";

/** A format of requirements and their lock. */
interface Form {
  /** Pattern for the name of the file in the description. */
  readonly fileName: RegExp;
  read(file: string, target: Target): Promise<Lock>;
  /** Paths of further files that belong to the named one, whether they exist or not; none of them is code. */
  beside(file: string): readonly string[];
  /** Command that writes the lock. Absent for our own form, which `npm run layer -- lock` writes. */
  command?(file: string): string;
}

const textOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");

const sibling = (file: string, name: string) => path.join(path.dirname(file), name);

/** The first match counts. */
const forms: readonly Form[] = [
  {
    fileName: /\.txt$/,
    read: async (file, target) => ({ target, ...(await readRequirementsTxt(file)) }),
    beside: (file) => [file.replace(/\.txt$/, ".in"), ...projectPaths(textOf(file), file)],
    command: compileRequirements,
  },
  {
    fileName: /^uv\.lock$/,
    read: async (file, target) => ({ target, ...(await readUvLock(file)) }),
    beside: (file) => [sibling(file, "pyproject.toml"), ...lockedPaths(textOf(file), file)],
    command: () => "uv lock",
  },
  {
    fileName: /^pylock(\.[^.]+)?\.toml$/,
    read: async (file, target) => ({ target, ...(await readPylock(file)) }),
    beside: () => [],
    command: () => makePylock,
  },
  {
    fileName: /^pyproject\.toml$/,
    read: async (file, target) => {
      const [lock, other] = projectLocks(file);
      if (lock === undefined) {
        throw new BuildError(
          `${shownPath(file)} has neither uv.lock nor pylock.toml beside it; run: uv lock, or, with the lock of another tool, ` +
            `write one of the two from it: pdm export --format pylock, or poetry export for a requirements.txt, and name that`,
        );
      }
      if (other !== undefined) {
        throw new BuildError(
          `${shownPath(file)} has both uv.lock and pylock.toml beside it; name the one that counts as the requirements`,
        );
      }
      const read = path.basename(lock) === "uv.lock" ? readUvLock(lock, path.dirname(file)) : readPylock(lock, file);
      return { target, ...(await read) };
    },
    beside: (file) => [
      ...["uv.lock", "pylock.toml"].map((name) => sibling(file, name)),
      ...lockedPaths(textOf(sibling(file, "uv.lock")), file),
    ],
    command: (file) => (projectLocks(file).some((lock) => lock.endsWith("pylock.toml")) ? makePylock : "uv lock"),
  },
  {
    fileName: /^(poetry\.lock|pdm\.lock|Pipfile(\.lock)?)$/,
    read: (file) => {
      throw new BuildError(
        `${shownPath(file)} is not a supported form of requirements; accepted are requirements.in, a requirements.txt with ` +
          `hashes, pyproject.toml with uv.lock or pylock.toml; write one of them: ${exported(file)}`,
      );
    },
    beside: () => [],
    command: exported,
  },
  {
    fileName: /./,
    read: (file, target) => readOwnLock(target, file),
    beside: (file) => [lockFile(file), ...projectPaths(textOf(file), file)],
  },
];

function exported(file: string): string {
  const exports: Readonly<Record<string, string>> = {
    "poetry.lock": "poetry export --format requirements.txt --output requirements.txt",
    "pdm.lock": "pdm export --prod --format requirements --output requirements.txt",
  };
  return exports[path.basename(file)] ?? "pipenv requirements --hash > requirements.txt";
}

/** Locks of a project: those beside it, otherwise that of its workspace. */
function projectLocks(file: string): string[] {
  const beside = ["uv.lock", "pylock.toml"].map((name) => sibling(file, name)).filter((lock) => existsSync(lock));
  const workspace = beside.length > 0 ? undefined : workspaceLock(path.dirname(path.resolve(file)));
  return workspace === undefined ? beside : [workspace];
}

/** The `uv.lock` of the nearest workspace above a folder. */
function workspaceLock(folder: string): string | undefined {
  const above = path.dirname(folder);
  if (above === folder) return undefined;
  const [project, lock] = [path.join(above, "pyproject.toml"), path.join(above, "uv.lock")];
  const isWorkspace = existsSync(project) && /^\[tool\.uv\.workspace\]/m.test(readFileSync(project, "utf8"));
  return isWorkspace && existsSync(lock) ? lock : workspaceLock(above);
}

function formOf(file: string): Form {
  const found = forms.find(({ fileName }) => fileName.test(path.basename(file)));
  if (found === undefined) throw new BuildError(`${shownPath(file)} has no name; name a file of requirements`);
  return found;
}

/**
 * Reads the lock of a requirements file, in any form, for a target. Checking whether the lock matches needs no network.
 *
 * @throws {BuildError} if there is no lock, or it was made for other requirements.
 */
export async function readLock(target: Target, file: string): Promise<Lock> {
  const lock = await formOf(file).read(file, target);
  return { ...lock, folder: path.resolve(path.dirname(file)) };
}

/** How to add or change a package of a requirements file: which file to edit, and which command to run. */
export function changeOfRequirements(
  file: string,
  target: Target,
): { readonly edited: string; readonly command: string } {
  const command = formOf(file).command?.(file);
  if (command === undefined) return { edited: shownPath(file), command: lockCommand(file, target) };
  const name = path.basename(file);
  const source = name === "uv.lock" ? "pyproject.toml" : name.replace(/\.txt$/, ".in");
  const edited = existsSync(sibling(file, source)) ? sibling(file, source) : file;
  return { edited: shownPath(edited), command: `${command} (in ${shownPath(path.dirname(file)) || "."})` };
}

/** Files that belong to the requirements rather than to the code. */
export function requirementFiles(file: string): readonly string[] {
  return [file, ...formOf(file).beside(file)];
}

/** How to update a lock that another tool writes; undefined for our own form. */
export function madeElsewhere(file: string): string | undefined {
  const command = formOf(file).command?.(file);
  return command === undefined
    ? undefined
    : `the lock of ${shownPath(file)} is made by another tool and left as it is; run in ${shownPath(path.dirname(file)) || "."}: ${command}`;
}
