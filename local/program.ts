import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { parse } from "yaml";
import { z } from "zod";

import { requireOneSdk } from "../components/one-sdk";

const projectSchema = z.object({ main: z.string().optional() });

const callable = (found: unknown) => typeof found === "function";

/** What Pulumi's language host finds TypeScript with, which the SDK has no declarations of. */
const tsutilsSchema = z.object({
  loadTypeScriptCompilerOptions: z.custom<(tsconfig: string) => Readonly<Record<string, unknown>>>(callable),
  typeScriptRequireStrings:
    z.custom<() => { readonly tsnodeRequire: string; readonly typescriptRequire: string }>(callable),
});

/** What is used of ts-node. */
const tsNodeSchema = z.object({
  register: z.custom<(options: Readonly<Record<string, unknown>>) => unknown>(callable),
});

/**
 * Runs the program of a Pulumi project in this process: `main` of its Pulumi.yaml or package.json, TypeScript by the project's
 * own compiler and tsconfig.json as Pulumi's language host does it, but without checking types.
 *
 * @returns what it exports, or what the function that it exports returns: the outputs.
 * @throws where the program's Pulumi SDK is not the one of this package.
 */
export async function runProgram(folder: string): Promise<Record<string, unknown>> {
  requireOneSdk(folder);
  const { main = "." } = projectSchema.parse(parse(readFileSync(path.join(folder, "Pulumi.yaml"), "utf8")));
  const load = createRequire(path.join(folder, "package.json"));
  registerTypeScript(folder);
  // Run once more in this process, it declares its resources once more.
  for (const file of Object.keys(load.cache)) if (isOwn(folder, file)) Reflect.deleteProperty(load.cache, file);
  const exported: unknown = load(path.resolve(folder, main));
  const outputs: unknown = await (typeof exported === "function" ? (exported as () => unknown)() : exported);
  return z
    .record(z.string(), z.unknown())
    .catch({})
    .parse({ ...(outputs as object) });
}

function isOwn(folder: string, file: string): boolean {
  return file.startsWith(folder + path.sep) && !file.includes(`${path.sep}node_modules${path.sep}`);
}

let registered = false;

function registerTypeScript(folder: string): void {
  if (registered) return;
  registered = true;
  const tsconfig = path.join(folder, "tsconfig.json");
  // As @pulumi/pulumi finds them: the project's own, else those that it brings.
  const sdk = createRequire(require.resolve("@pulumi/pulumi/package.json"));
  const { loadTypeScriptCompilerOptions, typeScriptRequireStrings } = tsutilsSchema.parse(sdk("./tsutils"));
  const { tsnodeRequire, typescriptRequire } = typeScriptRequireStrings();
  tsNodeSchema.parse(sdk(tsnodeRequire)).register({
    compiler: typescriptRequire,
    transpileOnly: true,
    project: tsconfig,
    skipProject: !existsSync(tsconfig),
    compilerOptions: {
      target: "ES2020",
      sourceMap: true,
      ...loadTypeScriptCompilerOptions(tsconfig),
      // Of what Pulumi's own host accepts, what needs no build for CommonJS.
      module: "commonjs",
      moduleResolution: "node",
    },
  });
}
