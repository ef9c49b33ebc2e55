import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { BuildError, shownPath } from "./build-error";
import type { Target } from "./bundle";
import { type Lock, lockFile, projectPaths, readOwnLock } from "./lock";
import { lockCommand } from "./lock-command";
import { makePylock, readPylock } from "./pylock";
import { compileRequirements, readRequirementsTxt } from "./requirements-txt";
import { lockedPaths, readUvLock } from "./uv-lock";

/** A way to write what is required, and what is locked for it. */
interface Form {
  /** Of the file that the description names. */
  readonly fileName: RegExp;
  read(file: string, target: Target): Promise<Lock>;
  /** Files beside the named one that belong to it, there or not; none of them is code. */
  beside(file: string): readonly string[];
  /** Command that makes the lock. Absent for our own form, whose lock we make. */
  command?(file: string): string;
}

const textOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");

const sibling = (file: string, name: string) => path.join(path.dirname(file), name);

/** The first that fits counts. */
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
        `${shownPath(file)} is no form of requirements that is read; accepted are requirements.in, a requirements.txt with ` +
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

/** Locks of a project: beside it, else that of the workspace which it is a member of. */
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
 * Reads what is locked for a file of requirements, in whichever form, for a target. Nothing but the files is needed to tell
 * whether the lock matches.
 *
 * @throws {BuildError} where there is no lock, or where it was made for other requirements.
 */
export async function readLock(target: Target, file: string): Promise<Lock> {
  const lock = await formOf(file).read(file, target);
  return { ...lock, folder: path.resolve(path.dirname(file)) };
}

/** How to require another package of a file of requirements, or another version: which file to change, and what to run then. */
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

/** Files that say what is required and locked, rather than being part of the code. */
export function requirementFiles(file: string): readonly string[] {
  return [file, ...formOf(file).beside(file)];
}

/** How to make the lock of a file of requirements, where another tool than this one makes it. */
export function madeElsewhere(file: string): string | undefined {
  const command = formOf(file).command?.(file);
  return command === undefined
    ? undefined
    : `the lock of ${shownPath(file)} is made by another tool and left as it is; run in ${shownPath(path.dirname(file)) || "."}: ${command}`;
}
