import * as lambda from "@pulumi/aws/lambda";
import type * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";

import { z } from "zod";

import { didYouMean } from "../contract/suggestion";
import { type Architecture, directUploadLimit, type LayerBundle } from "../layers/bundle";
import type { CodeSigning } from "./aws/code-signing";
import { bucketPrefix, shareable } from "./names";
import { uploadBucket, uploadedZip } from "./private-bucket";
import { resolved } from "./resolved";
import { type Transform, transformed } from "./transform";

/** A layer for a function: of the same program, or published by another stack. */
export interface PublishedLayer {
  /** ARN of one version. */
  readonly arn: pulumi.Input<string>;
  readonly bundle: Pick<LayerBundle, "name" | "pythonVersion" | "architecture" | "packages">;
}

export interface DependencyLayerArgs {
  /** Name of the layer in the account; every change of its content is a new version under this name. */
  readonly layerName: string;
  /** The builder's bundle. Its Python version and architecture become those of the layer and its functions. */
  readonly bundle: LayerBundle;
  /** Shown in the console. Default: the number of packages and the Python version. */
  readonly description?: string;
  /**
   * Further accounts (12 digits) and organisations (`o-...`) that may use this version. Default: none. A version that
   * is no longer the current one is not shared any more: functions that have it continue to run, and get the current
   * one with their stack's next update.
   */
  readonly shareWith?: readonly string[];
  /** What signs the layer, as a function with a code signing configuration asks of its layers. Default: it is not signed. */
  readonly codeSigning?: CodeSigning;
  /** Tags of the bucket for a zip above 50 MB. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly transform?: {
    readonly layer?: Transform<lambda.LayerVersionArgs>;
    /** Only for a zip above 50 MB. */
    readonly bucket?: Transform<s3.BucketArgs>;
  };
}

/**
 * The Python packages of a Lambda function, as one layer version.
 *
 * Old versions stay when a new one is published (`skipDestroy`), because other stacks use their ARNs. A zip above 50
 * MB, which Lambda accepts only from S3, goes through the layer's own private bucket.
 *
 * ```ts
 * const layer = new DependencyLayer("dependencies", { layerName: "shop-staging-dependencies", bundle });
 * export const layerArn = layer.arn;
 * ```
 */
export class DependencyLayer extends pulumi.ComponentResource implements PublishedLayer {
  /**
   * The layers of another stack, from its outputs only. Their platform and packages are known before the first
   * resource, so a function that cannot start with them is an error by then.
   *
   * ```ts
   * const environment = new pulumi.StackReference("organization/shop/staging");
   * const layers = await DependencyLayer.fromOutputs(environment, "api");
   * ```
   *
   * @param fn function of that stack whose layers to use; none if it has no packages. Default: all layers of the stack.
   * @returns the layers, with the stack's public layers (strategy hybrid) at the end.
   * @throws {pulumi.RunError} if that stack's outputs describe no layer, or it has no such function.
   */
  static async fromOutputs(stack: pulumi.StackReference, fn?: string): Promise<PublishedLayer[]> {
    const problem = async (message: string) =>
      new pulumi.RunError(`${await resolved(stack.name)}: ${message}; has it been deployed, with aws in clouds?`);
    const read = async <Read>(name: string, schema: z.ZodType<Read>) => {
      const details: { value?: unknown; secretValue?: unknown } = await stack.getOutputDetails(name);
      const parsed = schema.safeParse(details.value ?? details.secretValue);
      if (parsed.success) return parsed.data;
      const wrong = parsed.error.issues.map(({ path, message }) => `${[name, ...path].join(".")}: ${message}`);
      throw await problem(`its outputs describe no layers (${wrong.join(", ")})`);
    };

    const layers = await read("layers", layersSchema);
    const { functions, publicLayers } = await read("aws", awsSchema);
    const found = fn === undefined ? undefined : functions[fn];
    if (fn !== undefined && found === undefined) {
      const near = didYouMean(fn, Object.keys(functions)) || `; it has ${Object.keys(functions).join(", ")}`;
      throw new pulumi.RunError(`${await resolved(stack.name)}: it has no function ${fn}${near}`);
    }
    const names = found?.layers ?? Object.keys(layers);
    const unknown = names.find((name) => layers[name] === undefined);
    if (unknown !== undefined) {
      throw await problem(
        `its function ${fn ?? ""} has the layer ${unknown}, which its output layers does not describe`,
      );
    }
    // An output of the reference, so that the engine and policies know its origin.
    const published = (
      arn: string,
      name: string,
      layer: Pick<Described, "pythonVersion" | "architecture" | "packages">,
    ) => ({
      arn: stack.requireOutput("layers").apply(() => arn),
      bundle: {
        name,
        pythonVersion: layer.pythonVersion,
        architecture: layer.architecture,
        packages: Object.entries(layer.packages).map(([pkg, version]) => ({ name: pkg, version })),
      },
    });
    const own = names.flatMap((name) => {
      const layer = layers[name];
      return layer === undefined ? [] : [published(layer.arn, name, layer)];
    });
    const [first] = Object.values(layers);
    if (first === undefined && fn === undefined) throw await problem("its outputs list no layer");
    // With strategy hybrid every function also has the public layers, with the platform of its own layers.
    const others = Object.entries(publicLayers).flatMap(([arn, packages]) =>
      first === undefined ? [] : [published(arn, arn, { ...first, packages })],
    );
    return [...own, ...others];
  }

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

    const { pythonVersion, architecture, packages } = args.bundle;
    const layer = new lambda.LayerVersion(
      name,
      transformed<lambda.LayerVersionArgs>(
        {
          layerName: args.layerName,
          description: args.description ?? `${packages.length} packages for Python ${pythonVersion}`,
          ...this.content(name, args),
          compatibleRuntimes: [`python${pythonVersion}`],
          compatibleArchitectures: [architecture],
          skipDestroy: true,
        },
        args.transform?.layer,
      ),
      { parent: this },
    );

    for (const sharing of (args.shareWith ?? []).map((id) => sharingWith(args.layerName, id))) {
      new lambda.LayerVersionPermission(
        `${name}-${sharing.id}`,
        {
          layerName: layer.layerArn,
          versionNumber: layer.version.apply(Number),
          action: "lambda:GetLayerVersion",
          statementId: `share-${sharing.id}`,
          ...sharing.with,
        },
        { parent: layer },
      );
    }

    this.arn = layer.arn;
    this.version = layer.version;
    this.registerOutputs({ arn: this.arn, version: this.version });
  }

  /** The zip, or where Lambda finds it. */
  private content(name: string, args: DependencyLayerArgs) {
    const { bundle, layerName, codeSigning } = args;
    if (codeSigning !== undefined) return codeSigning.sign(layerName, bundle);
    return bundle.size > directUploadLimit
      ? this.uploaded(name, args)
      : { code: new pulumi.asset.FileArchive(bundle.path) };
  }

  private uploaded(name: string, { bundle, layerName, tags, transform }: DependencyLayerArgs) {
    const uploads = uploadBucket(
      name,
      { bucketPrefix: bucketPrefix(layerName), tags, transform: transform?.bucket },
      this,
    );
    const object = uploadedZip(name, { ...uploads, folder: layerName, zip: bundle });
    return { s3Bucket: object.bucket, s3Key: object.key, s3ObjectVersion: object.versionId };
  }
}

/** The part of a stack's outputs that `DependencyLayer.fromOutputs` reads; `LayerOutputs` has more. */
const described = z.object({
  arn: z.string(),
  pythonVersion: z.string(),
  architecture: z.enum(["x86_64", "arm64"] satisfies Architecture[]),
  packages: z.record(z.string(), z.string()),
});
type Described = z.output<typeof described>;
const layersSchema = z.record(z.string(), described);

const awsSchema = z.object({
  functions: z.record(z.string(), z.object({ layers: z.array(z.string()).default([]) })),
  publicLayers: z.record(z.string(), z.record(z.string(), z.string())).default({}),
});

/**
 * The permission for a version, in Lambda's form.
 *
 * @throws if the id is neither an account's nor an organisation's.
 */
function sharingWith(layer: string, id: string) {
  if (!shareable.test(id)) {
    throw new Error(
      `layer ${layer}: shareWith has ${JSON.stringify(id)}; accepted are the id of an account, 12 digits, and the id of an ` +
        "organisation, o- and 10 to 32 lower-case letters and digits",
    );
  }
  // For an organisation the principal is anyone, restricted by a condition.
  return { id, with: id.startsWith("o-") ? { principal: "*", organizationId: id } : { principal: id } };
}
