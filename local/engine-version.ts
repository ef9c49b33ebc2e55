import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { cacheDirectory } from "../layers/cache";

/** Folder of the Go module that pins the engine's version. */
export const goModule = path.join(__dirname, "engine");
export const enginePackage = "github.com/pulumi/pulumi/pkg/v3";

/** The version that `go.mod` requires, for the installer and the build. */
export async function engineVersion(): Promise<string> {
  const required = new RegExp(`${enginePackage} v(\\S+)`).exec(await readFile(path.join(goModule, "go.mod"), "utf8"));
  return required?.[1] ?? "";
}

/** The cache's folder for an engine version. */
export const engineFolder = (version: string) => cacheDirectory("engine", `v${version}`);

/** Path of that engine version in the cache; undefined if it is not cached. */
export async function cachedEngine(): Promise<string | undefined> {
  const program = path.join(engineFolder(await engineVersion()), "bin", "pulumi");
  return existsSync(program) ? program : undefined;
}
