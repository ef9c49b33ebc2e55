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
  /** Architecture of the AWS layers; the other clouds run x86_64. */
  readonly architecture: Architecture;
  /** Splits the packages into AWS layers. Default: one layer with all of them. */
  readonly strategy?: Strategy;
  /** Whether AWS layers and Azure packages contain bytecode. Default: yes. */
  readonly bytecode?: boolean;
  /** Packages whose native libraries keep their debug symbols. Default: none. */
  readonly keepSymbols?: readonly string[];
  /** Whether bundles that are already built are read completely, to detect damage. Default: no. */
  readonly verify?: boolean;
  /** Folder of `<target>.in` files that replace the requirements of all functions. Default: none. */
  readonly requirements?: string;
  /** Receives one line for each slow step. */
  readonly progress: (line: string) => void;
  /** Receives one line for each warning that does not stop the build. Default: `progress`. */
  readonly warn?: (line: string) => void;
}

/**
 * Returns the bundles of all targets, and builds those that are not in the cache.
 *
 * @throws {BuildError} naming every target that cannot be built and every import that would fail. No partial bundle is
 * left behind.
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
  // One error reports the failures of all targets.
  if (messages.size > 0) throw new BuildError(distinct([...messages], options.targets).join("\n"));
  return bundles.flat();
}

/** Removes repeated messages: those that differ between the targets only by the `--target` of their command. */
function distinct(messages: readonly string[], targets: readonly Target[]): string[] {
  if (targets.length === 1) return [...messages];
  const common = (message: string) => message.replace(/ --target (aws|azure|gcp)\b/g, "");
  const ofAll = (message: string) =>
    messages.filter((other) => common(other) === common(message)).length === targets.length;
  return [...new Set(messages.map((message) => (ofAll(message) ? common(message) : message)))].sort();
}

type Builder = (options: BuildOptions) => Promise<Bundle[]>;

const builders: Record<Target, Builder> = {
  /** Layers with the packages under `python/`, and one bundle with the code of all functions. */
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
          const consumers = functions.map((fn) => layeredFunction(fn));
          const plan =
            index === 0
              ? planLayers(strategy, lock, wheels, consumers)
              : furtherLayers(strategy, { functions, lock }, wheels);
          const has = new Map(
            consumers.map((fn) => [
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

  /** One package for each function. Flex Consumption looks for dependencies in `.python_packages`. */
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

  /**
   * One source archive for each function. The buildpack installs from its folder of wheels
   * (`GOOGLE_VENDOR_PIP_DEPENDENCIES`).
   */
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

/** The code in a function's bundle, without the packages. */
export interface FunctionCode {
  readonly target: Target;
  /** Names of the functions in the bundle. */
  readonly functions: readonly string[];
  /** Hashes of the locks of these functions; the code does not affect them. */
  readonly lockSha256: readonly string[];
  readonly files: readonly SourceFile[];
}

/**
 * The code of every function's bundle, without the packages: the files that change when a module changes.
 *
 * @throws {BuildError} if a function has no matching lock, or cannot run on a cloud.
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

/** The code of an application's Lambda functions, which share one bundle. */
async function lambdaCode(application: Application, platform: Platform, requirements?: string) {
  const [locked, files] = await Promise.all([
    lockedFunctions(application, "aws", requirements),
    applicationFiles(application, "aws"),
  ]);
  const releases = new Map(locked.flatMap((each) => codeReleases(each, files, platform)));
  const code = await withAdapters("aws", application, files, application.functions, releases);
  return { locked, releases, code };
}

/** The parts of one function's bundle. */
interface FunctionParts {
  readonly lock: LockedFunctions["lock"];
  readonly files: readonly SourceFile[];
  readonly releases: Readonly<Record<string, string>>;
}

/** Builds the bundle of each function, on a cloud that deploys code and packages together. */
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

/** Proves that every import at the start of functions with the same packages finds its module. */
async function proveImports(
  target: Target,
  application: Application,
  functions: readonly PythonFunction[],
  checked: Omit<FunctionImports, "target" | "entryPoints">,
  { requirements, ...reports }: Pick<BuildOptions, "requirements" | "progress" | "warn">,
): Promise<void> {
  // Replaced requirements belong to other code, which is not here.
  if (requirements !== undefined) return;
  const entryPoints = functions.map(({ name }) => ({
    module: entryModule[target](name),
    attribute: entryAttribute[target],
  }));
  await checkFunctionImports(
    { ...checked, target, entryPoints },
    { ...reports, functions, others: () => otherLocks(application, target) },
  );
}

/** The functions' locks on the other clouds, as far as they exist. */
async function otherLocks(application: Application, target: Target): Promise<Lock[]> {
  const others = clouds.filter((cloud) => cloud !== target);
  const locked = await Promise.all(others.map((cloud) => lockedFunctions(application, cloud).catch(() => [])));
  return locked.flat().map(({ lock }) => lock);
}

interface Platform {
  readonly architecture: Architecture;
  readonly pythonVersion: string;
}

/** The code part of each function's release: a hash of its inputs, by function name. */
function codeReleases(
  { functions, lock }: LockedFunctions,
  files: readonly SourceFile[],
  platform: Platform,
): [string, string][] {
  const release = sha256(JSON.stringify([digest(files), lock.sha256, platform])).slice(0, 12);
  return functions.map(({ name }) => [name, release]);
}

/** The layers and packages that a function takes from its lock. */
function layeredFunction({ name, layers, entryPoints: { aws } }: PythonFunction): LayeredFunction {
  const adapter = aws && adapterPackages.aws[aws.protocol];
  return { name, layers, packages: adapter === undefined ? [] : [adapter] };
}

/** Groups items by key and keeps their order. */
function alike<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const together = new Map<string, T[]>();
  for (const item of items) together.set(keyOf(item), [...(together.get(keyOf(item)) ?? []), item]);
  return [...together.values()];
}

/**
 * Plans layers for functions with another lock than the first. Groups and public layers are described for the first
 * lock only.
 */
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

/**
 * Sizes of wheels. Where the index gives no size, the file is measured, so that the plan does not depend on the index.
 */
async function sizedWheels(
  lock: Lock,
  platform: Platform,
  progress: BuildOptions["progress"],
): Promise<readonly SizedPackage[]> {
  const { wheelsOf } = await onDemand(() => import("./wheel-index"));
  const wheels = await wheelsOf(lock, platform, { progress });
  const unsized = wheels.filter(({ size }) => size === undefined);
  const sizes = unsized.length === 0 ? [] : await (await contents()).wheelSizes(unsized, lock, platform, progress);
  return wheels.map(({ name, size = sizes[unsized.findIndex((each) => each.name === name)] ?? 0 }) => ({ name, size }));
}

/** Merges layers that have the same content. */
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

/** Loaded on demand: finding a built bundle does not need it, and takes half the time without it. */
const contents = () => onDemand(() => import("./contents"));

/** Pruning options with their defaults. */
function pruningOf(
  { layers }: Application,
  { prune = true, keep = [], keepSymbols = [] }: Pick<BuildOptions, "prune" | "keep" | "keepSymbols">,
) {
  return { prune, keep: [...layers.keep, ...keep].sort(), keepSymbols: keepSymbols.map(normalisedName).sort() };
}

/** Name of the bytecode compiler; undefined if bytecode is off or no compiler supports this Python. */
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
