import { readFile } from "node:fs/promises";
import path from "node:path";

import { BuildError, shownPath } from "./build-error";
import type { Target } from "./bundle";
import { sha256 } from "./cache";
import { localPackage, localRequirement } from "./local-package";
import { lockCommand } from "./lock-command";

/** A package of a lock. */
export interface LockedPackage {
  /** Normalised name (PEP 503). */
  readonly name: string;
  readonly version: string;
  /** Whether a requirement names it directly. */
  readonly required: boolean;
  /** Normalised names of the packages that require it. */
  readonly neededBy: readonly string[];
  /** Accepted SHA-256 hashes of its files, of all platforms. */
  readonly hashes: ReadonlySet<string>;
  /** The requirement with version, marker and hashes, as pip and uv read it. */
  readonly statement: string;
  /** Absolute path of its source, wheel or archive, if it is a local package. */
  readonly local?: string;
}

/** A committed lock: it determines the bytes of a target's bundles. */
export interface Lock {
  readonly target: Target;
  /** SHA-256 in hexadecimal: of the file for our own form, of the installed packages for other forms. */
  readonly sha256: string;
  /** The oldest Python that it supports, e.g. `3.12`; newer ones are supported as well. */
  readonly pythonVersion: string;
  /** The newest Python that it supports, if the lock states one. */
  readonly newestPython?: string;
  /** For a form of lock without dependency edges (`neededBy`): the reason, and what to do. */
  readonly edgeless?: string;
  /** A package may occur several times, with markers that exclude each other. */
  readonly packages: readonly LockedPackage[];
  /** Absolute path of the folder of the requirements, where uv looks for its configuration. */
  readonly folder?: string;
  /** uv options in the requirements that name indexes and folders of wheels. */
  readonly indexOptions?: readonly string[];
  /** Whether a package without a wheel may be built from its source. Default: yes. */
  readonly sdists?: boolean;
}

/** The lock is beside its requirements file: `requirements.lock` for `requirements.in`. */
export const lockFile = (requirements: string) => requirements.replace(/(\.[^./\\]*)?$/, ".lock");

/** First line of a lock: a hash of its requirements, so that a changed requirement without a new lock is an error. */
export const requirementsHeader = (requirements: string) =>
  `# requirements sha256: ${sha256(meaningful(requirements))}\n`;

/** Second line of a lock: the oldest Python that it was resolved for. */
export const pythonHeader = (version: string) => `# python: ${version}\n`;

/** The oldest Python that a lock's text supports. Locks without the line were made for 3.11. */
export function lockedPython(text: string): string {
  return /^# python: (\d+\.\d+)$/m.exec(text)?.[1] ?? "3.11";
}

/**
 * Reads the lock of a requirements file in our own form, for a target.
 *
 * @throws {BuildError} if there is none, or it was made for other requirements.
 */
export async function readOwnLock(target: Target, file: string): Promise<Lock> {
  const requirements = await read(file);
  checkSelfContained(requirements, file);
  const text = await readFile(lockFile(file), "utf8").catch(() => {
    throw new BuildError(
      `${shownPath(lockFile(file))}, the lock of ${shownPath(file)}, cannot be read; run: ${lockCommand(file, target)}`,
    );
  });
  if (!text.startsWith(requirementsHeader(requirements))) {
    const madeFor = /^# requirements sha256: ([0-9a-f]{12})/.exec(text)?.[1];
    throw new BuildError(
      `${shownPath(lockFile(file))} does not match ${shownPath(file)}: it was made for ` +
        (madeFor === undefined ? "unknown requirements" : `requirements with the hash ${madeFor}..., which are now `) +
        (madeFor === undefined ? "" : `${sha256(meaningful(requirements)).slice(0, 12)}...`) +
        `; run: ${lockCommand(file, target)}`,
    );
  }
  const packages = lockedPackages(text, file);
  // The text does not contain the content of local packages.
  const own = packages.filter(({ local }) => local !== undefined).map(({ statement }) => statement);
  return {
    ...{ target, packages, pythonVersion: lockedPython(text), indexOptions: indexOptions(requirements, file) },
    sha256: sha256([text, ...own].join("\n")),
  };
}

/** Options in the requirements that name sources of packages, with their values; folders as absolute paths. */
export function indexOptions(requirements: string, file: string): string[] {
  return meaningful(requirements)
    .split("\n")
    .flatMap((line) => {
      if (line === "--no-index") return [line];
      const [, option, value] =
        /^(-f|-i|--find-links|--index-url|--extra-index-url)[ =]+["']?([^\s"']+)["']?$/.exec(line) ?? [];
      if (option === undefined || value === undefined) return [];
      return [option, /^[a-z]+:\/\//.test(value) ? value : path.resolve(path.dirname(file), value)];
    });
}

/** Absolute paths of the local packages and the folders of wheels that requirements name. */
export function projectPaths(requirements: string, file: string): string[] {
  const local = meaningful(requirements)
    .split("\n")
    .flatMap((line) => localRequirement.exec(line)?.[1] ?? [])
    .map((found) => path.resolve(path.dirname(file), found));
  return [...local, ...indexOptions(requirements, file).filter((value) => path.isAbsolute(value))];
}

/** PEP 503: names that differ only in case and in `-`, `_`, `.` are equal. */
export function normalisedName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** Syntax that requirements may not use, and what to write instead. */
interface Unacceptable {
  readonly pattern: RegExp;
  readonly instead: string;
}

const otherFile: Unacceptable = {
  pattern: /^(-r|-c|--requirement|--constraint)\b/,
  instead: "write what that file has into this one, which has to be self-contained",
};
const ownHashes: Unacceptable = {
  pattern: /\s--hash\b/,
  instead: "leave hashes to the lock, which has those of every file; require the version alone",
};

/**
 * Checks that requirements name no other file, since a change in that file would not change the hash of the
 * requirements, and contain no hashes, which would not reach the lock.
 *
 * @throws {BuildError}
 */
export function checkSelfContained(requirements: string, file: string): void {
  checkLines(meaningful(requirements.replace(/\\\r?\n/g, " ")).split("\n"), file, [otherFile, ownHashes]);
}

/**
 * Checks that no line of a file names another file.
 *
 * @throws {BuildError}
 */
export function checkStandsAlone(lines: readonly string[], file: string): void {
  checkLines(lines, file, [otherFile]);
}

function checkLines(lines: readonly string[], file: string, unacceptable: readonly Unacceptable[]): void {
  for (const line of lines) {
    const found = unacceptable.find(({ pattern }) => pattern.test(line));
    if (found === undefined) continue;
    throw new BuildError(`${shownPath(file)} has "${line.replace(/\s+/g, " ").slice(0, 100)}": ${found.instead}`);
  }
}

/** The annotation of a requirements file, or of a project's `pyproject.toml`, as the origin of a requirement. */
const ofRequirements = /^-r |\s\(.+\)$/;

/**
 * The packages in a lock's text.
 *
 * @param file the requirements file, whose folder is the base of relative paths. Absent: relative paths are not
 * allowed.
 * @throws {BuildError} for a line that is not a release on an index, such as a URL.
 */
export function lockedPackages(text: string, file?: string): LockedPackage[] {
  // The comment after a requirement says what requires it, on one line or one line for each.
  return [
    ...text.matchAll(/^(?<statement>[ \t]*\S(?:.*\\\n)*.*)(?:\n +# via(?<via>.*(?:\n +# {2,}\S.*)*))?$/gm),
  ].flatMap(({ groups }) => {
    const { statement: indented = "", via = "" } = groups ?? {};
    const statement = indented.trim();
    if (statement.startsWith("#")) return [];
    const local = localRequirement.exec(statement)?.[1];
    if (local !== undefined && file !== undefined) return [localPin(statement, via, local, file)];
    const [, name, version] =
      /^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])? *==(?!=) *([^\s;\\,*#]+)(?=[\s;\\]|$)/.exec(statement) ?? [];
    if (name === undefined || version === undefined) {
      throw new BuildError(
        `a lock has ${JSON.stringify(statement.split(/ *\\?\n/)[0])}, which is no release of an index: only <name>==<version> can be ` +
          `checked and built; require a release, then run: npm run layer -- lock`,
      );
    }
    return {
      name: normalisedName(name),
      version,
      ...neededIn(via),
      hashes: new Set([...statement.matchAll(/--hash=sha256:([0-9a-f]{64})/g)].map(([, hash = ""]) => hash)),
      statement,
    };
  });
}

/** The origins of a requirement, from the comment after it. */
function neededIn(via: string): Pick<LockedPackage, "required" | "neededBy"> {
  const origins = via
    .split(/, |\n +# +/)
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
  return {
    required: origins.some((origin) => ofRequirements.test(origin)),
    neededBy: origins.filter((origin) => !origin.startsWith("-") && !ofRequirements.test(origin)).map(normalisedName),
  };
}

/** A local package, which has no version and no hash in a lock's text. */
function localPin(statement: string, via: string, local: string, file: string): LockedPackage {
  const found = localPackage(path.resolve(path.dirname(file), local), file);
  const [, marker] = /\s;\s*(.*?)\s*(?:\\?\n|--hash|#|$)/.exec(statement) ?? [];
  // Without hashes the comment is on the same line.
  const needed = neededIn(/# via (.*)/.exec(statement)?.[1] ?? via);
  return lockedPackage({ ...found, ...needed, marker, local: found.path, hashes: [found.sha256] });
}

/** A package as another form of lock describes it. */
export interface Pin extends Pick<LockedPackage, "required" | "local"> {
  readonly name: string;
  readonly version: string;
  /** Environment marker (PEP 508). Absent: installed everywhere. */
  readonly marker?: string;
  /** SHA-256 in hexadecimal, of each of its files. */
  readonly hashes: readonly string[];
  readonly neededBy: readonly string[];
}

/** Converts a package to our own form of lock. */
export function lockedPackage({ name: given, version, marker, hashes, required, neededBy, local }: Pin): LockedPackage {
  const name = normalisedName(given);
  const sorted = [...new Set(hashes)].sort();
  const release = `${name}==${version}${marker === undefined ? "" : ` ; ${marker}`}`;
  return {
    name,
    version,
    required,
    ...(local !== undefined && { local }),
    neededBy: [...new Set(neededBy.map(normalisedName))].sort(),
    hashes: new Set(sorted),
    statement: [release, ...sorted.map((hash) => `    --hash=sha256:${hash}`)].join(" \\\n"),
  };
}

/** Requirements without comments and blank lines. */
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
    throw new BuildError(
      `${shownPath(file)} cannot be read; write the requirements there, then run: ${lockCommand(file)}`,
    );
  }
}
