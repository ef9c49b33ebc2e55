import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";

import type { LayerBundle } from "../layers/bundle";
import { type Transform, transformed } from "./transform";

export interface DependencyLayerArgs {
  /** Name of the layer in the account; every change of its content is a new version under this name. */
  readonly layerName: string;
  /** What the layer builder built. Its Python version and architecture become the layer's and its functions'. */
  readonly bundle: LayerBundle;
  /** Shown in the console. Default: the number of packages and the Python version. */
  readonly description?: string;
  readonly transform?: { readonly layer?: Transform<lambda.LayerVersionArgs> };
}

/**
 * The Python packages of a Lambda function, as one layer version.
 *
 * Old versions stay when a new one is published (`skipDestroy`), because other stacks hold their ARNs.
 *
 * ```ts
 * const layer = new DependencyLayer("dependencies", { layerName: "shop-staging-dependencies", bundle });
 * export const layerArn = layer.arn;
 * ```
 */
export class DependencyLayer extends pulumi.ComponentResource {
  /** ARN of this version, e.g. `arn:aws:lambda:ap-northeast-1:123456789012:layer:shop-staging-dependencies:7`. */
  readonly arn: pulumi.Output<string>;
  /** Number of this version; AWS counts from 1 and never reuses one. */
  readonly version: pulumi.Output<string>;
  readonly layerName: string;
  readonly bundle: LayerBundle;

  constructor(name: string, args: DependencyLayerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:DependencyLayer", name, {}, opts);
    this.layerName = args.layerName;
    this.bundle = args.bundle;

    const { pythonVersion, architecture, packages, path } = args.bundle;
    const layer = new lambda.LayerVersion(
      name,
      transformed<lambda.LayerVersionArgs>(
        {
          layerName: args.layerName,
          description: args.description ?? `${packages.length} packages for Python ${pythonVersion}`,
          code: new pulumi.asset.FileArchive(path),
          compatibleRuntimes: [`python${pythonVersion}`],
          compatibleArchitectures: [architecture],
          skipDestroy: true,
        },
        args.transform?.layer,
      ),
      { parent: this },
    );

    this.arn = layer.arn;
    this.version = layer.version;
    this.registerOutputs({ arn: this.arn, version: this.version });
  }
}
