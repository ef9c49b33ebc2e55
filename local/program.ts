import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { parse } from "yaml";
import { z } from "zod";

import { requireOneSdk } from "../components/one-sdk";

const projectSchema = z.object({ main: z.string().optional() });

const callable = (found: unknown) => typeof found === "function";

/** Pulumi's module that finds TypeScript; the SDK has no type declarations for it. */
const tsutilsSchema = z.object({
  loadTypeScriptCompilerOptions: z.custom<(tsconfig: string) => Readonly<Record<string, unknown>>>(callable),
  typeScriptRequireStrings:
    z.custom<() => { readonly tsnodeRequire: string; readonly typescriptRequire: string }>(callable),
});

/** The part of ts-node that is used here. */
const tsNodeSchema = z.object({
  register: z.custom<(options: Readonly<Record<string, unknown>>) => unknown>(callable),
});

/**
 * Runs the program of a Pulumi project in this process: `main` of its Pulumi.yaml or package.json. TypeScript is
 * compiled with the project's own compiler and tsconfig.json, as in Pulumi's language host, but without type checks.
 *
 * @returns the outputs: its exports, or the result of the exported function.
 * @throws if the program uses another copy of the Pulumi SDK than this package.
 */
export async function runProgram(folder: string): Promise<Record<string, unknown>> {
  requireOneSdk(folder);
  const { main = "." } = projectSchema.parse(parse(readFileSync(path.join(folder, "Pulumi.yaml"), "utf8")));
  const load = createRequire(path.join(folder, "package.json"));
  registerTypeScript(folder);
  // Remove the project's modules from the cache, so that a second run declares the resources again.
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
  // As @pulumi/pulumi resolves them: the project's own, otherwise those that it ships.
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
      // The module format that Node runs without a build.
      module: "commonjs",
      moduleResolution: "node",
    },
  });
}
