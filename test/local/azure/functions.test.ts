import { mkdtempSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { strToU8, unzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { startAzure } from "../../../local/azure/data-plane";
import { blobsExtensionKey } from "../../../local/azure/event-grid";
import { ncrontab } from "../../../local/azure/ncrontab";
import { storageRequest } from "../../../local/azure/storage-connection";
import { secretAddress } from "../../../local/azure/types";
import type { CloudDataPlane } from "../../../local/data-plane";
import { bundleFor } from "../bundle";
import { freePort } from "../../../local/free-port";
import { blob, FakeResources } from "../resources";

const group = "/subscriptions/s/resourceGroups/g/providers";
const app = { type: "azure-native:web:WebApp", id: `${group}/Microsoft.Web/sites/worker` };
const secret = { type: "azure-native:keyvault:Secret", id: `${group}/Microsoft.KeyVault/vaults/v/secrets/key` };
const identityId = `${group}/Microsoft.ManagedIdentity/userAssignedIdentities/worker`;
const role = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6";

/** An app that counts the runs of its timer, and returns the count and its secret. */
const functionApp = (release: string) => `
import asyncio
import os
import time
import azure.functions as func

time.sleep(float(os.environ.get("STARTS_IN", "0")))

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
runs = 0

@app.function_name("tick")
@app.timer_trigger(schedule="%MULTICLOUD_SCHEDULE%", arg_name="timer")
def tick(timer: func.TimerRequest) -> None:
    global runs
    runs += 1
    if os.environ.get("FAILS"):
        raise ValueError("the job fails")

@app.route(route="state")
def state(req: func.HttpRequest) -> str:
    return f"${release} {runs} {os.environ['KEY']}"

@app.route(route="slow")
async def slow(req: func.HttpRequest) -> str:
    await asyncio.sleep(30)
    return "late"
`;

/** An app with a queue, an unsupported trigger, and an address that returns the function's messages. */
const queueApp = `
import os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
given = []

@app.function_name("work")
@app.queue_trigger(arg_name="message", queue_name="%ORDERS_QUEUE%", connection="ORDERS")
def work(message: func.QueueMessage) -> None:
    given.append(f"{message.get_body().decode()} {message.dequeue_count}")
    if message.get_body() == b"bad":
        raise ValueError("a bad order")

@app.function_name("look")
@app.blob_trigger(arg_name="blob", path="in/{name}", connection="ORDERS")
def look(blob: func.InputStream) -> None:
    given.append("a blob")

@app.route(route="given")
def answer(req: func.HttpRequest) -> str:
    return f"{','.join(given)} {os.environ['ORDERS']}"
`;

/** An app with a blob trigger and an Event Grid trigger, and an address that uploads and tells what the functions were given. */
const blobApp = `
import os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
given = []

@app.function_name("look")
@app.blob_trigger(arg_name="blob", path="uploads/{name}.csv", connection="DATA", source=func.BlobSource.EVENT_GRID)
def look(blob: func.InputStream) -> None:
    content = blob.read().decode()
    given.append(f"{blob.name} {content}")
    if content == "bad":
        raise ValueError("a bad file")

@app.function_name("hear")
@app.event_grid_trigger(arg_name="event")
def hear(event: func.EventGridEvent) -> None:
    given.append(f"{event.event_type} {event.subject} {event.get_json()['url']}")

@app.route(route="given")
def answer(req: func.HttpRequest) -> str:
    return "\\n".join([*given, os.environ["DATA"]])
`;

const resources = new FakeResources();
const directory = mkdtempSync(path.join(os.tmpdir(), "local-azure-"));
let plane: CloudDataPlane;
let url = "";
let python = "";
let built: Record<string, Uint8Array> = {};

const value = (key: string) => secretAddress("v", "key", key).secretUriWithVersion;

async function configure(settings: Record<string, string>, functionAppConfig: Record<string, unknown> = {}) {
  const { host } = new URL(url);
  const given = { MULTICLOUD_SCHEDULE: "0 0 0 1 1 *", ...settings };
  const resource = resources.put(
    app.type,
    app.id,
    {
      name: "worker",
      identity: { type: "UserAssigned", userAssignedIdentities: [identityId] },
      keyVaultReferenceIdentity: identityId,
      functionAppConfig: { runtime: { name: "python", version: python }, ...functionAppConfig },
      siteConfig: { appSettings: Object.entries(given).map(([name, value]) => ({ name, value })) },
    },
    { defaultHostName: host },
  );
  await plane.types[app.type]?.start(resource);
}

async function deploy(code: string) {
  const zip = zipSync(
    { ...built, "function_app.py": strToU8(code), "host.json": strToU8('{"version": "2.0"}') },
    { level: 0 },
  );
  const address = `https://a.blob.core.windows.net/packages/${blob(directory, zip).sha256}.zip`;
  resources.put(
    "azure-native:storage:Blob",
    "package",
    { accountName: "a", containerName: "packages", blobName: "p.zip", source: blob(directory, zip) },
    { url: address },
  );
  const deployment = resources.put("azure-native:resources:Deployment", "onedeploy", {
    properties: {
      template: {
        resources: [
          { type: "Microsoft.Web/sites/extensions", name: "worker/onedeploy", properties: { packageUri: address } },
        ],
      },
    },
  });
  await plane.types[deployment.type]?.start(deployment);
}

async function putSecret(key: string) {
  const resource = resources.put(secret.type, secret.id, {
    vaultName: "v",
    secretName: "key",
    properties: { value: key },
  });
  await plane.types[secret.type]?.start(resource);
}

const state = async () => (await fetch(`${url}/api/state`)).text();
const reference = (address: string) => `@Microsoft.KeyVault(SecretUri=${address})`;

beforeAll(async () => {
  const bundle = await bundleFor("azure");
  python = bundle.pythonVersion;
  built = unzipSync(readFileSync(bundle.path), { filter: ({ name }) => name.startsWith(".python_packages/") });
  url = `http://127.0.0.1:${await freePort()}`;
  plane = await startAzure(resources, directory);
  resources.put(
    "azure-native:managedidentity:UserAssignedIdentity",
    identityId,
    {},
    { clientId: "c", principalId: "p" },
  );
  resources.put("azure-native:authorization:RoleAssignment", "role", {
    principalId: "p",
    roleDefinitionId: role,
    scope: secret.id,
  });
  await putSecret("first");
  await configure({ KEY: reference(value("first")) });
  await deploy(functionApp("v1"));
});
afterAll(() => plane.close());

test("an app setting with a reference to a version of a secret has its value, even after a newer version", async () => {
  expect(await state()).toBe("v1 0 first");
  await putSecret("second");
  expect(await state()).toBe("v1 0 first");
  await configure({ KEY: reference(value("second")) });
  expect(await state()).toBe("v1 0 second");
});

test.each([
  [
    "without the role",
    () => {
      resources.remove("azure-native:authorization:RoleAssignment", "role");
    },
    value("second"),
  ],
  ["of a version that is not there", () => undefined, value("third")],
])("a reference %s stays a reference, as in the cloud", async (_, change, address) => {
  const granted = resources.get("azure-native:authorization:RoleAssignment", "role");
  change();
  await configure({ KEY: reference(address) });
  expect(await state()).toBe(`v1 0 ${reference(address)}`);
  if (granted) resources.put(granted.type, granted.id, granted.inputs);
});

test("a timer runs on schedule and by hand", async () => {
  await configure({ KEY: "k", MULTICLOUD_SCHEDULE: "* * * * * *" });
  await vi.waitFor(
    async () => {
      expect(await state()).toMatch(/^v1 ([2-9]|\d{2,}) k$/);
    },
    { timeout: 30_000, interval: 200 },
  );

  // During the start, a second begins at which the previous timer would be due.
  await configure({ KEY: "k", STARTS_IN: "2" });
  expect(await state()).toBe("v1 0 k");
  expect(await plane.invoke?.({ functionName: "worker" })).toMatchObject({ failed: false });
  expect(await state()).toBe("v1 1 k");

  await configure({ KEY: "k", FAILS: "1" });
  expect(await plane.invoke?.({ functionName: "worker" })).toMatchObject({ failed: true });
  await expect(plane.invoke?.({ functionName: "nobody" })).rejects.toThrow("no function app nobody");
});

test("the host's own paths are closed from outside", async () => {
  expect((await fetch(`${url}/admin/functions`)).status).toBe(401);
});

test("a call that takes longer than the host's limit is answered with 500, and the worker ends with it", async () => {
  await configure({ KEY: "k", AzureFunctionsJobHost__functionTimeout: "00:00:01" });
  expect(await state()).toBe("v1 0 k");
  expect((await fetch(`${url}/api/slow`)).status).toBe(500);
  await vi.waitFor(
    async () => {
      expect(await state()).toBe("v1 0 k");
    },
    { timeout: 30_000 },
  );
  const log = readFileSync(path.join(directory, "logs", "worker.jsonl"), "utf8");
  expect(log).toContain("Timeout value of 00:00:01 exceeded by function 'Functions.slow'");
  expect(log).toContain("python exited with code 1 (0x1)");
});

test("in a rolling update the old instance answers until the new one does, and for a while in parallel", async () => {
  const rolling = { siteUpdateStrategy: { type: "RollingUpdate" } };
  await configure({ KEY: "k" }, rolling);
  await vi.waitFor(
    async () => {
      expect(await state()).toBe("v1 0 k");
    },
    { timeout: 30_000 },
  );
  await deploy(functionApp("v2"));
  const answers = [];
  do answers.push((await state()).slice(0, 2));
  while (answers.slice(-20).some((answer) => answer === "v1"));
  expect(answers[0]).toBe("v1");
  expect(answers.join(" ")).toMatch(/v1 v2 v1 v2/);
});

describe("a queue trigger", () => {
  const account = `${group}/Microsoft.Storage/storageAccounts/data`;
  const definitions = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions";
  const queueId = `${account}/queueServices/default/queues/orders`;
  const settings = {
    ORDERS_QUEUE: "orders",
    ORDERS__queueServiceUri: "https://data.queue.core.windows.net/",
    ORDERS__credential: "managedidentity",
    ORDERS__clientId: "c",
  };
  const endpoints = { web: "https://w/", table: "https://t/", queue: settings.ORDERS__queueServiceUri };
  const byHand = (queue: string, body?: string) => {
    const address = readFileSync(path.join(directory, "queues", "address"), "utf8");
    return fetch(`http://${address}/${queue}`, body === undefined ? {} : { method: "POST", body });
  };
  const given = async () => (await fetch(`${url}/api/given`)).text();
  const log = () => readFileSync(path.join(directory, "logs", "worker.jsonl"), "utf8");
  const grant = (roleDefinition: string) =>
    resources.put("azure-native:authorization:RoleAssignment", "queue role", {
      principalId: "p",
      roleDefinitionId: `${definitions}/${roleDefinition}`,
      scope: queueId,
    });

  beforeAll(async () => {
    resources.put(
      "azure-native:storage:StorageAccount",
      account,
      { accountName: "data" },
      { primaryEndpoints: endpoints },
    );
    const queue = resources.put("azure-native:storage:Queue", queueId, { accountName: "data", queueName: "orders" });
    await plane.types[queue.type]?.start(queue);
    grant("c6a89b2d-59bc-44d0-9896-0b6e12d7b80a");
    await configure(settings);
    await deploy(queueApp);
  });

  test("has no messages without the role, and the app's log says which it needs", async () => {
    expect((await byHand("orders", "first")).status).toBe(201);
    await vi.waitFor(
      () => {
        expect(log()).toContain("grant the app's own identity Storage Queue Data Contributor");
      },
      { timeout: 30_000, interval: 200 },
    );
    // A sender may only send.
    const sender = /QueueEndpoint=([^;]+)/.exec(await given())?.[1] ?? "";
    expect((await fetch(`${sender}/orders/messages`)).status).toBe(403);
    expect(await (await byHand("orders")).json()).toMatchObject([{ body: "first", dequeueCount: 0 }]);
  });

  test("passes each message to the function, retries failures, and finally moves it to the poison queue", async () => {
    grant("974c5e8b-45b9-4653-ba55-5f855dd0fb88");
    await configure(settings);
    await byHand("orders", "bad");
    await vi.waitFor(
      async () => {
        expect(await (await byHand("orders-poison")).json()).toMatchObject([{ body: "bad" }]);
      },
      { timeout: 30_000, interval: 200 },
    );
    expect((await given()).split(" Default")[0]?.split(",").sort()).toEqual([
      ...[1, 2, 3, 4, 5].map((count) => `bad ${count}`),
      "first 1",
    ]);
    expect(await (await byHand("orders")).json()).toEqual([]);
    expect(log()).toMatch(/of the queue orders was moved to orders-poison: work failed with it 5 times/);
  });

  test("accepts a payload by hand, and names an unsupported trigger", async () => {
    expect(await plane.invoke?.({ functionName: "worker", payload: "by hand" })).toMatchObject({ failed: false });
    expect(await given()).toContain("by hand 1");
    await expect(plane.invoke?.({ functionName: "worker" })).rejects.toThrow("has no function with a timer");
    expect(log()).toMatch(
      /the function look is not served: its blob trigger polls, which Flex Consumption does not do/,
    );
  });

  test("that is disabled by its app setting does not run", async () => {
    await configure({ ...settings, "AzureWebJobs.work.Disabled": "true" });
    expect((await given()).split(" Default")[0]).toBe("");
    await expect(plane.invoke?.({ functionName: "worker", payload: "by hand" })).rejects.toThrow(
      "no function with a queue",
    );
  });
});

describe("what happens to blobs", () => {
  const account = `${group}/Microsoft.Storage/storageAccounts/files`;
  const address = "https://files.blob.core.windows.net/";
  const settings = { DATA__blobServiceUri: address, DATA__credential: "managedidentity", DATA__clientId: "c" };
  const byHand = (blob: string, init: RequestInit = {}) =>
    fetch(`http://${readFileSync(path.join(directory, "blobs", "address"), "utf8")}/uploads/${blob}`, init);
  const put = (blob: string, body: string) => byHand(blob, { method: "PUT", body });
  const given = async () => (await (await fetch(`${url}/api/given`)).text()).split("\n");
  const queued = async (queue: string) => {
    const server = readFileSync(path.join(directory, "queues", "address"), "utf8");
    const messages = (await (await fetch(`http://${server}/${queue}`)).json()) as { body: string }[];
    return messages.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  };
  const subscribe = (name: string, destination: object, filter?: object) =>
    resources.put(
      "azure-native:eventgrid:SystemTopicEventSubscription",
      `${account}/topic/eventSubscriptions/${name}`,
      {
        destination,
        ...(filter && { filter }),
      },
    );
  const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 200 });

  beforeAll(async () => {
    resources.put(
      "azure-native:storage:StorageAccount",
      account,
      { accountName: "files" },
      { primaryEndpoints: { web: "https://w2/", table: "https://t2/", queue: "https://q2/", blob: address } },
    );
    const container = `${account}/blobServices/default/containers/uploads`;
    resources.put("azure-native:storage:BlobContainer", container, { accountName: "files", containerName: "uploads" });
    const queue = resources.put("azure-native:storage:Queue", `${account}/queueServices/default/queues/changes`, {
      accountName: "files",
      queueName: "changes",
    });
    await plane.types[queue.type]?.start(queue);
    resources.put("azure-native:authorization:RoleAssignment", "blob role", {
      principalId: "p",
      roleDefinitionId: `${role.split("/").slice(0, -1).join("/")}/b7e6dc6d-f1e8-4753-8033-0f276bb0955b`,
      scope: account,
    });
    resources.put("azure-native:eventgrid:SystemTopic", `${account}/topic`, { source: account });
    subscribe("queue", { endpointType: "StorageQueue", resourceId: account, queueName: "changes" });
    subscribe(
      "function",
      { endpointType: "AzureFunction", resourceId: `${app.id}/functions/hear` },
      { includedEventTypes: ["Microsoft.Storage.BlobDeleted"], subjectEndsWith: ".CSV" },
    );
    const webhook = `${url}/runtime/webhooks/blobs?functionName=Host.Functions.look&code=${blobsExtensionKey(app.id)}`;
    subscribe("trigger", { endpointType: "WebHook", endpointUrl: webhook });
    await configure(settings);
    await deploy(blobApp);
  });

  test("goes to the blob trigger whose path fits, by hand and by the app's own connection", async () => {
    expect((await put("new/orders.csv", "1,2")).status).toBe(201);
    expect((await put("notes.txt", "none")).status).toBe(201);
    await soon(async () => {
      expect(await given()).toContain("uploads/new/orders.csv 1,2");
    });
    const endpoint = /BlobEndpoint=([^;]+)/.exec((await given()).at(-1) ?? "")?.[1] ?? "";
    const server = endpoint.slice(0, endpoint.lastIndexOf("/"));
    const headers = { "x-ms-blob-type": "BlockBlob" };
    expect(
      (await storageRequest(server, "PUT", "uploads/own.csv", { body: "3", type: "text/csv", headers })).status,
    ).toBe(201);
    await soon(async () => {
      expect(await given()).toContain("uploads/own.csv 3");
    });
    expect((await given()).filter((line) => line.includes("notes"))).toEqual([]);
    expect(await (await byHand("own.csv")).text()).toBe("3");
  });

  test("is events in a queue and of an Event Grid trigger, as the subscriptions' filters say", async () => {
    expect((await byHand("own.csv", { method: "DELETE" })).status).toBe(202);
    const subject = "/blobServices/default/containers/uploads/blobs/own.csv";
    await soon(async () => {
      expect(await given()).toContain(`Microsoft.Storage.BlobDeleted ${subject} ${address}uploads/own.csv`);
    });
    await soon(async () => {
      expect((await queued("changes")).map(({ eventType }) => eventType)).toEqual([
        ...["Created", "Created", "Created", "Deleted"].map((what) => `Microsoft.Storage.Blob${what}`),
      ]);
    });
    expect((await queued("changes"))[0]).toMatchObject({
      topic: account,
      data: { api: "PutBlob", blobType: "BlockBlob" },
    });
  });

  test("is given again where the function fails, and told to the poison queue in the end", async () => {
    await put("bad.csv", "bad");
    await soon(async () => {
      expect(await queued("webjobs-blobtrigger-poison")).toMatchObject([
        { ContainerName: "uploads", BlobName: "bad.csv" },
      ]);
    });
    expect((await given()).filter((line) => line === "uploads/bad.csv bad")).toHaveLength(5);
  });

  test("is not read without the role", async () => {
    resources.remove("azure-native:authorization:RoleAssignment", "blob role");
    const said = vi.spyOn(console, "error").mockReturnValue();
    await put("secret.csv", "4");
    await soon(() => {
      expect(String(said.mock.calls)).toContain("grant the app's own identity Storage Blob Data Owner");
      return Promise.resolve();
    });
    said.mockRestore();
  });
});

test("a package that does not start answers 503 once the old instance is gone, with the reason in the log", async () => {
  await deploy("import no_such_module");
  await vi.waitFor(
    async () => {
      expect((await fetch(`${url}/api/state`)).status).toBe(503);
    },
    { timeout: 30_000 },
  );
  expect(readFileSync(path.join(directory, "logs", "worker.jsonl"), "utf8")).toContain("no_such_module");
});

test.each([
  ["0 */15 * * * *", "2026-01-01T10:45:00Z", "2026-01-01T10:46:00Z"],
  ["0 0 3 * * 1-5", "2026-01-02T03:00:00Z", "2026-01-03T03:00:00Z"],
  ["0 5/10 * * * *", "2026-01-01T10:25:00Z", "2026-01-01T10:20:00Z"],
  ["0 30 9,17 1 * *", "2026-02-01T17:30:00Z", "2026-02-02T17:30:00Z"],
])("%s is due at %s and not at %s", (expression, due, other) => {
  expect([ncrontab(expression)(new Date(due)), ncrontab(expression)(new Date(other))]).toEqual([true, false]);
});

test("a schedule of five fields is rejected", () => {
  expect(() => ncrontab("0 3 * * *")).toThrow("has 5 fields; expected six");
});
