import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { getAvailabilityZonesOutput } from "@pulumi/aws/getAvailabilityZones";
import * as apigatewayv2 from "@pulumi/aws/apigatewayv2";
import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as glue from "@pulumi/aws/glue";
import * as iam from "@pulumi/aws/iam";
import * as lambda from "@pulumi/aws/lambda";
import * as mediaconvert from "@pulumi/aws/mediaconvert";
import * as s3 from "@pulumi/aws/s3";
import * as eventgrid from "@pulumi/azure-native/eventgrid";
import * as azureresources from "@pulumi/azure-native/resources";
import * as storage from "@pulumi/azure-native/storage";
import { listWebAppHostKeysOutput } from "@pulumi/azure-native/web/listWebAppHostKeys";
import * as cloudfunctionsv2 from "@pulumi/gcp/cloudfunctionsv2";
import * as cloudrunv2 from "@pulumi/gcp/cloudrunv2";
import { IAMMember } from "@pulumi/gcp/projects";
import * as pubsub from "@pulumi/gcp/pubsub";
import { Account } from "@pulumi/gcp/serviceaccount";
import * as gcs from "@pulumi/gcp/storage";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn, Stack } from "@pulumi/pulumi/automation";
import { unzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { ApiFunction } from "../../components/aws/api-function";
import { HttpApi } from "../../components/aws/http-api";
import { ApiFunction as AzureApiFunction } from "../../components/azure/api-function";
import { DependencyLayer } from "../../components/dependency-layer";
import { smokeCheck } from "../../components/smoke-check";
import type { CloudAddress } from "../../local/control";
import { startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import { UpdateLog } from "../../local/update-log";
import { layerBundle, packageBundle } from "../components/bundles";
import { bundleFor } from "../local/bundle";

/** Programs of the tests: what a cloud rejects, and what the project's components prevent. */
const folder = mkdtempSync(path.join(tmpdir(), "programs-"));
const state = path.join(folder, "state");
const codeFile = path.join(folder, "function.zip");
let cloud: CloudAddress;

beforeAll(async () => {
  const handler = "import mangum\n\ndef handler(event, context):\n    return {'statusCode': 200}\n";
  writeFileSync(codeFile, zipSync({ "main.py": Buffer.from(handler) }));
  cloud = await startCloud(state, { attached: true });
});

afterAll(async () => {
  await stopCloud(state);
  rmSync(folder, { recursive: true });
});

async function stackOf(name: string, program: PulumiFn): Promise<Stack> {
  const engine = await findEngine((line) => process.stderr.write(`${line}\n`));
  return localStack({ engine, cloud, state, stack: name, program });
}

/** The user's error messages for a program that cannot be deployed. */
async function errorsOf(declare: () => unknown, operation: "preview" | "up" = "preview"): Promise<string[]> {
  const stack = await stackOf("refused", () => {
    declare();
    return Promise.resolve();
  });
  const log = new UpdateLog(() => undefined, "done");
  await expect(stack[operation]({ onEvent: log.onEvent })).rejects.toThrow();
  return log.errors;
}

const role = () =>
  new iam.Role("role", {
    assumeRolePolicy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }],
    }),
  });

const withoutLayer = (args: Partial<lambda.FunctionArgs> = {}) =>
  new lambda.Function("bare", {
    code: new pulumi.asset.FileArchive(codeFile),
    handler: "main.handler",
    runtime: "python3.12",
    role: role().arn,
    ...args,
  });

/** A resource without the SDK's class for its type. */
class Bare extends pulumi.CustomResource {}

describe("a function without the layer that it needs", () => {
  const bare = (checked: boolean) => () => {
    // With the size of a layer that goes through S3.
    const bundle = { ...layerBundle({ size: 60_000_000 }), path: codeFile };
    const layer = new DependencyLayer("bare", { layerName: "bare", bundle });
    const fn = new ApiFunction("bare", {
      functionName: "bare",
      code: new pulumi.asset.FileArchive(codeFile),
      handler: "main.handler",
      layers: [layer],
      // The component always sets the layers, so remove them again.
      transform: { function: (args) => ({ ...args, layers: [] }) },
    });
    const api = new HttpApi("bare", {
      apiName: "bare",
      functions: [{ name: "bare", routes: ["/*"], invocation: fn.invocation }],
    });
    if (checked) {
      const outputs = {
        region: "ap-northeast-1",
        apiUrl: api.url,
        functionName: fn.functionName,
        messagesTable: "bare",
        runtimeIdentity: fn.roleArn,
        logs: fn.logGroupName,
        version: "1",
        functionArn: fn.arn,
        apiId: api.apiId,
        accessLogs: api.accessLogGroupName,
      };
      const { arn, version, bundle } = layer;
      const packages = { mangum: "0.1.0" };
      const layers = { bare: { ...bundle, arn, version, packages } };
      const deployed = { function: fn.configuration };
      smokeCheck(
        "bare",
        { cloud: "aws", address: api.url, probes: [{ path: "/api/", status: 200 }], outputs, layers, deployed },
        { dependsOn: [api] },
      );
    }
    return Promise.resolve({ url: api.url });
  };

  test("deploys, answers 500 on every route, and has the import error in its log", async () => {
    const stack = await stackOf("bare", bare(false));
    const { outputs } = await stack.up();

    for (const route of ["/", "/api/messages/"]) {
      const response = await fetch(`${String(outputs.url?.value)}${route}`);
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({ message: "Internal Server Error" });
    }
    const log = path.join(state, "aws", "logs", "aws", "lambda", "bare.jsonl");
    expect(readFileSync(log, "utf8")).toMatch(/No module named 'mangum'.*Runtime\.ImportModuleError/);
    await stack.destroy();
  });

  test("fails if the smoke check probes it", async () => {
    const stack = await stackOf("checked", bare(true));
    const log = new UpdateLog(() => undefined, "done");
    await expect(stack.up({ onEvent: log.onEvent })).rejects.toThrow();
    const told = log.errors.join("\n");
    expect(told).toMatch(/api\/ answers 500.*Internal Server Error/);
    expect(told).toMatch(/layer bare is not attached to the function\n.*without its dependencies/);
    expect(told).toMatch(/missing layer: mangum cannot be imported/);
    await stack.destroy();
  });
});

describe("another stack", () => {
  test("reads the outputs of this one", async () => {
    const layers = { "shop-staging-dependencies": "arn:aws:lambda:ap-northeast-1:123456789012:layer:shop:7" };
    const giver = await stackOf("giver", () => Promise.resolve({ layerArns: layers, secret: pulumi.secret("s3cret") }));
    await giver.up();
    const reader = await stackOf("reader", () => {
      const read = new pulumi.StackReference("organization/multicloud-auto-deploy/giver");
      return Promise.resolve({ layerArns: read.requireOutput("layerArns"), secret: read.requireOutput("secret") });
    });
    const { outputs } = await reader.up();
    expect(outputs.layerArns).toEqual({ value: layers, secret: false });
    expect(outputs.secret).toEqual({ value: "s3cret", secret: true });
  });
});

describe("the local cloud refuses, before anything is deployed,", () => {
  test("a provider function that it does not have", async () => {
    const declare = () => getAvailabilityZonesOutput({ state: "available" });
    expect((await errorsOf(declare)).join("\n")).toMatch(
      /no function aws:index\/getAvailabilityZones:.* it has .*aws:index\/getCallerIdentity.*pass the value as a setting/,
    );
  });

  test("an input that is missing", async () => {
    // Without the SDK's own check, as in a program of another language.
    const type = "aws:lambda/function:Function";
    expect((await errorsOf(() => new Bare(type, "bare", { runtime: "python3.12" }))).join("\n")).toMatch(
      /role.*is required/s,
    );
  });

  test("a value that the cloud does not accept", async () => {
    expect(await errorsOf(() => withoutLayer({ memorySize: 64 }))).toEqual([
      expect.stringMatching(/memorySize.*64.*128 to 10240/s),
    ]);
  });

  test("a reference to what does not exist", async () => {
    const arn = "arn:aws:lambda:us-east-1:123456789012:layer:gone:1";
    expect(await errorsOf(() => withoutLayer({ layers: [arn] }))).toEqual([
      expect.stringMatching(new RegExp(`layers.*${arn} does not exist`, "s")),
    ]);
  });

  test("an integration with an API that does not exist", async () => {
    const orphan = () => new apigatewayv2.Route("route", { apiId: "nowhere", routeKey: "GET /" });
    expect(await errorsOf(orphan)).toEqual([expect.stringMatching(/apiId.*nowhere does not exist/s)]);
  });
});

describe("a resource that is named by a known name", () => {
  const versioningOf = (bucket: pulumi.Input<string>) =>
    new s3.BucketVersioning("planned", { bucket, versioningConfiguration: { status: "Enabled" } });

  test("may be in the same preview, before anything is there", async () => {
    const stack = await stackOf("planned", () => {
      versioningOf(new s3.Bucket("planned", { bucket: "planned" }).bucket);
      return Promise.resolve();
    });
    expect((await stack.preview()).changeSummary).toEqual({ create: 3 });
  });

  test("does not exist just because a preview had it", async () => {
    expect(await errorsOf(() => versioningOf("planned"), "up")).toEqual([
      expect.stringMatching(/bucket: planned does not exist/),
    ]);
  });
});

describe("a resource of a type that the local cloud does not emulate", () => {
  const warning = (type: string) => `${type} is stored but does nothing on the local cloud`;

  test("is created, updated, replaced, refreshed and deleted, with one warning for its type", async () => {
    let args: glue.CatalogDatabaseArgs = { description: "first" };
    const stack = await stackOf("inert", () => {
      const databases = ["sales", "costs"].map((name) => new glue.CatalogDatabase(name, args));
      const queue = new mediaconvert.Queue("videos", { name: "videos" });
      const alarm = new cloudwatch.MetricAlarm("failures", {
        comparisonOperator: "GreaterThanThreshold",
        evaluationPeriods: 1,
        alarmActions: [queue.arn],
      });
      const [{ id, arn, description }] = databases as [glue.CatalogDatabase, ...glue.CatalogDatabase[]];
      return Promise.resolve({ id, arn, description, queueArn: queue.arn, actions: alarm.alarmActions });
    });
    const lines: string[] = [];
    const log = () => new UpdateLog((line) => lines.push(line), "done").onEvent;
    const told = () => lines.splice(0).filter((line) => line.includes("does nothing"));
    const types = ["aws:glue/catalogDatabase:CatalogDatabase", "aws:mediaconvert/queue:Queue"].map(warning);

    expect((await stack.preview({ onEvent: log() })).changeSummary).toEqual({ create: 5 });
    expect(told().sort()).toEqual(types);
    const created = await stack.up({ onEvent: log() });
    expect(told().sort()).toEqual(types);
    expect(created.outputs.description?.value).toBe("first");
    expect(created.outputs.id?.value).toMatch(/^sales-[0-9a-f]{7}$/);
    expect(created.outputs.arn?.value).toMatch(
      /^arn:aws:glue:us-east-1:123456789012:catalogDatabase\/sales-[0-9a-f]{7}$/,
    );
    expect(created.outputs.actions?.value).toEqual([created.outputs.queueArn?.value]);

    expect((await stack.refresh()).summary.resourceChanges).toEqual({ same: 5 });
    expect((await stack.up()).summary.resourceChanges).toEqual({ same: 5 });
    args = { description: "second" };
    const updated = await stack.up();
    expect(updated.summary.resourceChanges).toEqual({ same: 3, update: 2 });
    expect(updated.outputs.description?.value).toBe("second");
    expect(updated.outputs.id?.value).toBe(created.outputs.id?.value);
    args = { description: "second", region: "eu-west-1" };
    const moved = await stack.up();
    expect(moved.summary.resourceChanges).toEqual({ same: 3, replace: 2 });
    expect(moved.outputs.arn?.value).toContain(":eu-west-1:");
    await stack.destroy();
    expect((await stack.preview()).changeSummary).toEqual({ create: 5 });
  });
});

/** Declares a function on Google Cloud that tells of each new object in another one, whose event goes to a topic. */
function objectFunction(archive: string, pythonVersion: string): void {
  const [project, location] = ["orders", "asia-northeast1"];
  const bucket = new gcs.Bucket("orders", { name: "orders", location, project, forceDestroy: true });
  const agent = gcs.getProjectServiceAccountOutput({ project });
  const topic = new pubsub.Topic("seen", { name: "seen", project });
  const grants = [new IAMMember("agent", { project, role: "roles/pubsub.publisher", member: agent.member })];
  new pubsub.Subscription("seen", { name: "seen", project, topic: topic.id });
  new gcs.Notification(
    "seen",
    { bucket: bucket.name, topic: topic.id, payloadFormat: "NONE", objectNamePrefix: "seen/" },
    { dependsOn: grants },
  );

  const runtime = new Account("look", { accountId: "look-runtime", project });
  grants.push(new IAMMember("receiver", { project, role: "roles/eventarc.eventReceiver", member: runtime.member }));
  const role = "roles/storage.objectUser";
  new gcs.BucketIAMMember("look", { bucket: bucket.name, role, member: runtime.member });
  const source = new gcs.BucketObject("look", {
    ...{ bucket: bucket.name, name: "sources/look.zip" },
    source: new pulumi.asset.FileAsset(archive),
  });
  const look = new cloudfunctionsv2.Function(
    "look",
    {
      ...{ name: "look", project, location },
      buildConfig: {
        ...{ runtime: `python${pythonVersion.replace(".", "")}`, entryPoint: "look" },
        environmentVariables: { GOOGLE_VENDOR_PIP_DEPENDENCIES: "wheels" },
        source: { storageSource: { bucket: bucket.name, object: source.name } },
      },
      serviceConfig: { serviceAccountEmail: runtime.email },
      eventTrigger: {
        eventType: "google.cloud.storage.object.v1.finalized",
        eventFilters: [{ attribute: "bucket", value: bucket.name }],
        serviceAccountEmail: runtime.email,
        retryPolicy: "RETRY_POLICY_RETRY",
      },
    },
    { dependsOn: grants },
  );
  const invoker = "roles/run.invoker";
  new cloudrunv2.ServiceIamMember("look", {
    name: look.name,
    project,
    location,
    role: invoker,
    member: runtime.member,
  });
}

/** Source archive of that function, with the wheels of the application. */
async function objectSource(): Promise<{ file: string; pythonVersion: string }> {
  const built = await bundleFor("gcp");
  const isKept = ({ name }: { name: string }) => name.startsWith("wheels/") || name === "requirements.txt";
  const packages = unzipSync(readFileSync(built.path), { filter: isKept });
  const code = `
import os
from urllib.request import Request, urlopen

import functions_framework

@functions_framework.cloud_event
def look(event):
    bucket, name = event.data["bucket"], event.data["name"]
    if not name.startswith("uploads/"):
        return
    storage = os.environ["STORAGE_EMULATOR_HOST"]
    content = urlopen(f"{storage}/{bucket}/{name}").read().decode()
    told = f"{event['subject']}: {content}".encode()
    urlopen(Request(f"{storage}/{bucket}/seen/{name}", data=told, method="PUT"))
`;
  const file = path.join(folder, "look.zip");
  writeFileSync(file, zipSync({ ...packages, "main.py": Buffer.from(code) }, { level: 0 }));
  return { file, pythonVersion: built.pythonVersion };
}

test("functions on Azure and Google Cloud receive messages of a queue, blobs of a container and objects of a bucket", async () => {
  const source = await objectSource();
  const built = await bundleFor("azure");
  const packages = unzipSync(readFileSync(built.path), { filter: ({ name }) => name.startsWith(".python_packages/") });
  const code = `
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
orders = []

@app.queue_trigger(arg_name="message", queue_name="orders", connection="ORDERS_STORAGE")
def work(message: func.QueueMessage) -> None:
    orders.append(message.get_json()["id"])

@app.blob_trigger(arg_name="blob", path="uploads/{name}", connection="ORDERS_STORAGE", source=func.BlobSource.EVENT_GRID)
def look(blob: func.InputStream) -> None:
    orders.append(f"{blob.name}: {blob.read().decode()}")

@app.route(route="orders")
def answer(req: func.HttpRequest) -> str:
    return ",".join(orders)
`;
  const file = path.join(folder, "queue.zip");
  const own = { "function_app.py": Buffer.from(code), "host.json": Buffer.from('{"version": "2.0"}') };
  writeFileSync(file, zipSync({ ...packages, ...own }, { level: 0 }));
  const location = "japaneast";
  let { pythonVersion } = built;

  const stack = await stackOf("queue", () => {
    const resourceGroupName = new azureresources.ResourceGroup("orders", { resourceGroupName: "orders", location })
      .name;
    const account = new storage.StorageAccount("orders", {
      ...{ resourceGroupName, accountName: "ordersdata", location },
      kind: "StorageV2",
      sku: { name: "Standard_LRS" },
    });
    const queue = new storage.Queue("orders", { resourceGroupName, accountName: account.name, queueName: "orders" });
    const worker = new AzureApiFunction("worker", {
      ...{ functionName: "orders-worker", resourceGroupName, location, storage: account, uploads: account },
      bundle: { ...packageBundle, path: file, pythonVersion },
      connections: {
        ORDERS_STORAGE: {
          queueServiceUri: account.primaryEndpoints.queue,
          blobServiceUri: account.primaryEndpoints.blob,
        },
      },
      permissions: [{ role: "Storage Queue Data Message Processor", scope: queue.id }],
    });
    const common = { resourceGroupName, accountName: account.name };
    const uploads = new storage.BlobContainer("uploads", { ...common, containerName: "uploads" });
    const topic = new eventgrid.SystemTopic("orders", {
      ...{ resourceGroupName, location, source: account.id, topicType: "Microsoft.Storage.StorageAccounts" },
    });
    const keys = listWebAppHostKeysOutput({ name: worker.functionName, resourceGroupName });
    const code = keys.apply(({ systemKeys }) => systemKeys?.blobs_extension ?? "");
    new eventgrid.SystemTopicEventSubscription(
      "uploads",
      {
        ...{ resourceGroupName, systemTopicName: topic.name },
        destination: {
          endpointType: "WebHook",
          endpointUrl: pulumi.interpolate`${worker.url}/runtime/webhooks/blobs?functionName=Host.Functions.look&code=${code}`,
        },
        filter: {
          subjectBeginsWith: pulumi.interpolate`/blobServices/default/containers/${uploads.name}/`,
          includedEventTypes: ["Microsoft.Storage.BlobCreated"],
        },
      },
      { dependsOn: worker },
    );
    objectFunction(source.file, source.pythonVersion);
    return Promise.resolve({ url: worker.url });
  });
  const { outputs } = await stack.up();
  const address = readFileSync(path.join(state, "azure-native", "queues", "address"), "utf8");
  const sent = await fetch(`http://${address}/orders`, { method: "POST", body: JSON.stringify({ id: "an order" }) });
  expect(sent.status).toBe(201);
  const blobs = readFileSync(path.join(state, "azure-native", "blobs", "address"), "utf8");
  expect((await fetch(`http://${blobs}/uploads/new.txt`, { method: "PUT", body: "a file" })).status).toBe(201);
  const objects = readFileSync(path.join(state, "gcp", "storage", "address"), "utf8").trim();
  const put = await fetch(`http://${objects}/orders/uploads/new.txt`, { method: "PUT", body: "an object" });
  expect(put.status).toBe(200);
  await vi.waitFor(
    async () => {
      const told = await fetch(`http://${objects}/orders/seen/uploads/new.txt`);
      expect(await told.text()).toBe("objects/uploads/new.txt: an object");
    },
    { timeout: 60_000, interval: 200 },
  );
  const pubSub = readFileSync(path.join(state, "gcp", "pubsub", "address"), "utf8").trim();
  const pulled = await fetch(`http://${pubSub}/v1/projects/orders/subscriptions/seen:pull`, {
    method: "POST",
    body: JSON.stringify({ maxMessages: 1 }),
  });
  expect(await pulled.json()).toMatchObject({
    receivedMessages: [{ message: { attributes: { eventType: "OBJECT_FINALIZE", objectId: "seen/uploads/new.txt" } } }],
  });
  await vi.waitFor(
    async () => {
      const told = await (await fetch(`${String(outputs.url?.value)}/api/orders`)).text();
      expect(told.split(",").sort()).toEqual(["an order", "uploads/new.txt: a file"]);
    },
    { timeout: 60_000, interval: 200 },
  );
  expect(Object.keys((await stack.preview()).changeSummary)).toEqual(["same"]);

  // The app's Python changes before its package, which users may notice.
  pythonVersion = "3.13";
  const warnings: string[] = [];
  await stack.preview({
    onEvent: ({ diagnosticEvent }) => {
      if (diagnosticEvent?.severity === "warning") warnings.push(diagnosticEvent.message);
    },
  });
  expect(warnings.join("\n")).toContain(`pythonVersion goes from ${built.pythonVersion} to 3.13`);
  await stack.destroy();
});

describe("resources behave as the cloud's", () => {
  test("a name that is absent is made from the logical one, and stays", async () => {
    const names: unknown[] = [];
    const program = () => Promise.resolve({ name: new s3.Bucket("site", {}).bucket });
    const stack = await stackOf("names", program);
    for (const run of [1, 2]) {
      const { outputs, summary } = await stack.up();
      names.push(outputs.name?.value);
      if (run === 2) expect(summary.resourceChanges).toEqual({ same: 2 });
    }
    expect(names[0]).toMatch(/^site-[0-9a-f]{7}$/);
    expect(names[1]).toBe(names[0]);
    await stack.destroy();
  });

  test("a bucket that is not empty is not deleted without forceDestroy", async () => {
    let withObject = true;
    const stack = await stackOf("full", () => {
      const bucket = new s3.Bucket("site", {}, { retainOnDelete: false });
      if (withObject) {
        const options = { retainOnDelete: true };
        new s3.BucketObjectv2("page", { bucket: bucket.bucket, key: "index.html", content: "hello" }, options);
      }
      return Promise.resolve();
    });
    await stack.up();
    withObject = false;
    await stack.up();
    await expect(stack.destroy()).rejects.toThrow(/BucketNotEmpty/);
  });

  test("a secret stays one in the state, and the function still gets its value", async () => {
    const stack = await stackOf("secret", () => {
      const fn = withoutLayer({ environment: { variables: { KEY: pulumi.secret("s3cret") } } });
      return Promise.resolve({ environment: fn.environment });
    });
    const { outputs } = await stack.up();
    expect(outputs.environment).toEqual({ value: { variables: { KEY: "s3cret" } }, secret: true });
    const saved = path.join(state, "engine", ".pulumi", "stacks", "multicloud-auto-deploy", "secret.json");
    expect(readFileSync(saved, "utf8")).toContain("KEY");
    expect(readFileSync(saved, "utf8")).not.toContain("s3cret");
    await stack.destroy();
  });
});
