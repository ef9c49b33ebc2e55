import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";

import type { LayerBundle } from "../layers/bundle";
import { type Transform, transformed } from "./transform";

export interface PrivateBucketArgs {
  /** Prefix of the bucket's name, at most 37 characters. */
  readonly bucketPrefix: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly transform?: Transform<s3.BucketArgs>;
}

/**
 * An encrypted bucket without ACLs that no policy can make public, and that is deleted with its content.
 *
 * @returns the bucket, and the resources that have to exist before an object is uploaded.
 */
export function privateBucket(
  name: string,
  { bucketPrefix, tags, transform }: PrivateBucketArgs,
  parent: pulumi.Resource,
) {
  const wanted = transformed<s3.BucketArgs>({ bucketPrefix, forceDestroy: true, tags: tags && { ...tags } }, transform);
  const bucket = new s3.Bucket(
    name,
    // One of the two names it.
    wanted.bucket === undefined ? wanted : { ...wanted, bucketPrefix: undefined },
    // A bucket from before the prefix was introduced keeps its name, and is not replaced.
    { parent, ignoreChanges: ["bucketPrefix"] },
  );
  const child: pulumi.CustomResourceOptions = { parent: bucket };
  const protections: readonly pulumi.Resource[] = [
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
  ];
  return { bucket, protections };
}

/**
 * The same for zips that Lambda and AWS Signer take: its objects have versions, and it answers over TLS alone.
 *
 * @returns the bucket, and what has to be there before an object is put into it.
 */
export function uploadBucket(name: string, args: PrivateBucketArgs, parent: pulumi.Resource) {
  const { bucket, protections } = privateBucket(name, args, parent);
  const child: pulumi.CustomResourceOptions = { parent: bucket };
  const more: readonly pulumi.Resource[] = [
    new s3.BucketVersioning(name, { bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } }, child),
    new s3.BucketPolicy(
      name,
      { bucket: bucket.bucket, policy: pulumi.jsonStringify(bucket.arn.apply(onlyOverTls)) },
      { ...child, deletedWith: bucket },
    ),
  ];
  return { bucket, protections: [...protections, ...more] };
}

interface UploadedZip {
  /** Of `uploadBucket`. */
  readonly bucket: s3.Bucket;
  readonly protections: readonly pulumi.Resource[];
  /** What the object's key begins with, before a slash. */
  readonly folder: string;
  readonly zip: Pick<LayerBundle, "path" | "sha256">;
}

/** A zip in such a bucket: its key has its hash, so that another content is another object. */
export function uploadedZip(name: string, { bucket, protections, folder, zip }: UploadedZip): s3.BucketObjectv2 {
  return new s3.BucketObjectv2(
    name,
    {
      bucket: bucket.bucket,
      key: `${folder}/${zip.sha256}.zip`,
      source: new pulumi.asset.FileAsset(zip.path),
    },
    // The zip is in a bucket that is private and versioned already.
    { parent: bucket, dependsOn: [...protections] },
  );
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
