import * as s3 from "@pulumi/aws/s3";
import type * as pulumi from "@pulumi/pulumi";

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
