import * as lambda from "@pulumi/aws/lambda";
import type * as s3 from "@pulumi/aws/s3";
import * as signer from "@pulumi/aws/signer";
import * as pulumi from "@pulumi/pulumi";

import type { LayerBundle } from "../../layers/bundle";
import { bucketPrefix, signingProfilePrefix } from "../names";
import { uploadBucket, uploadedZip } from "../private-bucket";
import { type Transform, transformed } from "../transform";

/** What Lambda does with code that no allowed profile has signed: deploys it and counts it, or refuses it. */
export type CodeSigningPolicy = "warn" | "enforce";

export interface CodeSigningArgs {
  /** What the names of the profile and of the bucket begin with, e.g. `shop-staging-signing`. */
  readonly signingName: string;
  readonly policy: CodeSigningPolicy;
  readonly tags?: Readonly<Record<string, string>>;
  readonly transform?: {
    readonly profile?: Transform<signer.SigningProfileArgs>;
    readonly bucket?: Transform<s3.BucketArgs>;
    /** Also the place of further publishers, whose layers functions have beside their own. */
    readonly config?: Transform<lambda.CodeSigningConfigArgs>;
  };
}

/** A zip that AWS Signer has signed, where Lambda finds it. */
export interface SignedZip {
  readonly s3Bucket: pulumi.Output<string>;
  readonly s3Key: pulumi.Output<string>;
}

/**
 * AWS Signer's signatures under the code of Lambda functions and under their layers, and the configuration by which Lambda
 * checks them whenever it deploys either.
 *
 * ```ts
 * const codeSigning = new CodeSigning("signing", { signingName: "shop-staging-signing", policy: "enforce" });
 * const layer = new DependencyLayer("dependencies", { layerName, bundle, codeSigning });
 * new ApiFunction("api", { functionName, handler, layers: [layer], code: codeSigning.sign("api", code), codeSigning });
 * ```
 */
export class CodeSigning extends pulumi.ComponentResource {
  /** What a function takes as its `codeSigningConfigArn`. */
  readonly configArn: pulumi.Output<string>;
  /** What the configuration of another account has to allow, where that takes this one's layers. */
  readonly profileVersionArn: pulumi.Output<string>;

  private readonly bucket: s3.Bucket;
  private readonly protections: readonly pulumi.Resource[];
  private readonly profile: signer.SigningProfile;
  /** By the hash of what was signed: functions may share their code. */
  private readonly signed = new Map<string, SignedZip>();

  constructor(
    private readonly logicalName: string,
    args: CodeSigningArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("multicloud:aws:CodeSigning", logicalName, {}, opts);
    const name = logicalName;
    const tags = args.tags && { ...args.tags };
    this.profile = new signer.SigningProfile(
      name,
      transformed<signer.SigningProfileArgs>(
        {
          platformId: "AWSLambda-SHA384-ECDSA",
          // A profile that is cancelled keeps its name for good.
          namePrefix: signingProfilePrefix(args.signingName),
          tags,
        },
        args.transform?.profile,
      ),
      { parent: this },
    );
    const { bucket, protections } = uploadBucket(
      name,
      { bucketPrefix: bucketPrefix(args.signingName), tags, transform: args.transform?.bucket },
      this,
    );
    this.bucket = bucket;
    this.protections = protections;
    const config = new lambda.CodeSigningConfig(
      name,
      transformed<lambda.CodeSigningConfigArgs>(
        {
          description: `Code of ${args.signingName}`,
          allowedPublishers: { signingProfileVersionArns: [this.profile.versionArn] },
          policies: { untrustedArtifactOnDeployment: args.policy === "enforce" ? "Enforce" : "Warn" },
          tags,
        },
        args.transform?.config,
      ),
      { parent: this },
    );
    this.configArn = config.arn;
    this.profileVersionArn = this.profile.versionArn;
    this.registerOutputs({ configArn: this.configArn, profileVersionArn: this.profileVersionArn });
  }

  /**
   * Signs a zip; the same content is signed once.
   *
   * @param name what tells it from the other zips that this signs.
   */
  sign(name: string, zip: Pick<LayerBundle, "path" | "sha256">): SignedZip {
    const known = this.signed.get(zip.sha256);
    if (known !== undefined) return known;
    const own = `${this.logicalName}-${name}`;
    const object = uploadedZip(own, { bucket: this.bucket, protections: this.protections, folder: name, zip });
    const { profile, bucket } = this;
    const job = new signer.SigningJob(
      own,
      {
        profileName: profile.name,
        source: { s3: { bucket: object.bucket, key: object.key, version: object.versionId } },
        destination: { s3: { bucket: bucket.bucket, prefix: `signed/${name}/` } },
      },
      { parent: bucket },
    );
    const signed = {
      s3Bucket: bucket.bucket,
      s3Key: job.signedObjects.apply((objects) => keyOf(objects, own)),
    };
    this.signed.set(zip.sha256, signed);
    return signed;
  }
}

function keyOf(objects: readonly { readonly s3s: readonly { readonly key: string }[] }[], name: string): string {
  const key = objects[0]?.s3s[0]?.key;
  if (key === undefined) throw new Error(`${name}: the signing job names no signed object; run the update again`);
  return key;
}
