import path from "node:path";

import * as command from "@pulumi/command/local";

import type { BuildResult } from "../layers/bundle";

export interface BundleOptions {
  /** Clouds to build for. */
  readonly targets: readonly ("aws" | "azure" | "gcp")[];
  readonly strategy: "full";
  readonly pythonVersion: string;
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
    `--strategy ${options.strategy}`,
    `--python-version ${options.pythonVersion}`,
    `--architecture ${options.architecture}`,
  ];
  const { stdout } = await command.run({
    command: `node --import tsx layers/main.ts build --json ${flags.join(" ")}`,
    dir: path.join(__dirname, ".."),
    logging: command.Logging.Stderr,
  });
  return JSON.parse(stdout) as BuildResult;
}
