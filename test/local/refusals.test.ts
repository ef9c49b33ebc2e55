import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";
import { afterAll, describe, expect, test } from "vitest";

import { awsTypes } from "../../local/aws/types";
import { azureTypes } from "../../local/azure/types";
import { gcpTypes } from "../../local/gcp/types";
import { CloudProvider } from "../../local/provider";
import type { ResourceType } from "../../local/resource-type";
import type { Properties } from "../../local/provider-server";
import { ResourceStore } from "../../local/store";

const folder = mkdtempSync(path.join(tmpdir(), "refusals-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A local cloud without data planes. */
function providerOf(types: Readonly<Record<string, ResourceType>>, name: string): CloudProvider {
  const dataPlane = () => Promise.resolve({ types: {}, close: () => Promise.resolve() });
  const store = new ResourceStore(path.join(folder, name));
  return new CloudProvider({ version: "0.0.0", types, configuration: { region: "eu-west-1" }, store, dataPlane });
}

/** The engine's mark of an asset. */
const [signature, asset] = ["4dabf18193072939515e22adb298388d", "c44067f5952c0a294b673a41bacd8c17"];

const urn = (type: string, name = "it") => `urn:pulumi:test::test::${type}::${name}`;

/** A local cloud's errors for a resource's properties. */
function refused(types: Readonly<Record<string, ResourceType>>, type: string, inputs: Properties): string[] {
  return providerOf(types, type)
    .check(urn(type), inputs, {})
    .failures.map(({ property }) => property);
}

test.each([
  ["4096Mi", undefined, false],
  ["4097Mi", "1", true],
  ["4097Mi", "2", false],
  ["32768Mi", "8", false],
  ["32769Mi", "8", true],
  ["64Mi", "1", true],
  ["512Mi", "3", true],
])("local Google Cloud and %s with the CPUs %s: refused is %s", (availableMemory, availableCpu, expected) => {
  const serviceConfig = { availableMemory, ...(availableCpu !== undefined && { availableCpu }) };
  const properties = refused(gcpTypes, "gcp:cloudfunctionsv2/function:Function", { serviceConfig });
  expect(properties.includes("serviceConfig.availableMemory")).toBe(expected);
});

test("local Azure refuses a firewall policy in a group with a long name", () => {
  const properties = (length: number) =>
    refused(azureTypes, "azure-native:frontdoor:Policy", { resourceGroupName: "g".repeat(length), policyName: "web" });
  // Once, since there is no such group.
  expect(properties(80)).toEqual(["resourceGroupName"]);
  expect(properties(81)).toEqual(["resourceGroupName", "resourceGroupName"]);
});

const statement = { Effect: "Allow", Action: "sts:AssumeRole" };
const lambda = { Principal: { Service: "lambda.amazonaws.com" } };
test.each([
  ["aws:iam/rolePolicy:RolePolicy", "policy", { Resource: "*" }, false],
  ["aws:iam/rolePolicy:RolePolicy", "policy", {}, true],
  ["aws:iam/rolePolicy:RolePolicy", "policy", { Resource: "*", ...lambda }, true],
  ["aws:iam/role:Role", "assumeRolePolicy", lambda, false],
  ["aws:iam/role:Role", "assumeRolePolicy", { Resource: "*", ...lambda }, true],
  ["aws:s3/bucketPolicy:BucketPolicy", "policy", { Resource: "*", ...lambda }, false],
  ["aws:s3/bucketPolicy:BucketPolicy", "policy", { Resource: "*" }, true],
])("local AWS and a %s whose %s has %j: refused is %s", (type, property, elements, expected) => {
  const document = JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, ...elements }] });
  expect(refused(awsTypes, type, { [property]: document }).includes(property)).toBe(expected);
});

test.each([
  [{ TABLE: "messages", PATH: "/opt" }, false],
  [{ AWS_LAMBDA_EXEC_WRAPPER: "/opt/wrapper" }, false],
  [{ AWS_REGION: "eu-west-1" }, true],
  [{ AWS_LAMBDA_FUNCTION_NAME: "api" }, true],
  [{ _HANDLER: "main.handler" }, true],
  [{ T: "messages" }, true],
  [{ "MY-TABLE": "messages" }, true],
  [{ TABLE: "x".repeat(4096) }, true],
])("local AWS and a function with the environment %j: refused is %s", (variables, expected) => {
  const properties = refused(awsTypes, "aws:lambda/function:Function", { environment: { variables } });
  expect(properties.includes("environment.variables")).toBe(expected);
});

test("local AWS refuses a function whose role does not let Lambda assume it", async () => {
  const aws = providerOf(awsTypes, "trust");
  const role = async (name: string, service: string) => {
    const Principal = { Service: service };
    const assumeRolePolicy = JSON.stringify({ Statement: [{ ...statement, Principal }] });
    const { properties } = await aws.create(urn("aws:iam/role:Role", name), { name, assumeRolePolicy });
    return properties.arn as string;
  };
  const create = (roleArn: string) => aws.create(urn("aws:lambda/function:Function"), { name: "api", role: roleArn });
  await expect(create(await role("ec2", "ec2.amazonaws.com"))).rejects.toThrow(/cannot be assumed by Lambda/);
});

test("local AWS refuses a second route with the same key, and a route to a missing integration", async () => {
  const aws = providerOf(awsTypes, "routes");
  const { id: apiId } = await aws.create(urn("aws:apigatewayv2/api:Api"), { name: "api", protocolType: "HTTP" });
  const integration = { apiId, integrationType: "AWS_PROXY", integrationUri: "arn:x", payloadFormatVersion: "2.0" };
  const { id } = await aws.create(urn("aws:apigatewayv2/integration:Integration"), integration);
  const route = (name: string, target: string) =>
    aws.create(urn("aws:apigatewayv2/route:Route", name), { apiId, routeKey: "$default", target });
  await expect(route("nowhere", "integrations/none")).rejects.toThrow(/Unable to find the target integrations\/none/);
  const first = await route("first", `integrations/${id}`);
  await expect(route("second", `integrations/${id}`)).rejects.toThrow(/\$default already exists for this API/);
  const again = aws.update(urn("aws:apigatewayv2/route:Route", "first"), first.id, {}, first.properties);
  await expect(again).resolves.toBeDefined();
});

test("local AWS refuses an alias of a version that was never published", async () => {
  const aws = providerOf(awsTypes, "aliases");
  const fn = urn("aws:lambda/function:Function");
  await aws.create(fn, { name: "api" });
  await aws.update(fn, "api", {}, { name: "api", publish: true });
  const alias = (name: string, functionVersion: string) =>
    aws.create(urn("aws:lambda/alias:Alias", name), { name, functionName: "api", functionVersion });
  await expect(alias("newer", "2")).rejects.toThrow(/Function not found: arn:aws:lambda:.*:api:2/);
  await expect(alias("live", "1")).resolves.toBeDefined();
  // An unchanged function is published once.
  await aws.update(fn, "api", {}, { name: "api", publish: true, memorySize: 256 });
  await expect(alias("newer", "2")).resolves.toBeDefined();
  await expect(alias("newest", "$LATEST")).resolves.toBeDefined();
});

test("local AWS accepts a layer from an object in a bucket, and refuses one from a missing object", async () => {
  const provider = providerOf(awsTypes, "layers");
  const layerVersion = "aws:lambda/layerVersion:LayerVersion";
  const layer = { layerName: "large", s3Bucket: "uploads", s3Key: "large.zip" };
  await expect(provider.create(urn(layerVersion), layer)).rejects.toThrow(
    /InvalidParameterValueException: .*there is no object uploads\/large\.zip/,
  );

  await provider.create(urn("aws:s3/bucket:Bucket"), { bucket: "uploads" });
  const source = { [signature]: asset, path: __filename, hash: "0a".repeat(32) };
  const object = await provider.create(urn("aws:s3/bucketObjectv2:BucketObjectv2"), {
    bucket: "uploads",
    key: "large.zip",
    source,
  });
  expect(object.properties.versionId).toMatch(/^\w{32}$/);
  const { properties } = await provider.create(urn(layerVersion), layer);
  expect(properties).toMatchObject({
    code: { sha256: "0a".repeat(32) },
    sourceCodeHash: Buffer.from("0a".repeat(32), "hex").toString("base64"),
  });
});

test("local Google Cloud refuses an unsupported subscription, or one of a missing topic", async () => {
  const provider = providerOf(gcpTypes, "pubsub");
  const [topic, subscription] = ["gcp:pubsub/topic:Topic", "gcp:pubsub/subscription:Subscription"];
  const { inputs } = provider.check(urn(topic), { project: "p" }, {});
  const { id } = await provider.create(urn(topic), inputs);
  expect(id).toMatch(/^projects\/p\/topics\/it-[0-9a-f]{7}$/);
  const name = id.split("/").at(-1) ?? "";

  const subscribed = (name: string, more: Properties) => {
    return provider.create(urn(subscription, name), { project: "p", name, ...more });
  };
  await expect(subscribed("by-id", { topic: id })).resolves.toMatchObject({ id: "projects/p/subscriptions/by-id" });
  await expect(subscribed("by-name", { topic: name })).resolves.toBeDefined();
  await expect(subscribed("lost", { topic: "lost" })).rejects.toThrow("Error 404: Resource not found (resource=lost)");
  const deadLetterPolicy = { deadLetterTopic: "lost", maxDeliveryAttempts: 5 };
  await expect(subscribed("dead", { topic: id, deadLetterPolicy })).rejects.toThrow("(resource=lost)");
  const pushConfig = { pushEndpoint: "https://example.com/push" };
  await expect(subscribed("away", { topic: id, pushConfig })).rejects.toThrow(
    "pushConfig.pushEndpoint is https://example.com/push: the local Google Cloud pushes to the url of a function",
  );
  const { failures } = provider.check(
    urn(subscription),
    {
      name: "goog-orders",
      topic: id,
      filter: 'attributes.kind = "order"',
      ackDeadlineSeconds: 5,
      deadLetterPolicy: { deadLetterTopic: id, maxDeliveryAttempts: 4 },
      retryPolicy: { minimumBackoff: "601s" },
      enableMessageOrdering: false,
    },
    {},
  );
  expect(failures.map(({ property }) => property).sort()).toEqual([
    "ackDeadlineSeconds",
    "deadLetterPolicy.maxDeliveryAttempts",
    "filter",
    "name",
    "retryPolicy.minimumBackoff",
  ]);
});

describe("local AWS and code signing", () => {
  const [profileType, configType] = [
    "aws:signer/signingProfile:SigningProfile",
    "aws:lambda/codeSigningConfig:CodeSigningConfig",
  ];
  const [functionType, layerType] = ["aws:lambda/function:Function", "aws:lambda/layerVersion:LayerVersion"];

  /** A cloud with a profile, a bucket and a configuration, and what it tells who deploys. */
  async function signing(untrustedArtifactOnDeployment: "Enforce" | "Warn") {
    const notes: string[] = [];
    const aws = providerOf(awsTypes, randomUUID());
    aws.attach({
      engine: "it",
      progress: () => undefined,
      warn: (note) => {
        notes.push(note);
        return Promise.resolve();
      },
    });
    const profile = async (name: string) => {
      const inputs = { platformId: "AWSLambda-SHA384-ECDSA", namePrefix: `${name}_` };
      return aws.create(urn(profileType, name), inputs);
    };
    const [own, other] = [await profile("own"), await profile("other")];
    await aws.create(urn("aws:s3/bucket:Bucket"), { bucket: "uploads", forceDestroy: true });
    const config = await aws.create(urn(configType), {
      allowedPublishers: { signingProfileVersionArns: [own.properties.versionArn as string] },
      policies: { untrustedArtifactOnDeployment },
    });
    const file = path.join(folder, "signed.zip");
    writeFileSync(file, zipSync({ "python/shop.py": strToU8("price = 1") }));
    const source = {
      [signature]: asset,
      path: file,
      hash: createHash("sha256").update(readFileSync(file)).digest("hex"),
    };
    const object = { bucket: "uploads", key: "code.zip" };
    const { properties } = await aws.create(urn("aws:s3/bucketObjectv2:BucketObjectv2"), { ...object, source });
    const signedBy = async (profileName: string) => {
      const job = await aws.create(urn("aws:signer/signingJob:SigningJob", profileName), {
        profileName,
        source: { s3: { ...object, version: properties.versionId as string } },
        destination: { s3: { bucket: "uploads", prefix: "signed/" } },
      });
      const [{ s3s } = { s3s: [] }] = job.properties.signedObjects as { s3s: { bucket: string; key: string }[] }[];
      return { s3Bucket: s3s[0]?.bucket ?? "", s3Key: s3s[0]?.key ?? "" };
    };
    const layer = async (layerName: string, of: Properties) =>
      (await aws.create(urn(layerType, layerName), { layerName, ...of })).properties;
    const create = (name: string, more: Properties) =>
      aws.create(urn(functionType, name), { name, codeSigningConfigArn: config.id, ...more });
    const unsigned = { s3Bucket: "uploads", s3Key: "code.zip" };
    return { aws, notes, own, other, config, signedBy, layer, create, unsigned };
  }

  const refusal = (name: string) =>
    new RegExp(
      "CodeVerificationFailedException: Lambda cannot deploy the function\\. The function or layer might be signed using a " +
        `signature that the client is not configured to accept\\. Check the provided signature for ${name}\\.$`,
    );

  test("with Enforce it refuses code and layers that no allowed profile has signed, and deploys what one has", async () => {
    const { aws, own, other, signedBy, layer, create, unsigned, config } = await signing("Enforce");
    await expect(create("unsigned", unsigned)).rejects.toThrow(refusal("unsigned"));
    await expect(create("foreign", await signedBy(other.id))).rejects.toThrow(refusal("foreign"));

    const signed = await signedBy(own.id);
    const foreign = await layer("foreign", unsigned);
    await expect(create("api", { ...signed, layers: [foreign.arn as string] })).rejects.toThrow(
      refusal(foreign.arn as string),
    );

    const ours = await layer("ours", signed);
    expect(ours).toMatchObject({ signingProfileVersionArn: own.properties.versionArn });
    const inputs = { name: "api", codeSigningConfigArn: config.id, ...signed, layers: [ours.arn as string] };
    await expect(create("api", inputs)).resolves.toBeDefined();
    // The next deployment of code is checked as the first one was, and one that brings none is not.
    await expect(aws.update(urn(functionType, "api"), "api", inputs, { ...inputs, ...unsigned })).rejects.toThrow(
      refusal("api"),
    );
    await expect(aws.update(urn(functionType, "api"), "api", inputs, { ...inputs, timeout: 9 })).resolves.toBeDefined();
    await expect(aws.delete(urn(configType), config.id)).rejects.toThrow("ResourceConflictException");
  });

  test("with Warn it deploys it all the same and says so", async () => {
    const { notes, own, signedBy, create, unsigned } = await signing("Warn");
    await create("signed", await signedBy(own.id));
    expect(notes).toEqual([]);
    await create("unsigned", unsigned);
    expect(notes).toEqual([expect.stringMatching(/^unsigned is signed by no profile .*SignatureValidationErrors$/)]);
  });

  test("what is signed has what was in it and the signature, so another hash", async () => {
    const { own, signedBy, layer } = await signing("Warn");
    const { code } = await layer("ours", await signedBy(own.id));
    const { path: file, sha256 } = code as { path: string; sha256: string };
    const content = readFileSync(file);
    expect(createHash("sha256").update(content).digest("hex")).toBe(sha256);
    const files = unzipSync(content);
    expect(strFromU8(files["python/shop.py"] ?? new Uint8Array())).toBe("price = 1");
    expect(Object.keys(files)).toContain("META-INF/aws_signer_signature_v1.0.SF");
  });

  test("a profile that is cancelled keeps its name", async () => {
    const aws = providerOf(awsTypes, "profiles");
    const inputs = { platformId: "AWSLambda-SHA384-ECDSA", name: "shop" };
    const { id } = await aws.create(urn(profileType), inputs);
    await aws.delete(urn(profileType), id);
    await expect(aws.create(urn(profileType), inputs)).rejects.toThrow("shop already exists");
  });
});
