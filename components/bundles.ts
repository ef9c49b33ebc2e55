import path from "node:path";

import * as command from "@pulumi/command/local";

import type { BuildResult } from "../layers/bundle";
import type { PublicLayer } from "./aws/public-layers";

/** Which layers the packages of a Lambda function are in. */
export type LayerStrategy =
  /** One layer with everything. */
  | { readonly kind: "full" }
  /** Public layers have some of the packages, one layer of ours has the rest. */
  | { readonly kind: "hybrid"; readonly publicLayers: readonly PublicLayer[] }
  /** One layer for each group of packages, as `layers/requirements/aws.groups.toml` lists them. */
  | { readonly kind: "split" };

export interface BundleOptions {
  /** Clouds to build for. */
  readonly targets: readonly ("aws" | "azure" | "gcp")[];
  /** How packages are put into Lambda layers. */
  readonly strategy: LayerStrategy;
  readonly pythonVersion: string;
  /** Whether modules have their bytecode beside them, where the builder has a compiler for the Python version. */
  readonly bytecode: boolean;
  /** Of the AWS layer and function; Azure and Google Cloud run x86_64. */
  readonly architecture: "x86_64" | "arm64";
}

/**
 * Builds the layers and packages that a deployment uploads, before any resource is declared.
 *
 * It runs at every preview and update: diffs are exact, and a machine that never built before misses no file. What is
 * already built comes from the cache.
 *
 * @throws with the builder's own message where a bundle cannot be built; nothing has been deployed then.
 */
export async function buildBundles(options: BundleOptions): Promise<BuildResult> {
  const flags = [
    ...options.targets.map((target) => `--target ${target}`),
    `--strategy ${options.strategy.kind}`,
    ...providedPackages(options.strategy).map((pin) => `--provided ${pin}`),
    `--python-version ${options.pythonVersion}`,
    `--architecture ${options.architecture}`,
    ...(options.bytecode ? [] : ["--no-bytecode"]),
  ];
  const { stdout } = await command.run({
    command: `node --require tsx/cjs layers/main.ts build --json ${flags.join(" ")}`,
    dir: path.join(__dirname, ".."),
    logging: command.Logging.Stderr,
  });
  return JSON.parse(stdout) as BuildResult;
}

/** What public layers carry, as pins for the builder to leave out. */
function providedPackages(strategy: LayerStrategy): string[] {
  if (strategy.kind !== "hybrid") return [];
  return strategy.publicLayers.flatMap(({ packages }) =>
    Object.entries(packages).map(([name, version]) => `${name}==${version}`),
  );
}
