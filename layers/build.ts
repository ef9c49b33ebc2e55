import { createHash } from "node:crypto";

import type { Application, PythonFunction } from "../contract/application";
import { clouds } from "../contract/clouds";
import { adapterPackages, entryAttribute, entryModule, withAdapters } from "./adapters";
import { applicationFiles, type SourceFile } from "./application-files";
import { BuildError } from "./build-error";
import { bytecodeCompiler, bytecodeVersions } from "./bytecode-compiler";
import type { Architecture, Bundle, LayerBundle, Target } from "./bundle";
import { storedBundles } from "./bundle-store";
import { sha256 } from "./cache";
import { type LockedFunctions, lockedFunctions } from "./function-locks";
import { checkFunctionImports, type FunctionImports } from "./imports";
import { checkLayers } from "./limits";
import { type Lock, normalisedName } from "./lock";
import { onDemand } from "./on-demand";
import type { PruneOptions } from "./pruning";
import {
  type LayeredFunction,
  layersOf,
  planLayers,
  type PlannedLayer,
  type SizedPackage,
  type Strategy,
} from "./strategy";

export interface BuildOptions extends PruneOptions {
  readonly application: Application;
  readonly targets: readonly Target[];
  readonly pythonVersion: string;
  /** Of the AWS layer; the other clouds run x86_64. */
  readonly architecture: Architecture;
  /** Of the AWS layers. Default: one layer with everything. */
  readonly strategy?: Strategy;
  /** Whether the modules of AWS layers and of the Azure package have their bytecode beside them. Default: yes. */
  readonly bytecode?: boolean;
  /** Packages whose native libraries keep their symbols, e.g. for a debugger. Default: none. */
  readonly keepSymbols?: readonly string[];
  /** Whether bundles that are built already are read to the last byte, to find what is damaged. Default: no. */
  readonly verify?: boolean;
  /** Folder of `<target>.in` files that take the place of the functions' own requirements. Default: none. */
  readonly requirements?: string;
  /** Told what takes time, a line each. */
  readonly progress: (line: string) => void;
  /** Told what is built all the same but may surprise, a line each. Default: `progress`. */
  readonly warn?: (line: string) => void;
}

/**
 * Builds the bundles of every target, or finds them built.
 *
 * @throws {BuildError} naming every target that cannot be built, of which no half is left behind, and every import of a function that would fail.
 */
export async function build(options: BuildOptions): Promise<Bundle[]> {
  const messages = new Set<string>();
  const build = (target: Target) =>
    builders[target]({ warn: options.progress, ...options }).catch((error: unknown) => {
      if (!(error instanceof BuildError)) throw error;
      messages.add(error.message);
      return [];
    });
  const bundles = await Promise.all(options.targets.map(build));
  // What is to be mended is told for all targets at once.
  if (messages.size > 0) throw new BuildError(distinct([...messages], options.targets).join("\n"));
  return bundles.flat();
}

/** Messages that are the same for every target, but for the target that their command names, once. */
function distinct(messages: readonly string[], targets: readonly Target[]): string[] {
  if (targets.length === 1) return [...messages];
  const common = (message: string) => message.replace(/ --target (aws|azure|gcp)\b/g, "");
  const ofAll = (message: string) =>
    messages.filter((other) => common(other) === common(message)).length === targets.length;
  return [...new Set(messages.map((message) => (ofAll(message) ? common(message) : message)))].sort();
}

type Builder = (options: BuildOptions) => Promise<Bundle[]>;

const builders: Record<Target, Builder> = {
  /** Layers, whose packages Lambda finds under `python/`, and the code of all functions in one bundle. */
  aws: async ({ application, architecture, pythonVersion, strategy = { kind: "full" }, requirements, ...options }) => {
    const platform = { architecture, pythonVersion };
    const { locked, releases, code } = await lambdaCode(application, platform, requirements);
    const bytecode = compilerOf(pythonVersion, options);
    const pruning = pruningOf(application, options);
    const bundle = { target: "aws", kind: "application", ...platform } as const;
    const functions = application.functions.map(({ name }) => name);
    const [parts, applications] = await Promise.all([
      Promise.all(
        locked.map(async ({ functions, lock }, index) => {
          const wheels = strategy.kind === "auto" ? await sizedWheels(lock, platform, options.progress) : [];
          const takers = functions.map((fn) => layeredFunction(fn));
          const plan =
            index === 0
              ? planLayers(strategy, lock, wheels, takers)
              : furtherLayers(strategy, { functions, lock }, wheels);
          const has = new Map(
            takers.map((fn) => [
              fn.name,
              index === 0 ? layersOf(strategy, lock, plan, fn) : plan.map(({ name }) => name),
            ]),
          );
          const layer = { target: "aws", kind: "layer", lockSha256: lock.sha256, ...platform, bytecode } as const;
          // A function without packages has no layer.
          const built =
            lock.packages.length === 0
              ? []
              : await storedBundles(
                  { ...layer, content: [plan, pruning] },
                  async () =>
                    (await contents()).layerContents(
                      lock,
                      { ...platform, ...pruning, bytecode },
                      plan,
                      options.progress,
                    ),
                  options,
                );
          const provided = strategy.kind === "hybrid" ? strategy.provided : undefined;
          const proofs = alike(functions, ({ name }) => has.get(name)?.join() ?? "").map(async (together) => {
            const functionLayers = has.get(together[0]?.name ?? "");
            await proveImports(
              "aws",
              application,
              together,
              { platform, lock, application: code, layers: plan, functionLayers, provided },
              { requirements, ...options },
            );
          });
          const withLayer = (layerName: string) =>
            functions.map(({ name }) => name).filter((name) => has.get(name)?.includes(layerName));
          const layers = built.map((each) => ({ ...layer, functions: withLayer(each.name), ...each }));
          await Promise.all(proofs);
          return { functions, layers };
        }),
      ),
      storedBundles(
        { ...bundle, content: digest(code) },
        async () => [await (await contents()).applicationContent(nameOf(application), code)],
        options,
      ),
    ]);
    for (const { functions, layers } of parts) {
      const sets = functions.map(({ name }) => layers.filter((layer) => layer.functions.includes(name)));
      for (const [own = []] of alike(sets, (set) => set.map(({ name }) => name).join())) {
        for (const warning of checkLayers(own, applications)) (options.warn ?? options.progress)(warning);
      }
    }
    const all = parts.flatMap(({ layers }) => layers);
    const built = strategy.kind === "auto" ? sharedLayers(all) : all;
    const needed = functions.map((fn) => {
      return [fn, built.filter((layer) => layer.functions.includes(fn)).map(({ name }) => name)] as const;
    });
    return [
      ...built,
      ...applications.map(({ packages, ...stored }) => ({
        ...bundle,
        functions,
        releases: Object.fromEntries(releases),
        layers: Object.fromEntries(needed),
        ...stored,
      })),
    ];
  },

  /** A package for each function: Flex Consumption looks for dependencies in `.python_packages`. */
  azure: async ({ application, pythonVersion, requirements, ...options }) => {
    const platform = { architecture: "x86_64", pythonVersion } as const;
    const bytecode = compilerOf(pythonVersion, options);
    const pruning = pruningOf(application, options);
    return forEachFunction("azure", application, platform, requirements, async (fn, { lock, files, releases }) => {
      const bundle = { target: "azure", kind: "package", lockSha256: lock.sha256, ...platform, bytecode } as const;
      const stored = await storedBundles(
        { ...bundle, content: [digest(files), pruning] },
        async () => [
          await (
            await contents()
          ).packageContent(fn.name, lock, { ...platform, ...pruning, bytecode }, files, options.progress),
        ],
        options,
      );
      await proveImports(
        "azure",
        application,
        [fn],
        { platform, lock, application: files },
        { requirements, ...options },
      );
      return stored.map((found) => ({ ...bundle, functions: [fn.name], releases, ...found }));
    });
  },

  /** A source archive for each function: the buildpack installs from its directory of wheels (`GOOGLE_VENDOR_PIP_DEPENDENCIES`). */
  gcp: async ({ application, pythonVersion, requirements, ...options }) => {
    const platform = { architecture: "x86_64", pythonVersion } as const;
    return forEachFunction("gcp", application, platform, requirements, async (fn, { lock, files, releases }) => {
      const bundle = { target: "gcp", kind: "source", lockSha256: lock.sha256, ...platform } as const;
      const stored = await storedBundles(
        { ...bundle, content: digest(files) },
        async () => [await (await contents()).sourceContent(fn.name, lock, platform, files, options.progress)],
        options,
      );
      await proveImports(
        "gcp",
        application,
        [fn],
        { platform, lock, application: files },
        { requirements, ...options },
      );
      return stored.map((found) => ({ ...bundle, functions: [fn.name], releases, ...found }));
    });
  },
};

/** The code of functions as their bundle on a cloud holds it, beside the packages. */
export interface FunctionCode {
  readonly target: Target;
  /** Names of the functions that it is for. */
  readonly functions: readonly string[];
  /** Of the locks of these functions' packages, which say nothing of the code. */
  readonly lockSha256: readonly string[];
  readonly files: readonly SourceFile[];
}

/**
 * What the bundles of every function hold beside its packages: the files that a changed module changes, and no others.
 *
 * @throws {BuildError} where a function has no lock that fits, or cannot run on a cloud.
 */
export async function functionCode({
  application,
  targets,
  architecture,
  pythonVersion,
}: Pick<BuildOptions, "application" | "targets" | "architecture" | "pythonVersion">): Promise<FunctionCode[]> {
  const code = targets.map(async (target): Promise<FunctionCode[]> => {
    if (target === "aws") {
      const { locked, code: files } = await lambdaCode(application, { architecture, pythonVersion });
      const functions = application.functions.map(({ name }) => name);
      return [{ target, functions, lockSha256: locked.map(({ lock }) => lock.sha256), files }];
    }
    const platform = { architecture: "x86_64", pythonVersion } as const;
    return forEachFunction(target, application, platform, undefined, ({ name }, { lock, files }) =>
      Promise.resolve([{ target, functions: [name], lockSha256: [lock.sha256], files }]),
    );
  });
  return (await Promise.all(code)).flat();
}

/** The code of an application's Lambda functions, which are in one bundle. */
async function lambdaCode(application: Application, platform: Platform, requirements?: string) {
  const [locked, files] = await Promise.all([
    lockedFunctions(application, "aws", requirements),
    applicationFiles(application, "aws"),
  ]);
  const releases = new Map(locked.flatMap((each) => codeReleases(each, files, platform)));
  const code = await withAdapters("aws", application, files, application.functions, releases);
  return { locked, releases, code };
}

/** What the bundle of one function is made of. */
interface FunctionParts {
  readonly lock: LockedFunctions["lock"];
  readonly files: readonly SourceFile[];
  readonly releases: Readonly<Record<string, string>>;
}

/** Builds what each function is deployed from, on a cloud that takes code and packages together. */
async function forEachFunction<T>(
  target: Target,
  application: Application,
  platform: Platform,
  requirements: string | undefined,
  act: (fn: PythonFunction, parts: FunctionParts) => Promise<T[]>,
): Promise<T[]> {
  const [locked, files] = await Promise.all([
    lockedFunctions(application, target, requirements),
    applicationFiles(application, target),
  ]);
  const built = await Promise.all(
    locked.flatMap((each) => {
      const releases = codeReleases(each, files, platform);
      return each.functions.map(async (fn, index) => {
        const own = releases.slice(index, index + 1);
        const code = await withAdapters(target, application, files, [fn], new Map(own));
        return act(fn, { lock: each.lock, files: code, releases: Object.fromEntries(own) });
      });
    }),
  );
  return built.flat();
}

/**
 * Proves the imports of functions that have the same packages: every import from where they are entered finds its module.
 *
 * @returns the names of the packages that their starts import.
 */
async function proveImports(
  target: Target,
  application: Application,
  functions: readonly PythonFunction[],
  checked: Omit<FunctionImports, "target" | "entryPoints">,
  { requirements, ...told }: Pick<BuildOptions, "requirements" | "progress" | "warn">,
): Promise<void> {
  // Other requirements than the application's own are of code that is not here.
  if (requirements !== undefined) return;
  const entryPoints = functions.map(({ name }) => ({
    module: entryModule[target](name),
    attribute: entryAttribute[target],
  }));
  await checkFunctionImports(
    { ...checked, target, entryPoints },
    { ...told, functions, others: () => otherLocks(application, target) },
  );
}

/** What the functions have on the other clouds, as far as it is locked. */
async function otherLocks(application: Application, target: Target): Promise<Lock[]> {
  const others = clouds.filter((cloud) => cloud !== target);
  const locked = await Promise.all(others.map((cloud) => lockedFunctions(application, cloud).catch(() => [])));
  return locked.flat().map(({ lock }) => lock);
}

interface Platform {
  readonly architecture: Architecture;
  readonly pythonVersion: string;
}

/** The code's half of the release of each function: what it is made of, by its name. */
function codeReleases(
  { functions, lock }: LockedFunctions,
  files: readonly SourceFile[],
  platform: Platform,
): [string, string][] {
  const release = sha256(JSON.stringify([digest(files), lock.sha256, platform])).slice(0, 12);
  return functions.map(({ name }) => [name, release]);
}

/** What a function takes of its lock's layers. */
function layeredFunction({ name, layers, entryPoints: { aws } }: PythonFunction): LayeredFunction {
  const adapter = aws && adapterPackages.aws[aws.protocol];
  return { name, layers, packages: adapter === undefined ? [] : [adapter] };
}

/** Items with equal keys together, in their order. */
function alike<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const together = new Map<string, T[]>();
  for (const item of items) together.set(keyOf(item), [...(together.get(keyOf(item)) ?? []), item]);
  return [...together.values()];
}

/** Layers of functions with another lock than the first: groups and public layers are described for the first alone. */
function furtherLayers(
  strategy: Strategy,
  { functions, lock }: LockedFunctions,
  wheels: readonly SizedPackage[],
): PlannedLayer[] {
  const provided = strategy.kind === "hybrid" ? strategy.provided : new Map<string, string>();
  const shared = new Map(
    [...provided].filter(([name, version]) =>
      lock.packages.some((each) => each.name === name && each.version === version),
    ),
  );
  const own = strategy.kind === "auto" ? strategy : ({ kind: "full" } as const);
  const plan = planLayers(shared.size > 0 ? { kind: "hybrid", provided: shared } : own, lock, wheels);
  return plan.map((layer) => ({ ...layer, name: `${layer.name}-${functions[0]?.name ?? ""}` }));
}

/** Wheels with their sizes, which are the same whatever the index tells: what it does not tell is taken from the file. */
async function sizedWheels(
  lock: Lock,
  platform: Platform,
  progress: BuildOptions["progress"],
): Promise<readonly SizedPackage[]> {
  const { wheelsOf } = await onDemand(() => import("./wheel-index"));
  const wheels = await wheelsOf(lock, platform, { progress });
  const untold = wheels.filter(({ size }) => size === undefined);
  const sizes = untold.length === 0 ? [] : await (await contents()).wheelSizes(untold, lock, platform, progress);
  return wheels.map(({ name, size = sizes[untold.findIndex((each) => each.name === name)] ?? 0 }) => ({ name, size }));
}

/** Layers of several functions with the same content become one, for all of them. */
function sharedLayers(layers: readonly LayerBundle[]): LayerBundle[] {
  const byContent = new Map<string, LayerBundle>();
  for (const layer of layers) {
    const earlier = byContent.get(layer.sha256);
    const merged =
      earlier === undefined ? layer : { ...earlier, functions: [...earlier.functions, ...layer.functions] };
    byContent.set(layer.sha256, merged);
  }
  return [...byContent.values()];
}

const nameOf = ({ functions: [first] }: Application) => first?.name ?? "";

/** Loaded where something has to be made: what is built already is found without it, in half the time. */
const contents = () => onDemand(() => import("./contents"));

/** What of the wheels goes into a bundle, with the defaults. */
function pruningOf(
  { layers }: Application,
  { prune = true, keep = [], keepSymbols = [] }: Pick<BuildOptions, "prune" | "keep" | "keepSymbols">,
) {
  return { prune, keep: [...layers.keep, ...keep].sort(), keepSymbols: keepSymbols.map(normalisedName).sort() };
}

/** What compiles bytecode, where it is wanted and can be had. */
function compilerOf(
  pythonVersion: string,
  { bytecode = true, progress, warn = progress }: Pick<BuildOptions, "bytecode" | "progress" | "warn">,
): string | undefined {
  if (!bytecode) return undefined;
  const compiler = bytecodeCompiler(pythonVersion)?.name;
  if (compiler === undefined) {
    warn(`No bytecode for Python ${pythonVersion}, only for ${bytecodeVersions.join(", ")}: functions start slower`);
  }
  return compiler;
}

function digest(files: readonly SourceFile[]): string {
  const hash = createHash("sha256");
  for (const { name, content } of files) hash.update(`${name}\0${content.length}\0`).update(content);
  return hash.digest("hex");
}
