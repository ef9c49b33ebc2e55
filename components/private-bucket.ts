import * as s3 from "@pulumi/aws/s3";
import type * as pulumi from "@pulumi/pulumi";

import { type Transform, transformed } from "./transform";

export interface PrivateBucketArgs {
  readonly tags?: Readonly<Record<string, string>>;
  readonly transform?: Transform<s3.BucketArgs>;
}

/**
 * An encrypted bucket without ACLs that no policy can make public, and that goes with its content.
 *
 * @returns the bucket, and what has to be there before an object is put into it.
 */
export function privateBucket(name: string, { tags, transform }: PrivateBucketArgs, parent: pulumi.Resource) {
  const bucket = new s3.Bucket(
    name,
    transformed<s3.BucketArgs>({ forceDestroy: true, tags: tags && { ...tags } }, transform),
    { parent },
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
