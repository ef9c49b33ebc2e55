import { existsSync } from "node:fs";
import path from "node:path";

/**
 * Whether this is the compiled form of an installed package. In the repository the same modules run as TypeScript.
 */
export const isCompiled = path.extname(__filename) === ".js";

/**
 * Node.js arguments that run a program of this project.
 *
 * @param program its file, without the ending.
 * @param loader TypeScript loader, which the repository's programs need.
 */
export function nodeArguments(program: string, loader = path.join(__dirname, "..", "run-typescript.js")): string[] {
  return isCompiled ? [`${program}.js`] : ["--require", loader, `${program}.ts`];
}

/** Folder of the Pulumi project: the repository, or, for a package, the nearest folder with a Pulumi.yaml from here up. */
export const projectFolder = isCompiled ? nearestProject(process.cwd()) : path.join(__dirname, "..");

function nearestProject(folder: string): string {
  for (let at = folder; ; at = path.dirname(at)) {
    if (existsSync(path.join(at, "Pulumi.yaml"))) return at;
    if (at === path.dirname(at)) return folder;
  }
}
