import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { settingDigest } from "../../../contract/setting-digest";
import type { DeployedOutputs } from "../../../operations/diagnose/outputs";
import { vendorClouds } from "../../../operations/diagnose/vendors";

const layer = "arn:aws:lambda:eu-west-1:123456789012:layer:shop-dependencies:7";
const common = {
  apiUrl: "https://api.example.com",
  functionName: "shop-api",
  functions: {},
  tables: { messages: "messages" },
  logs: "/aws/lambda/shop-api",
  version: "3.0.0",
  public: true,
  publicLayers: {},
};
const outputs: DeployedOutputs = {
  application: "application",
  layers: {},
  aws: {
    ...common,
    region: "eu-west-1",
    functionArn: "arn:aws:lambda:eu-west-1:123456789012:function:shop-api",
    accessLogs: "/aws/apigateway/shop-api",
  },
  azure: {
    ...common,
    region: "japaneast",
    subscriptionId: "sub-1",
    resourceGroup: "shop",
    storageAccount: "shopdata",
    workspaceId: "w-1",
  },
  gcp: { ...common, region: "asia-northeast1", project: "shop-1", database: "shop-messages" },
};
let { aws, azure, gcp } = vendorClouds(outputs);

let folder: string;

beforeEach(() => {
  ({ aws, azure, gcp } = vendorClouds(outputs));
  folder = mkdtempSync(path.join(tmpdir(), "vendors-"));
  vi.stubEnv("PATH", `${folder}${path.delimiter}${path.dirname(process.execPath)}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/**
 * Puts a command line tool on the PATH that records its arguments and prints the vendor's answer, chosen by a part of
 * them.
 */
function install(program: string, answers: Readonly<Record<string, unknown>>, refusal = ""): void {
  const script = `#!${process.execPath}
const fs = require("node:fs");
const asked = process.argv.slice(2).join(" ");
fs.appendFileSync(${JSON.stringify(path.join(folder, "asked"))}, asked + "\\n");
const answers = ${JSON.stringify(answers)};
const found = Object.keys(answers).find((part) => asked.includes(part));
if (found === undefined) { process.stderr.write(${JSON.stringify(refusal)}); process.exit(254); }
process.stdout.write(JSON.stringify(answers[found]));
`;
  writeFileSync(path.join(folder, program), script, { mode: 0o755 });
}

const callers = (account: string) => ({
  "sts get-caller-identity": { UserId: "U", Account: account, Arn: `arn:aws:iam::${account}:user/ada` },
});

const asked = () => readFileSync(path.join(folder, "asked"), "utf8").trim().split("\n");

test("AWS is asked in the stack's region", async () => {
  install("aws", {
    "sts get-caller-identity": { UserId: "U", Account: "123456789012", Arn: "arn:aws:iam::123456789012:user/ada" },
    "lambda get-function --function-name shop-api": {
      Configuration: {
        Runtime: "python3.12",
        Architectures: ["arm64"],
        State: "Active",
        LastModified: "2026-01-02T03:04:05.000+0000",
        Layers: [{ Arn: layer, CodeSize: 1 }],
        Environment: { Variables: { MESSAGES_TABLE: "messages" } },
        Version: "$LATEST",
        CodeSha256: "patched",
        Description: "c0de.c0nf",
      },
      Concurrency: { ReservedConcurrentExecutions: 0 },
    },
    "lambda get-function-configuration --function-name shop-api --qualifier live": {
      Runtime: "python3.13",
      Architectures: ["arm64"],
      State: "Active",
      LastModified: "2026-01-02T03:04:05.000+0000",
      Layers: [{ Arn: layer, CodeSize: 1 }],
      Environment: { Variables: { MESSAGES_TABLE: "messages" } },
      Version: "7",
      CodeSha256: "built",
      Description: "c0de.c0nf",
    },
    "sns list-subscriptions-by-topic --topic-arn arn:aws:sns:eu-west-1:123456789012:alarms": {
      Subscriptions: [
        { Endpoint: "ada@example.com", SubscriptionArn: "PendingConfirmation", Protocol: "email" },
        { Endpoint: "bob@example.com", SubscriptionArn: "arn:aws:sns:eu-west-1:123456789012:alarms:1" },
      ],
    },
    [`lambda get-layer-version-by-arn --arn ${layer}`]: {
      CreatedDate: "2026-01-02T03:04:05.000+0000",
      CompatibleRuntimes: ["python3.12"],
      CompatibleArchitectures: ["arm64"],
      Content: { CodeSize: 42, Location: "https://layers.example.com/7" },
    },
    "dynamodb describe-table --table-name messages": { Table: { TableStatus: "ACTIVE" } },
    "logs filter-log-events --log-group-name /aws/lambda/shop-api --start-time 5": {
      events: [{ timestamp: 6, message: "[ERROR]", logStreamName: "s", ingestionTime: 7, eventId: "1" }],
    },
    "logs filter-log-events --log-group-name /aws/apigateway/shop-api --start-time 5 --filter-pattern": {
      events: [{ timestamp: 7, message: '{"integrationError":"Rate Exceeded."}', logStreamName: "g" }],
    },
  });
  expect(await aws?.identity()).toEqual({ account: "123456789012", principal: "arn:aws:iam::123456789012:user/ada" });
  expect(await aws?.function("shop-api")).toEqual({
    runtime: "python3.13",
    architecture: "arm64",
    state: "Active",
    layerArns: [layer],
    reservedConcurrency: 0,
    environment: ["MESSAGES_TABLE"],
    modifiedAt: "2026-01-02T03:04:05.000+00:00",
    serving: "version 7",
    patched: ["$LATEST has other code than version 7, which serves, and says that it is the same release"],
  });
  expect(await aws?.subscriptions?.("arn:aws:sns:eu-west-1:123456789012:alarms")).toEqual([
    { endpoint: "ada@example.com", confirmed: false },
    { endpoint: "bob@example.com", confirmed: true },
  ]);
  expect(await aws?.layer(layer)).toMatchObject({ size: 42, architectures: ["arm64"] });
  expect(await aws?.hasTable("messages")).toBe(true);
  expect(await aws?.log(common, new Date(5))).toEqual([{ timestamp: 6, message: "[ERROR]", stream: "s" }]);
  expect(await aws?.gatewayErrors?.(new Date(5))).toMatchObject([{ timestamp: 7, stream: "g" }]);
  for (const command of asked()) expect(command).toMatch(/ --region eu-west-1 --output json/);
});

test("Azure's answers are read, and no setting's value is printed", async () => {
  install("az", {
    "account show": { id: "sub-1", user: { name: "ada@example.com", type: "user" } },
    "resource show --resource-group shop --resource-type Microsoft.Web/sites --name shop-api": {
      properties: { state: "Running", functionAppConfig: { runtime: { name: "python", version: "3.12" } } },
    },
    "functionapp config appsettings list": [{ name: "MESSAGES_TABLE", value: "messages" }],
    "--parent storageAccounts/shopdata/tableServices/default": { name: "messages" },
    "monitor log-analytics query --workspace w-1": [
      { TimeGenerated: "2026-01-02T03:04:05Z", Role: "r", Text: "Exception: boom", TableName: "PrimaryResult" },
    ],
  });
  expect(await azure?.identity()).toEqual({ account: "sub-1", principal: "ada@example.com" });
  expect(await azure?.function("shop-api")).toMatchObject({
    runtime: "python3.12",
    state: "Running",
    environment: ["MESSAGES_TABLE"],
    settings: { MESSAGES_TABLE: settingDigest("MESSAGES_TABLE", "messages") },
  });
  expect(await azure?.hasTable("messages")).toBe(true);
  expect(await azure?.log(common, new Date(5))).toEqual([
    { timestamp: Date.parse("2026-01-02T03:04:05Z"), stream: "r", message: "Exception: boom" },
  ]);
});

test("of a function in two colours, Azure's app that serves is looked at", async () => {
  const site = {
    properties: { state: "Running", functionAppConfig: { runtime: { name: "python", version: "3.12" } } },
  };
  const serving = (group: string) => {
    install("az", {
      "afd route show --resource-group shop --profile-name web --endpoint-name web --route-name api": {
        originGroup: { id: `/subscriptions/sub-1/profiles/web/originGroups/${group}` },
      },
      "--resource-type Microsoft.Web/sites --name shop-api": site,
      "functionapp config appsettings list --name shop-api": [{ name: "MESSAGES_TABLE", value: "messages" }],
      "monitor log-analytics query": [],
    });
  };
  const colours = { blue: "shop-api", green: "shop-api-next" };
  const api = {
    kind: "http" as const,
    functionName: "shop-api",
    logs: "",
    variables: [],
    tables: [],
    probes: [],
    colours,
  };
  const inTurn = { frontDoorProfile: "web", frontDoorEndpoint: "web", functions: { api } };
  const { azure } = vendorClouds({ ...outputs, azure: outputs.azure && { ...outputs.azure, ...inTurn } });
  serving("api");
  expect(await azure?.function("shop-api")).toMatchObject({
    serving: "the blue app shop-api",
    rolledBack: [],
    settings: { MESSAGES_TABLE: settingDigest("MESSAGES_TABLE", "messages") },
  });
  serving("api-green");
  const found = await azure?.function("shop-api");
  expect(found).toMatchObject({
    serving: "the green app shop-api-next",
    rolledBack: ["the green app shop-api-next serves, and what was deployed last is on shop-api"],
  });
  expect(found?.settings).toBeUndefined();
  await azure?.log(common, new Date(5));
  expect(asked().at(-1)).toContain("AppRoleName == 'shop-api-next'");
});

test("Google Cloud is asked in the stack's project, and a payload keeps its severity", async () => {
  install("gcloud", {
    "projects describe shop-1": { projectId: "shop-1", lifecycleState: "ACTIVE" },
    "auth list": [{ account: "ada@example.com", status: "ACTIVE" }],
    "functions describe shop-api --region asia-northeast1": {
      state: "ACTIVE",
      updateTime: "2026-01-02T03:04:05Z",
      buildConfig: { runtime: "python312" },
      serviceConfig: {
        environmentVariables: { MESSAGES_TABLE: "messages" },
        // Cloud Run's name of a function with more than 49 characters.
        service: "projects/shop-1/locations/asia-northeast1/services/shop-a-1x2y",
        revision: "shop-a-1x2y-00002-abc",
      },
    },
    "run services describe shop-a-1x2y --region asia-northeast1": {
      status: { traffic: [{ revisionName: "shop-a-1x2y-00003-def", percent: 100, latestRevision: true }] },
    },
    "firestore databases describe --database shop-messages": { name: "d" },
    'logging read resource.type="cloud_run_revision" AND resource.labels.service_name="shop-a-1x2y"': [
      {
        timestamp: "2026-01-02T03:04:05Z",
        severity: "ERROR",
        jsonPayload: { message: "boom" },
        resource: { type: "cloud_run_revision", labels: { revision_name: "r1" } },
      },
    ],
  });
  expect(await gcp?.identity()).toEqual({ account: "shop-1", principal: "ada@example.com" });
  expect(await gcp?.function("shop-api")).toMatchObject({
    runtime: "python3.12",
    state: "ACTIVE",
    serving: "revision shop-a-1x2y-00003-def (100 %)",
    rolledBack: [
      "revision shop-a-1x2y-00003-def serves, and the function's last deployment made shop-a-1x2y-00002-abc",
    ],
  });
  expect(await gcp?.hasTable("messages")).toBe(true);
  expect(await gcp?.log(common, new Date(5))).toEqual([
    {
      timestamp: Date.parse("2026-01-02T03:04:05Z"),
      stream: "r1",
      message: '{"severity":"ERROR","message":"boom"}',
    },
  ]);
  for (const command of asked()) expect(command).toContain("--project shop-1");
  // In ascending order, the newest lines would not be among those that are read.
  expect(asked().find((command) => command.startsWith("logging read"))).toContain("--order desc --limit");
});

test("a missing resource is no error", async () => {
  install("aws", callers("123456789012"), "An error occurred (ResourceNotFoundException) when calling the operation");
  install("az", {}, "(ResourceNotFound) The Resource 'Microsoft.Web/sites/shop-api' was not found.");
  install("gcloud", {}, "ERROR: (gcloud.functions.describe) ResponseError: status=[404], code=[NOT_FOUND]");
  for (const cloud of [aws, azure, gcp]) {
    expect(await cloud?.function("shop-api")).toBeUndefined();
    expect(await cloud?.hasTable("messages")).toBe(false);
  }
});

test("another account than the stack's is rejected", async () => {
  install("aws", callers("999999999999"), "An error occurred (ResourceNotFoundException)");
  for (const question of [
    aws?.identity(),
    aws?.function("shop-api"),
    aws?.hasTable("messages"),
    aws?.log(common, new Date(5)),
  ]) {
    await expect(question).rejects.toMatchObject({
      message: "aws is signed in to account 999999999999, the stack is in account 123456789012",
      next: expect.stringContaining("aws sts get-caller-identity") as string,
    });
  }
});

test("credentials from a workflow work without an active gcloud account", async () => {
  install("gcloud", { "projects describe shop-1": { projectId: "shop-1" }, "auth list": [] });
  expect(await gcp?.identity()).toEqual({ account: "shop-1", principal: "credentials of the environment" });
});

test.each([
  ["aws", () => aws, "Unable to locate credentials. You can configure credentials", /aws configure sso/],
  ["aws", () => aws, "An error occurred (ExpiredToken): the token included is expired", /aws sso login/],
  ["az", () => azure, "ERROR: Please run 'az login' to setup account.", /az login/],
  ["gcloud", () => gcp, "ERROR: You do not currently have an active account selected.", /gcloud auth login/],
] as const)("%s that is not signed in names the command", async (program, cloud, refusal, next) => {
  install(program, {}, refusal);
  await expect(cloud()?.function("shop-api")).rejects.toMatchObject({
    message: expect.stringContaining(refusal) as string,
    next: expect.stringMatching(next) as string,
  });
});

test("a missing command line tool is named, with its installation page", async () => {
  await expect(azure?.identity()).rejects.toMatchObject({
    message: "there is no az on the PATH",
    next: expect.stringContaining("install-azure-cli") as string,
  });
});

test("an unreadable answer is reported with the command", async () => {
  install("aws", { "sts get-caller-identity": { Account: 5 } });
  await expect(aws?.identity()).rejects.toThrow(/aws sts get-caller-identity answers in an unknown format/);
});
