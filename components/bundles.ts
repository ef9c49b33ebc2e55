import * as pulumi from "@pulumi/pulumi";

import type { Application } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import { build } from "../layers/build";
import { BuildError } from "../layers/build-error";
import type { Architecture, Bundle } from "../layers/bundle";
import { normalisedName } from "../layers/lock";
import type { Strategy } from "../layers/strategy";
import type { PublicLayer } from "./aws/public-layers";

/** How the packages of a Lambda function are distributed over layers. */
export type LayerStrategy =
  /** One layer with all packages. */
  | { readonly kind: "full" }
  /** Public layers provide some of the packages, one layer of our own has the rest. */
  | { readonly kind: "hybrid"; readonly publicLayers: readonly PublicLayer[] }
  /** One layer for each group of packages, as the application's description lists them. */
  | { readonly kind: "split" }
  /** Layers of packages of similar size. */
  | { readonly kind: "auto" };

export interface BundleOptions {
  readonly application: Application;
  /** Clouds to build for. */
  readonly targets: readonly Cloud[];
  /** How packages are distributed over Lambda layers. */
  readonly strategy: LayerStrategy;
  readonly pythonVersion: string;
  /** Whether to add bytecode, if the builder has a compiler for the Python version. */
  readonly bytecode: boolean;
  /** Architecture of the AWS layer and function; Azure and Google Cloud run x86_64. */
  readonly architecture: Architecture;
}

/**
 * Builds the layers and packages of a deployment, before any resource is declared.
 *
 * It runs in the program, in every preview and update, so that diffs are exact and a new machine needs no earlier
 * build. Existing bundles come from the cache.
 *
 * @throws with the builder's own message if a bundle cannot be built; nothing has been deployed then.
 */
export async function buildBundles({ strategy, ...options }: BundleOptions): Promise<Bundle[]> {
  const warned = new Set<string>();
  try {
    return await build({
      ...options,
      strategy: plan(strategy, options.application),
      progress: (line) => void pulumi.log.info(line, undefined, undefined, true),
      warn(line) {
        // Several targets may have the same warning.
        if (!warned.has(line)) void pulumi.log.warn(line);
        warned.add(line);
      },
    });
  } catch (error) {
    // The user can correct it: a stack trace would only hide the message.
    throw error instanceof BuildError ? new pulumi.RunError(error.message) : error;
  }
}

function plan(strategy: LayerStrategy, { layers }: Application): Strategy {
  switch (strategy.kind) {
    case "full":
    case "auto":
      return strategy;
    case "split":
      return { kind: "split", groups: layers.groups };
    case "hybrid": {
      const pins = strategy.publicLayers.flatMap(({ packages }) => Object.entries(packages));
      return { kind: "hybrid", provided: new Map(pins.map(([name, version]) => [normalisedName(name), version])) };
    }
  }
}
