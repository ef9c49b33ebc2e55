import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";

import { ApiFunction } from "../../../components/aws/api-function";
import { DependencyLayer } from "../../../components/dependency-layer";
import { layerBundle } from "../bundles";
import { record, valueOf } from "../mocks";

const permissionType = "aws:lambda/layerVersionPermission:LayerVersionPermission";
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

  test("goes through a bucket object above, whose key contains its hash", async () => {
    const recording = await layerOf(limit + 1);
    const version = recording.only("aws:lambda/layerVersion:LayerVersion");
    const key = `shop-test-dependencies/${"a".repeat(64)}.zip`;
    expect(version).toMatchObject({ s3Bucket: "uploads", s3Key: key, s3ObjectVersion: "v1", skipDestroy: true });
    expect(version).not.toHaveProperty("code");
    expect(recording.only("aws:s3/bucketObjectv2:BucketObjectv2")).toMatchObject({ bucket: "uploads", key });
  });

  test("is in a bucket that is private, encrypted, versioned and deleted with the stack", async () => {
    const recording = await layerOf(limit + 1);
    expect(recording.only("aws:s3/bucket:Bucket")).toEqual({
      bucketPrefix: "shop-test-dependencies-",
      forceDestroy: true,
      tags: { project: "shop" },
    });
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

const sharedBy = (shareWith: string[]) =>
  record(
    () => new DependencyLayer("dependencies", { layerName: "shop-dependencies", bundle: layerBundle(), shareWith }),
    { answers: { "aws:lambda/layerVersion:LayerVersion": () => ({ arn: "arn:7", layerArn: "arn", version: "7" }) } },
  );

describe("a layer that is shared", () => {
  test("may be used by the given accounts and organisations, each by its own statement", async () => {
    const { recording } = await sharedBy(["210987654321", "o-a1b2c3d4e5"]);
    const common = { layerName: "arn", versionNumber: 7, action: "lambda:GetLayerVersion" };
    expect(recording.of(permissionType).map(({ inputs }) => inputs)).toEqual([
      { ...common, statementId: "share-210987654321", principal: "210987654321" },
      { ...common, statementId: "share-o-a1b2c3d4e5", principal: "*", organizationId: "o-a1b2c3d4e5" },
    ]);
  });

  test("is private by default", async () => {
    expect((await layerOf(limit)).of(permissionType)).toEqual([]);
  });

  test.each(["*", "2109876543", "o-short", "arn:aws:iam::210987654321:root"])(
    "cannot be shared with %j",
    async (id) => {
      await expect(sharedBy([id])).rejects.toThrow(
        `layer shop-dependencies: shareWith has ${JSON.stringify(id)}; accepted are the id of an account, 12 digits`,
      );
    },
  );
});

describe("the layers of another stack", () => {
  const described = (architecture: string) => ({
    arn: "arn:aws:lambda:eu-west-1:123456789012:layer:shop-web:3",
    version: "3",
    pythonVersion: "3.12",
    architecture,
    packages: { fastapi: "0.115.0", mangum: "0.17.0" },
  });
  const other = {
    layers: { "shop-web": described("arm64"), "shop-jobs": described("arm64") },
    aws: { functions: { api: { layers: ["shop-web"] }, jobs: {} } },
  };

  function fromStack<T>(outputs: object, use: (stack: pulumi.StackReference) => Promise<T>) {
    return record(() => use(new pulumi.StackReference("organization/shop/staging")), {
      answers: { "pulumi:pulumi:StackReference": () => ({ name: "organization/shop/staging", outputs }) },
    });
  }

  test("are those of a function, known before any resource exists", async () => {
    const { result } = await fromStack(other, (stack) => DependencyLayer.fromOutputs(stack, "api"));
    expect(await Promise.all(result.map(async ({ arn, bundle }) => ({ arn: await valueOf(arn), bundle })))).toEqual([
      {
        arn: other.layers["shop-web"].arn,
        bundle: {
          name: "shop-web",
          pythonVersion: "3.12",
          architecture: "arm64",
          packages: [
            { name: "fastapi", version: "0.115.0" },
            { name: "mangum", version: "0.17.0" },
          ],
        },
      },
    ]);
  });

  test("are all layers if no function is named", async () => {
    const { result } = await fromStack(other, (stack) => DependencyLayer.fromOutputs(stack));
    expect(result.map(({ bundle }) => bundle.name)).toEqual(["shop-jobs", "shop-web"]);
  });

  test("are empty for a function without packages", async () => {
    const { result } = await fromStack(other, (stack) => DependencyLayer.fromOutputs(stack, "jobs"));
    expect(result).toEqual([]);
  });

  test("include the public layers of the stack's functions", async () => {
    const arn = "arn:aws:lambda:eu-west-1:770693421928:layer:Klayers-p312-PyJWT:1";
    const aws = { ...other.aws, publicLayers: { [arn]: { pyjwt: "2.9.0" } } };
    const { result } = await fromStack({ ...other, aws }, (stack) => DependencyLayer.fromOutputs(stack, "api"));
    expect(await Promise.all(result.map(({ arn }) => valueOf(arn)))).toEqual([other.layers["shop-web"].arn, arn]);
    expect(result[1]?.bundle.packages).toEqual([{ name: "pyjwt", version: "2.9.0" }]);
  });

  test("are the layers that a function runs on", async () => {
    const { recording } = await fromStack(other, async (stack) => {
      const layers = await DependencyLayer.fromOutputs(stack, "api");
      const code = new pulumi.asset.AssetArchive({});
      return new ApiFunction("api", { functionName: "api", code, handler: "api.handler", layers });
    });
    expect(recording.only("aws:lambda/function:Function")).toMatchObject({
      runtime: "python3.12",
      architectures: ["arm64"],
      layers: [other.layers["shop-web"].arn],
    });
  });

  test.each<[string, object, string | undefined, RegExp]>([
    ["that describes none", {}, undefined, /organization\/shop\/staging: its outputs describe no layers.*deployed/],
    ["without a layer", { layers: {}, aws: { functions: {} } }, undefined, /its outputs list no layer/],
    ["of another shape", { layers: { a: { arn: 1 } } }, undefined, /layers\.a\.arn: .*expected string/],
    ["without the function", other, "apo", /it has no function apo; did you mean api\?/],
    ["without one like it", other, "worker", /it has no function worker; it has api, jobs/],
    [
      "that describes none of a function's",
      { ...other, aws: { functions: { api: { layers: ["gone"] } } } },
      "api",
      /its function api has the layer gone, which its output layers does not describe/,
    ],
  ])("of a stack %s are an error that says so", async (_, outputs, fn, message) => {
    await expect(fromStack(outputs, (stack) => DependencyLayer.fromOutputs(stack, fn))).rejects.toThrow(message);
  });
});
