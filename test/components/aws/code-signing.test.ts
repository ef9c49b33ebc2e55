import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";

import { ApiFunction } from "../../../components/aws/api-function";
import { CodeSigning, type CodeSigningPolicy } from "../../../components/aws/code-signing";
import { WebApplication } from "../../../components/aws/web-application";
import { applicationBundle, layerBundle } from "../bundles";
import { type CloudAnswers, record } from "../mocks";
import { httpPlan } from "../plans";

const [functionType, layerType] = ["aws:lambda/function:Function", "aws:lambda/layerVersion:LayerVersion"];
const [jobType, objectType] = ["aws:signer/signingJob:SigningJob", "aws:s3/bucketObjectv2:BucketObjectv2"];

const answers: CloudAnswers = {
  "aws:s3/bucket:Bucket": () => ({ bucket: "signed", arn: "arn:aws:s3:::signed" }),
  [objectType]: ({ name }) => ({ versionId: `version-of-${name}` }),
  [jobType]: ({ inputs }) => {
    const { bucket, prefix } = (inputs.destination as { s3: { bucket: string; prefix: string } }).s3;
    return { signedObjects: [{ s3s: [{ bucket, key: `${prefix}job.zip` }] }] };
  },
  "aws:signer/signingProfile:SigningProfile": () => ({ name: "shop_1", versionArn: "arn:profile/1" }),
  "aws:lambda/codeSigningConfig:CodeSigningConfig": () => ({ arn: "arn:config" }),
  [functionType]: ({ inputs }) => ({ arn: `arn:aws:lambda:eu-west-1:1:function:${String(inputs.name)}`, version: "1" }),
  [layerType]: () => ({ arn: "arn:layer:1", version: "1" }),
  "aws:dynamodb/table:Table": () => ({ arn: "arn:table" }),
  "aws:iam/role:Role": () => ({ arn: "arn:role" }),
  "aws:cloudwatch/logGroup:LogGroup": () => ({ arn: "arn:log" }),
  "aws:lambda/alias:Alias": () => ({ arn: "arn:alias", invokeArn: "arn:invoke" }),
};

async function deployed(codeSigning?: CodeSigningPolicy) {
  const { recording } = await record(
    () =>
      new WebApplication("aws", {
        scope: { project: "shop", stack: "test" },
        region: "eu-west-1",
        functions: [httpPlan()],
        tables: [{ name: "messages", partitionKey: "board" }],
        bundles: [applicationBundle, layerBundle()],
        version: "1.2.3",
        codeSigning,
      }),
    { answers },
  );
  return recording;
}

describe("an application that is signed", () => {
  test("has its code and its layer from what jobs signed of versions of objects, whose keys have the hashes", async () => {
    const recording = await deployed("enforce");
    const { sha256 } = layerBundle();
    expect(recording.of(objectType).map(({ inputs }) => inputs.key)).toEqual([
      `shop-test-dependencies/${sha256}.zip`,
      `api/${applicationBundle.sha256}.zip`,
    ]);
    expect(recording.of(jobType).map(({ inputs }) => inputs)).toEqual(
      ["shop-test-dependencies", "api"].map((folder, index) => ({
        profileName: "shop_1",
        source: {
          s3: {
            bucket: "signed",
            key: recording.of(objectType)[index]?.inputs.key,
            version: `version-of-aws-signing-${folder}`,
          },
        },
        destination: { s3: { bucket: "signed", prefix: `signed/${folder}/` } },
      })),
    );
    const layer = recording.only(layerType);
    expect(layer).toMatchObject({ s3Bucket: "signed", s3Key: "signed/shop-test-dependencies/job.zip" });
    const fn = recording.only(functionType);
    expect(fn).toMatchObject({ s3Bucket: "signed", s3Key: "signed/api/job.zip", codeSigningConfigArn: "arn:config" });
    for (const inputs of [layer, fn]) expect(inputs).not.toHaveProperty("code");
  });

  test.each([
    ["enforce", "Enforce"],
    ["warn", "Warn"],
  ] as const)(
    "with %s has a configuration that allows its own profile",
    async (policy, untrustedArtifactOnDeployment) => {
      const recording = await deployed(policy);
      expect(recording.only("aws:lambda/codeSigningConfig:CodeSigningConfig")).toMatchObject({
        allowedPublishers: { signingProfileVersionArns: ["arn:profile/1"] },
        policies: { untrustedArtifactOnDeployment },
      });
      expect(recording.only("aws:signer/signingProfile:SigningProfile")).toMatchObject({
        platformId: "AWSLambda-SHA384-ECDSA",
        namePrefix: "shop_test_signing_",
      });
    },
  );
});

test("an application that is not signed has nothing of it", async () => {
  const recording = await deployed();
  expect(recording.all.filter(({ type }) => /signer|codeSigning|aws:s3/.test(type))).toEqual([]);
  for (const type of [layerType, functionType]) expect(recording.only(type)).toHaveProperty("code");
  expect(recording.only(functionType)).not.toHaveProperty("codeSigningConfigArn");
});

describe("a program of one's own", () => {
  const declare = (sign: (signing: CodeSigning) => unknown) =>
    record(
      () => {
        const codeSigning = new CodeSigning("signing", { signingName: "shop-signing", policy: "enforce" });
        sign(codeSigning);
        return codeSigning;
      },
      { answers },
    );

  test("signs code that functions share once", async () => {
    const { recording } = await declare((signing) => {
      signing.sign("api", applicationBundle);
      return signing.sign("worker", applicationBundle);
    });
    expect(recording.of(jobType)).toHaveLength(1);
  });

  test("is told of code that is not signed, which Lambda would refuse", async () => {
    const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;
    const code = new pulumi.asset.AssetArchive({});
    const args = { functionName: "api", code, handler: "a.b", layers: [], platform };
    await expect(declare((codeSigning) => new ApiFunction("api", { ...args, codeSigning }))).rejects.toThrow(
      "api: codeSigning is given, and code is not signed; pass what codeSigning.sign gives",
    );
  });
});
