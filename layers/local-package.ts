import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

import picomatch from "picomatch";
import { parse } from "smol-toml";
import { z } from "zod";

import { BuildError, reasonOf, shownPath } from "./build-error";
import { sha256 } from "./cache";

/** A local package: a folder with its source, or a wheel or source archive in the project. */
export interface LocalPackage {
  readonly name: string;
  readonly version: string;
  /** Absolute path of the folder or file. */
  readonly path: string;
  /** SHA-256 in hexadecimal: of the file, or of the folder's files and their names. */
  readonly sha256: string;
}

/** A requirement that is a path in the project, as pip and uv write it; the first group is the path. */
export const localRequirement =
  /^(?:(?:-e|--editable)[ =]+)?(?:[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])? *@ *)?(?:file:)?(\.{1,2}\/[^\s;[\\]+)(?:\[[^\]]*\])?(?=[\s;\\]|$)/;

/** Files that are not part of a package's source: hidden files and leftovers of tools. */
const leftBehind = picomatch(
  ["**/.*", "**/__pycache__", "**/*.py[co]", "**/*.egg-info", "**/node_modules", "build", "dist"],
  { dot: true },
);

/**
 * Files of a package's source, sorted, as paths relative to its folder with forward slashes.
 *
 * @param folder absolute path.
 */
export function sourceFiles(folder: string): string[] {
  const below = (prefix: string): string[] =>
    readdirSync(path.join(folder, prefix)).flatMap((name) => {
      const found = prefix === "" ? name : `${prefix}/${name}`;
      if (leftBehind(found)) return [];
      return statSync(path.join(folder, found)).isDirectory() ? below(found) : [found];
    });
  return below("").sort();
}

/**
 * The package at a path in the project.
 *
 * @param file absolute path.
 * @param namedIn the file that names the path, for messages.
 * @throws {BuildError} if nothing is there, or the name or version of the package is missing.
 */
export function localPackage(file: string, namedIn: string): LocalPackage {
  const shown = `${shownPath(namedIn)} has ${shownPath(file)}`;
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new BuildError(`${shown}, which is not there; expected a folder with a pyproject.toml, a wheel or an sdist`);
  }
  if (found.isDirectory()) {
    const hash = JSON.stringify(sourceFiles(file).map((name) => [name, sha256(readFileSync(path.join(file, name)))]));
    return { ...projectOf(file, shown), path: file, sha256: sha256(hash) };
  }
  const [, name, version] =
    /^([^-]+)-([^-]+)-[^-]+(?:-[^-]+){2,3}\.whl$/.exec(path.basename(file)) ??
    /^(.+)-([^-]+)\.(?:tar\.gz|zip)$/.exec(path.basename(file)) ??
    [];
  if (name === undefined || version === undefined) {
    throw new BuildError(`${shown}, which is no package by its name; expected <name>-<version>-<tags>.whl or .tar.gz`);
  }
  return { name, version: version.replaceAll("_", "-"), path: file, sha256: sha256(readFileSync(file)) };
}

const schema = z.object({ project: z.object({ name: z.string(), version: z.string() }) });

function projectOf(folder: string, shown: string) {
  try {
    const { project } = schema.parse(parse(readFileSync(path.join(folder, "pyproject.toml"), "utf8")));
    return { name: project.name, version: project.version };
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll("\n", " ") : reasonOf(error);
    throw new BuildError(
      `${shown}, whose pyproject.toml does not tell its package (${reason}); write project.name and project.version there, ` +
        `not as dynamic ones`,
    );
  }
}
