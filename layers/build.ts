import { createHash } from "node:crypto";

import { applicationFiles, type EntryPoints, type SourceFile } from "./application-files";
import { bytecodeCompiler, bytecodeVersions } from "./bytecode-compiler";
import type { Architecture, Bundle, Target } from "./bundle";
import { storedBundles } from "./bundle-store";
import { checkFunctionImports } from "./imports";
import { checkLayers } from "./limits";
import { readLock } from "./lock";
import { onDemand } from "./on-demand";
import type { PruneOptions } from "./pruning";
import { planLayers, type Strategy } from "./strategy";

export interface BuildOptions extends PruneOptions {
  readonly targets: readonly Target[];
  readonly pythonVersion: string;
  /** Of the AWS layer; the other clouds run x86_64. */
  readonly architecture: Architecture;
  /** Of the AWS layers. Default: one layer with everything. */
  readonly strategy?: Strategy;
  /** Whether the modules of AWS layers and of the Azure package have their bytecode beside them. Default: yes. */
  readonly bytecode?: boolean;
  /** Where the function of each target starts; every import from there has to find its module. */
  readonly entryPoints: EntryPoints;
  /** Folder of requirements and locks. Default: the project's own. */
  readonly requirements?: string;
  /** Told what takes time, a line each. */
  readonly progress: (line: string) => void;
  /** Told what is built all the same but may surprise, a line each. Default: `progress`. */
  readonly warn?: (line: string) => void;
}

/**
 * Builds the bundles of every target, or finds them built.
 *
 * @throws {BuildError} where one cannot be built, no half of it is left behind then; or where a function would fail at an import.
 */
export async function build(options: BuildOptions): Promise<Bundle[]> {
  const bundles = await Promise.all(options.targets.map((target) => builders[target](options)));
  return bundles.flat();
}

const functions = ["api"];

type Builder = (options: BuildOptions) => Promise<Bundle[]>;

const builders: Record<Target, Builder> = {
  /** Layers, whose packages Lambda finds under `python/`, and the function's own code. */
  aws: async ({ architecture, pythonVersion, strategy = { kind: "full" }, requirements, entryPoints, ...options }) => {
    const platform = { architecture, pythonVersion };
    const [lock, files] = await Promise.all([readLock("aws", requirements), applicationFiles("aws")]);
    const plan = planLayers(strategy, lock);
    const bytecode = compilerOf(pythonVersion, options);
    const pruning = pruningOf(options);
    const layer = { target: "aws", kind: "layer", lockSha256: lock.sha256, ...platform, bytecode } as const;
    const application = { target: "aws", kind: "application" } as const;
    const [layers, applications] = await Promise.all([
      storedBundles({ ...layer, content: [plan, pruning] }, async () =>
        (await contents()).layerContents(lock, { ...platform, ...pruning, bytecode }, plan, options.progress),
      ),
      storedBundles({ ...application, content: digest(files) }, async () => [
        await (await contents()).applicationContent(files),
      ]),
    ]);
    const provided = strategy.kind === "hybrid" ? strategy.provided : undefined;
    await checkFunctionImports(
      {
        ...{ target: "aws", platform, lock, application: files, layers: plan, provided },
        entryPoints: entryPoints.aws,
      },
      { requirements, ...options },
    );
    for (const warning of checkLayers(layers, applications)) (options.warn ?? options.progress)(warning);
    return [
      ...layers.map((stored) => ({ ...layer, functions, ...stored })),
      ...applications.map(({ packages, ...stored }) => ({ ...application, functions, ...stored })),
    ];
  },

  /** One package: Flex Consumption looks for dependencies in `.python_packages`. */
  azure: async ({ pythonVersion, requirements, entryPoints, ...options }) => {
    const platform = { architecture: "x86_64", pythonVersion } as const;
    const [lock, files] = await Promise.all([readLock("azure", requirements), applicationFiles("azure")]);
    const bytecode = compilerOf(pythonVersion, options);
    const bundle = { target: "azure", kind: "package", lockSha256: lock.sha256, ...platform, bytecode } as const;
    const pruning = pruningOf(options);
    const stored = await storedBundles({ ...bundle, content: [digest(files), pruning] }, async () => [
      await (await contents()).packageContent(lock, { ...platform, ...pruning, bytecode }, files, options.progress),
    ]);
    await checkFunctionImports(
      { ...{ target: "azure", platform, lock, application: files }, entryPoints: entryPoints.azure },
      { requirements, ...options },
    );
    return stored.map((found) => ({ ...bundle, functions, ...found }));
  },

  /** One source archive: the buildpack installs from its directory of wheels (`GOOGLE_VENDOR_PIP_DEPENDENCIES`). */
  gcp: async ({ pythonVersion, requirements, entryPoints, progress, ...options }) => {
    const platform = { architecture: "x86_64", pythonVersion } as const;
    const [lock, files] = await Promise.all([readLock("gcp", requirements), applicationFiles("gcp")]);
    const bundle = { target: "gcp", kind: "source", lockSha256: lock.sha256, ...platform } as const;
    const stored = await storedBundles({ ...bundle, content: digest(files) }, async () => [
      await (await contents()).sourceContent(lock, platform, files, progress),
    ]);
    await checkFunctionImports(
      { ...{ target: "gcp", platform, lock, application: files }, entryPoints: entryPoints.gcp },
      { requirements, progress, ...options },
    );
    return stored.map((found) => ({ ...bundle, functions, ...found }));
  },
};

/** Loaded where something has to be made: what is built already is found without it, in half the time. */
const contents = () => onDemand(() => import("./contents"));

function pruningOf({ prune = true, keep = [] }: PruneOptions): Required<PruneOptions> {
  return { prune, keep: [...keep].sort() };
}

/** What compiles bytecode, where it is wanted and can be had. */
function compilerOf(
  pythonVersion: string,
  { bytecode = true, progress, warn = progress }: Pick<BuildOptions, "bytecode" | "progress" | "warn">,
): string | undefined {
  if (!bytecode) return undefined;
  const compiler = bytecodeCompiler(pythonVersion);
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
