import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { clouds } from "../contract/clouds";
import type { Target } from "./bundle";
import type { Entry } from "./import-proof";

/** A file of the application at its place in the bundle. */
export interface SourceFile {
  readonly name: string;
  readonly content: Buffer;
}

/** Where functions start, by target. */
export type EntryPoints = Readonly<Record<Target, readonly Entry[]>>;

/** Where each cloud enters the application. */
export const applicationEntryPoints: EntryPoints = {
  aws: [{ module: "api.aws.function", attribute: "handler" }],
  azure: [{ module: "function_app", attribute: "app" }],
  gcp: [{ module: "main", attribute: "handle" }],
};

/** None, for requirements that are of no application here. */
export const noEntryPoints: EntryPoints = { aws: [], azure: [], gcp: [] };

const application = path.join(__dirname, "..", "application");

/**
 * What a target's bundle holds of the application: the package `api` without the folders named after the other clouds,
 * which have their adapters, and the files that the target wants at the root of the archive (`application/azure`, `application/gcp`).
 */
export async function applicationFiles(target: Target): Promise<SourceFile[]> {
  const api = (await filesBelow(path.join(application, "api")))
    .filter((file) => file.endsWith(".py"))
    .filter((file) => !clouds.some((cloud) => cloud !== target && file.startsWith(`${cloud}/`)));
  const root = target === "aws" ? [] : await filesBelow(path.join(application, target));
  return Promise.all([
    ...api.map((file) => read(`api/${file}`, path.join(application, "api", file))),
    ...root.map((file) => read(file, path.join(application, target, file))),
  ]);
}

async function read(name: string, source: string): Promise<SourceFile> {
  return { name, content: await readFile(source) };
}

/** Files below a folder, with slashes, sorted; caches of Python and hidden files are none of them. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .filter((file) => !file.split("/").some((part) => part === "__pycache__" || part.startsWith(".")))
    .sort();
}
