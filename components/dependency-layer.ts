import * as lambda from "@pulumi/aws/lambda";
import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";

import { directUploadLimit, type LayerBundle } from "../layers/bundle";
import { type Transform, transformed } from "./transform";

export interface DependencyLayerArgs {
  /** Name of the layer in the account; every change of its content is a new version under this name. */
  readonly layerName: string;
  /** What the layer builder built. Its Python version and architecture become the layer's and its functions'. */
  readonly bundle: LayerBundle;
  /** Shown in the console. Default: the number of packages and the Python version. */
  readonly description?: string;
  /** Tags of the bucket that a zip above 50 MB goes through. */
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
 * Old versions stay when a new one is published (`skipDestroy`), because other stacks hold their ARNs. A zip above 50 MB, which
 * Lambda takes from S3 alone, goes through a private bucket of the layer's own.
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

    const { pythonVersion, architecture, packages, path, size } = args.bundle;
    const layer = new lambda.LayerVersion(
      name,
      transformed<lambda.LayerVersionArgs>(
        {
          layerName: args.layerName,
          description: args.description ?? `${packages.length} packages for Python ${pythonVersion}`,
          ...(size > directUploadLimit ? this.uploaded(name, args) : { code: new pulumi.asset.FileArchive(path) }),
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

  /** Where Lambda finds the zip: an object whose key has the layer's hash, so that another content is another object. */
  private uploaded(name: string, { bundle, layerName, tags, transform }: DependencyLayerArgs) {
    const bucket = new s3.Bucket(
      name,
      transformed<s3.BucketArgs>({ forceDestroy: true, tags: tags && { ...tags } }, transform?.bucket),
      { parent: this },
    );
    const child: pulumi.CustomResourceOptions = { parent: bucket };
    const settings = [
      new s3.BucketPublicAccessBlock(
        name,
        {
          bucket: bucket.bucket,
          blockPublicAcls: true,
          blockPublicPolicy: true,
          ignorePublicAcls: true,
          restrictPublicBuckets: true,
        },
        child,
      ),
      new s3.BucketOwnershipControls(
        name,
        { bucket: bucket.bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
        child,
      ),
      new s3.BucketServerSideEncryptionConfiguration(
        name,
        { bucket: bucket.bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
        child,
      ),
      new s3.BucketVersioning(name, { bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } }, child),
      new s3.BucketPolicy(
        name,
        { bucket: bucket.bucket, policy: pulumi.jsonStringify(bucket.arn.apply(onlyOverTls)) },
        { ...child, deletedWith: bucket },
      ),
    ];
    const object = new s3.BucketObjectv2(
      name,
      {
        bucket: bucket.bucket,
        key: `${layerName}/${bundle.sha256}.zip`,
        source: new pulumi.asset.FileAsset(bundle.path),
      },
      // The zip is in a bucket that is private and versioned already.
      { ...child, dependsOn: settings },
    );
    return { s3Bucket: object.bucket, s3Key: object.key, s3ObjectVersion: object.versionId };
  }
}

function onlyOverTls(bucketArn: string) {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "OnlyOverTls",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: [bucketArn, `${bucketArn}/*`],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
  };
}
