import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import picomatch from "picomatch";

import type { Application } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import { requirementFiles } from "./lock-forms";

/** A file of the application and its path in the bundle. */
export interface SourceFile {
  readonly name: string;
  readonly content: Buffer;
}

/** Files that are never code or data of an application: hidden files and leftovers of tools. */
const neverPacked = picomatch(["**/.*", "**/.*/**", "**/__pycache__/**", "**/*.py[co]", "**/node_modules/**"], {
  dot: true,
});

/**
 * All files below an application's source, except what the description excludes on this cloud and what belongs to the
 * description itself: `pyproject.toml`, requirements files and their locks in every form, the local packages and wheels
 * that these name, and the frontend.
 */
export async function applicationFiles(application: Application, cloud: Cloud): Promise<SourceFile[]> {
  const { source, folder, site, functions, exclude } = application;
  const requirements = functions.flatMap((fn) => Object.values(fn.requirements));
  const described = [path.join(folder, "pyproject.toml"), ...requirements]
    .flatMap(requirementFiles)
    .map((file) => path.relative(source, file).split(path.sep).join("/"));
  const isDescribed = (name: string) => described.some((each) => name === each || name.startsWith(`${each}/`));
  const frontend = site === undefined ? [] : [`${path.relative(source, site).split(path.sep).join("/")}/**`];
  const excluded = picomatch([...exclude[cloud], ...frontend], { dot: true });
  const names = (await filesBelow(source)).filter(
    (name) => !neverPacked(name) && !excluded(name) && !isDescribed(name),
  );
  return Promise.all(names.map(async (name) => ({ name, content: await readFile(path.join(source, name)) })));
}

/** Files below a folder, sorted, with forward slashes. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .sort();
}
