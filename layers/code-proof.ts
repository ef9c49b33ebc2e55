import { readFile } from "node:fs/promises";
import path from "node:path";

import { didYouMeanThen } from "../contract/suggestion";
import { filesBelow } from "./application-files";
import { BuildError, shownPath } from "./build-error";
import type { LayerBundle } from "./bundle";
import { distributionFor, moduleName, providedModules } from "./distributions";
import type { ImportFault } from "./import-proof";
import { onDemand } from "./on-demand";
import { runtimeModules } from "./runtime-modules";

/** Code of a Lambda function that the user's own Pulumi program deploys. */
export interface LambdaCode {
  /** Folder of the code, relative to the working directory or absolute. */
  readonly code: string;
  /** `<module>.<attribute>`, e.g. `api.aws.function.handler`. */
  readonly handler: string;
  /** The function's layers, as `DependencyLayer` and `DependencyLayer.fromOutputs` return them. */
  readonly layers: readonly {
    readonly bundle: Pick<LayerBundle, "name" | "packages" | "pythonVersion" | "architecture">;
  }[];
}

/**
 * Proves that each import at the start of the function finds its module: in the code, in the standard library, in the
 * Lambda runtime or in a package of the layers. Only the names of the layers' packages are known; imports inside these
 * packages were checked when the layer was built.
 *
 * ```ts
 * const layers = await DependencyLayer.fromOutputs(environment, "api");
 * await proveCode({ code: "code", handler: "authors.handler", layers });
 * ```
 *
 * @throws {BuildError} naming every import that fails, its file and line, and the package that would provide the
 * module.
 */
export async function proveCode({ code, handler, layers }: LambdaCode): Promise<void> {
  const [first] = layers;
  const { pythonVersion, architecture } = first?.bundle ?? { pythonVersion: "3.12", architecture: "x86_64" as const };
  const [{ applicationTree }, { proveImports }] = await onDemand(() =>
    Promise.all([import("./importable"), import("./import-proof")]),
  );
  const names = (await filesBelow(code)).filter((name) => name.endsWith(".py"));
  const files = await Promise.all(
    names.map(async (name) => ({ name, content: await readFile(path.join(code, name)) })),
  );
  const packages = layers.flatMap(({ bundle }) => bundle.packages.map(({ name }) => name));
  const dot = handler.lastIndexOf(".");
  const { errors } = proveImports({
    platform: { pythonVersion, architecture },
    entryPoints: [{ module: handler.slice(0, dot).replaceAll("/", "."), attribute: handler.slice(dot + 1) }],
    application: await applicationTree(files, pythonVersion),
    packages: new Map(),
    provided: [...runtimeModules.aws, ...packages.flatMap(providedModules)],
  });
  if (errors.length === 0) return;
  const modules = names.flatMap(moduleName);
  const layerNames = layers.map(({ bundle }) => bundle.name).join(", ") || "none";
  const messages = errors.map((fault) => {
    const place =
      fault.file === "" ? `the handler ${handler}` : shownPath(path.resolve(code, `${fault.file}:${fault.line}`));
    return `${place} ${problem(fault, modules, layerNames, new Set(packages))}`;
  });
  throw new BuildError(messages.join("\n"));
}

function problem(
  { kind, module, name = "", detail = "" }: ImportFault,
  modules: readonly string[],
  layerNames: string,
  packages: ReadonlySet<string>,
): string {
  switch (kind) {
    case "syntax error":
      return `is not valid Python: ${detail}; correct it`;
    case "refuses to be imported":
      return `raises an error when ${module} is imported; import something else`;
    case "missing name":
      return `imports ${name} from ${module}, which has no such name; correct the import`;
    case "native module for another Python":
    case "missing module": {
      const [top = module] = module.split(".", 1);
      if (modules.some((own) => own === top || own.startsWith(`${top}.`))) {
        return `imports ${module}, which the code does not have${didYouMeanThen(module, modules, "correct the import, or add the file")}`;
      }
      const bring = `pass the layer that has ${distributionFor(module, packages)}`;
      return `imports ${module}, which neither the code nor a layer of the function has (its layers: ${layerNames})${didYouMeanThen(module, modules, bring)}`;
    }
  }
}
