import { describe, expect, test } from "vitest";

import { DependencyLayer } from "../../../components/dependency-layer";
import { layerBundle } from "../bundles";
import { record } from "../mocks";

const limit = 52_428_800;

async function layerOf(size: number) {
  const { recording } = await record(
    () =>
      new DependencyLayer("dependencies", {
        layerName: "shop-test-dependencies",
        bundle: layerBundle({ size }),
        tags: { project: "shop" },
      }),
    {
      answers: {
        "aws:s3/bucket:Bucket": () => ({ bucket: "uploads", arn: "arn:aws:s3:::uploads" }),
        "aws:s3/bucketObjectv2:BucketObjectv2": () => ({ versionId: "v1" }),
        "aws:lambda/layerVersion:LayerVersion": () => ({ arn: "arn", version: "1" }),
      },
    },
  );
  return recording;
}

describe("a layer's zip", () => {
  test("goes to Lambda in the request up to 50 MB", async () => {
    const recording = await layerOf(limit);
    expect(recording.all.map(({ type }) => type)).toEqual(["aws:lambda/layerVersion:LayerVersion"]);
    expect(recording.only("aws:lambda/layerVersion:LayerVersion")).toHaveProperty("code");
  });

  test("goes through an object of its own above, whose key has its hash", async () => {
    const recording = await layerOf(limit + 1);
    const version = recording.only("aws:lambda/layerVersion:LayerVersion");
    const key = `shop-test-dependencies/${"a".repeat(64)}.zip`;
    expect(version).toMatchObject({ s3Bucket: "uploads", s3Key: key, s3ObjectVersion: "v1", skipDestroy: true });
    expect(version).not.toHaveProperty("code");
    expect(recording.only("aws:s3/bucketObjectv2:BucketObjectv2")).toMatchObject({ bucket: "uploads", key });
  });

  test("is in a bucket that is private, encrypted, versioned and goes with the stack", async () => {
    const recording = await layerOf(limit + 1);
    expect(recording.only("aws:s3/bucket:Bucket")).toEqual({ forceDestroy: true, tags: { project: "shop" } });
    expect(recording.only("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(recording.only("aws:s3/bucketVersioning:BucketVersioning")).toMatchObject({
      versioningConfiguration: { status: "Enabled" },
    });
    expect(
      recording.only("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"),
    ).toMatchObject({ rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] });
    expect(String(recording.only("aws:s3/bucketPolicy:BucketPolicy").policy)).toContain(
      '"aws:SecureTransport":"false"',
    );
  });
});
