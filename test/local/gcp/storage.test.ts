import { readFileSync } from "node:fs";
import path from "node:path";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { BucketEvents, refusedNotification, refusedTrigger } from "../../../local/gcp/bucket-events";
import { crc32c } from "../../../local/gcp/crc32c";
import { GcpResources } from "../../../local/gcp/resources";
import { declaredObject, Storage } from "../../../local/gcp/storage";
import { Subscriptions } from "../../../local/gcp/subscriptions";
import { type HttpRequest, response } from "../../../local/http";
import { Objects } from "../../../local/objects";
import { blob, FakeResources, temporaryDirectory } from "../resources";
import { worker } from "./worker";

const types = {
  bucket: "gcp:storage/bucket:Bucket",
  object: "gcp:storage/bucketObject:BucketObject",
  bucketMember: "gcp:storage/bucketIAMMember:BucketIAMMember",
  notification: "gcp:storage/notification:Notification",
  topic: "gcp:pubsub/topic:Topic",
  topicMember: "gcp:pubsub/topicIAMMember:TopicIAMMember",
  subscription: "gcp:pubsub/subscription:Subscription",
  projectMember: "gcp:projects/iAMMember:IAMMember",
  trigger: "gcp:eventarc/trigger:Trigger",
} as const;
const topic = "projects/p/topics/uploads";
const subscription = "projects/p/subscriptions/uploads";
const account = "worker@p.iam.gserviceaccount.com";
const agent = "serviceAccount:service-100000000001@gs-project-accounts.iam.gserviceaccount.com";
const finalized = "google.cloud.storage.object.v1.finalized";

const handle = vi.fn<(id: string, request: HttpRequest, caller?: string) => Promise<ReturnType<typeof response>>>();
let directory: string;
let resources: FakeResources;
let read: GcpResources;
let storage: Storage;
let subscriptions: Subscriptions;
let events: BucketEvents;
let owner: string;

beforeEach(async () => {
  resources = new FakeResources();
  directory = temporaryDirectory();
  read = new GcpResources(resources);
  handle.mockReset().mockResolvedValue(response(204, ""));
  subscriptions = new Subscriptions({ resources: read, directory, functions: { handle } });
  events = new BucketEvents({ resources: read, subscriptions, functions: { handle } });
  const objects = new Objects((bucket, name) => declaredObject(read, bucket, name), path.join(directory, "objects"));
  storage = new Storage({ resources: read, objects, events, directory });
  await storage.callers.openToOwner();
  owner = `http://${readFileSync(path.join(directory, "address"), "utf8").trim()}`;
  resources.put(types.bucket, "uploads", { name: "uploads" });
  resources.put(types.topic, topic, { name: "uploads" });
  resources.put(types.topicMember, "agent", { topic: "uploads", role: "roles/pubsub.publisher", member: agent });
  resources.put(types.subscription, subscription, { name: "uploads", topic });
});

afterEach(async () => {
  vi.useRealTimers();
  events.close();
  subscriptions.close();
  await storage.callers.close();
});

const notify = (inputs: object = {}) =>
  resources.put(types.notification, "uploads/notificationConfigs/1", {
    ...{ bucket: "uploads", topic: `//pubsub.googleapis.com/${topic}`, payloadFormat: "JSON_API_V1" },
    ...inputs,
  });

/** Messages of the notification: attributes, and the object in it. */
async function published() {
  const deliveries = await subscriptions.pull(read.get(types.subscription, subscription), 10, 0);
  return deliveries.map(({ message: { attributes, data } }) => ({
    attributes: attributes ?? {},
    object: data === undefined ? undefined : (JSON.parse(Buffer.from(data, "base64").toString()) as unknown),
  }));
}
const publishedNames = async () =>
  (await published()).map(({ attributes }) => `${attributes.eventType ?? ""} ${attributes.objectId ?? ""}`);

type Call = Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> };
const api = (at: string, init: Call = {}, host = owner) =>
  fetch(`${host}${at}`, { ...init, headers: { connection: "close", ...init.headers } });
const upload = (name: string, body: string, more = "", host?: string) =>
  api(
    `/upload/storage/v1/b/uploads/o?uploadType=media&name=${encodeURIComponent(name)}${more}`,
    { method: "POST", body, headers: { "content-type": "text/plain" } },
    host,
  );

describe("Cloud Storage's API", () => {
  test("uploads in one request, in two parts and in chunks, and describes the objects as documented", async () => {
    const described = (await (await upload("a b/ü.txt", "hello")).json()) as Record<string, string>;
    expect(described).toMatchObject({
      kind: "storage#object",
      name: "a b/ü.txt",
      bucket: "uploads",
      contentType: "text/plain",
      size: "5",
      md5Hash: "XUFAKrxLKna5cZ2REBfFkg==",
      metageneration: "1",
    });
    expect(described.id).toBe(`uploads/a b/ü.txt/${described.generation ?? ""}`);

    const body = [
      '--x\r\ncontent-type: application/json\r\n\r\n{"name": "two", "metadata": {"by": "ü"}}\r\n',
      "--x\r\ncontent-type: image/png\r\n\r\n\r\nno\u0000text\r\n\r\n--x--",
    ].join("");
    const headers = { "content-type": 'multipart/related; boundary="x"' };
    const at = "/upload/storage/v1/b/uploads/o?uploadType=multipart";
    expect(await (await api(at, { method: "POST", body, headers })).json()).toMatchObject({
      name: "two",
      contentType: "image/png",
      metadata: { by: "ü" },
    });
    expect(await (await api("/storage/v1/b/uploads/o/two?alt=media")).text()).toBe("\r\nno\u0000text\r\n");

    const resumable = "/upload/storage/v1/b/uploads/o?uploadType=resumable";
    const session = (await api(resumable, { method: "POST", body: '{"name": "three"}' })).headers.get("location") ?? "";
    const put = (range: string, chunk: string) =>
      fetch(session, { method: "PUT", body: chunk, headers: { "content-range": range, connection: "close" } });
    const first = await put("bytes 0-3/*", "abcd");
    expect([first.status, first.headers.get("range")]).toEqual([308, "bytes=0-3"]);
    expect(await (await put("bytes 4-5/6", "ef")).json()).toMatchObject({ name: "three", size: "6" });
    const part = await api("/storage/v1/b/uploads/o/three?alt=media", { headers: { range: "bytes=2-3" } });
    expect([part.status, await part.text()]).toEqual([206, "cd"]);

    const list = async (query: string) => {
      const answer = await (await api(`/storage/v1/b/uploads/o${query}`)).json();
      const { items = [], prefixes = [] } = answer as { items?: { name: string }[]; prefixes?: string[] };
      return [...prefixes, ...items.map(({ name }) => name)];
    };
    expect(await list("")).toEqual(["a b/ü.txt", "three", "two"]);
    expect(await list("?delimiter=/")).toEqual(["a b/", "three", "two"]);
    expect(await list("?prefix=t")).toEqual(["three", "two"]);
  });

  test("has an address for uploads by hand", async () => {
    const put = await api("/uploads/dir/report.csv", {
      method: "PUT",
      body: "1,2",
      headers: { "x-goog-meta-by": "me" },
    });
    expect(put.status).toBe(200);
    const got = await api("/uploads/dir/report.csv");
    expect([await got.text(), got.headers.get("x-goog-meta-by")]).toEqual(["1,2", "me"]);
    expect((await api("/uploads/dir/report.csv", { method: "DELETE" })).status).toBe(204);
    expect((await api("/uploads/dir/report.csv")).status).toBe(404);
  });

  test("refuses what does not exist, what is not served, and a generation that is not the current one", async () => {
    const statusOf = async (answer: Promise<Response>) => (await answer).status;
    expect(await statusOf(api("/storage/v1/b/none/o"))).toBe(404);
    expect(await statusOf(api("/storage/v1/b/uploads/o/none"))).toBe(404);
    expect(await statusOf(api("/storage/v1/b?project=p", { method: "POST", body: "{}" }))).toBe(501);
    expect(await statusOf(upload("once", "1", "&ifGenerationMatch=0"))).toBe(200);
    expect(await statusOf(upload("once", "2", "&ifGenerationMatch=0"))).toBe(412);
  });

  test("lets a function do what the roles of its service account allow", async () => {
    const host = `http://${await storage.callers.hostFor(account)}`;
    const member = `serviceAccount:${account}`;
    const grant = (role: string, more = {}) =>
      resources.put(types.bucketMember, "worker", { bucket: "uploads", role, member, ...more });
    const refused = await upload("a", "1", "", host);
    expect(await refused.json()).toMatchObject({
      error: { code: 403, message: expect.stringContaining("storage.objects.create") as unknown },
    });
    grant("roles/storage.objectCreator", { condition: { title: "t", expression: "false" } });
    expect((await upload("a", "1", "", host)).status).toBe(403);
    grant("roles/storage.objectCreator");
    expect((await upload("a", "1", "", host)).status).toBe(200);
    // Replacing an object deletes it.
    expect((await upload("a", "2", "", host)).status).toBe(403);
    expect((await api("/storage/v1/b/uploads/o", {}, host)).status).toBe(403);
    grant("roles/storage.objectUser");
    expect((await upload("a", "2", "", host)).status).toBe(200);
    expect((await api("/storage/v1/b/uploads/o", {}, host)).status).toBe(200);
  });

  test("has the checksum of the documentation's own example", () => {
    // RFC 3720, B.4: 32 bytes of zeroes.
    expect(Buffer.from(crc32c(Buffer.alloc(32)), "base64").toString("hex")).toBe("8a9136aa");
  });
});

describe("a notification", () => {
  test("publishes each event with the documented attributes", async () => {
    notify({ customAttributes: { team: "a" } });
    const first = (await (await upload("a.txt", "1")).json()) as { generation: string };
    const second = (await (await upload("a.txt", "2")).json()) as { generation: string };
    await api("/storage/v1/b/uploads/o/a.txt", { method: "PATCH", body: '{"metadata": {"by": "me"}}' });
    await api("/storage/v1/b/uploads/o/a.txt", { method: "DELETE" });
    const messages = await published();
    expect(messages[0]).toMatchObject({
      attributes: {
        team: "a",
        notificationConfig: "projects/_/buckets/uploads/notificationConfigs/1",
        eventType: "OBJECT_FINALIZE",
        payloadFormat: "JSON_API_V1",
        bucketId: "uploads",
        objectId: "a.txt",
        objectGeneration: first.generation,
      },
      object: { kind: "storage#object", name: "a.txt", size: "1", generation: first.generation },
    });
    const told = messages.map(({ attributes }) => [
      attributes.eventType,
      attributes.objectGeneration,
      attributes.overwroteGeneration ?? attributes.overwrittenByGeneration,
    ]);
    expect(told).toEqual([
      ["OBJECT_FINALIZE", first.generation, undefined],
      ["OBJECT_FINALIZE", second.generation, first.generation],
      ["OBJECT_DELETE", first.generation, second.generation],
      ["OBJECT_METADATA_UPDATE", second.generation, undefined],
      ["OBJECT_DELETE", second.generation, undefined],
    ]);
    expect(messages[3]?.object).toMatchObject({ metageneration: "2", metadata: { by: "me" } });
  });

  test("publishes those that it names alone, without an object for the format NONE", async () => {
    notify({ payloadFormat: "NONE", eventTypes: ["OBJECT_FINALIZE"], objectNamePrefix: "in/" });
    await upload("out/a", "1");
    await upload("in/a", "1");
    await api("/storage/v1/b/uploads/o/in%2Fa", { method: "DELETE" });
    const messages = await published();
    expect(messages.map(({ attributes, object }) => [attributes.objectId, object])).toEqual([["in/a", undefined]]);
  });

  test("tells of objects that the program declares, once, and archives those of a bucket with versioning", async () => {
    resources.put(types.bucket, "uploads", { name: "uploads", versioning: { enabled: true } });
    notify();
    const inputs = { bucket: "uploads", name: "declared", source: blob(directory, "text") };
    const resource = resources.put(types.object, "uploads-declared", inputs);
    await storage.declared.start(resource);
    await storage.declared.start(resource);
    await storage.declared.remove?.(resource);
    expect(await publishedNames()).toEqual(["OBJECT_FINALIZE declared", "OBJECT_ARCHIVE declared"]);
  });

  test("have none of an object whose content was deleted from the state folder, and the object can still be deleted", async () => {
    notify();
    const source = { path: path.join(directory, "absent"), sha256: "" };
    const resource = resources.put(types.object, "uploads-gone", { bucket: "uploads", name: "gone", source });
    await storage.declared.start(resource);
    await storage.declared.remove?.(resource);
    expect(await publishedNames()).toEqual([]);
  });

  test("is refused without its topic, and unless Cloud Storage may publish there", () => {
    expect(refusedNotification(read, { topic })).toBeUndefined();
    expect(refusedNotification(read, { topic: "other" })).toMatch(/other/);
    resources.remove(types.topicMember, "agent");
    expect(refusedNotification(read, { topic })).toMatch(/gs-project-accounts.*roles\/pubsub\.publisher/);
  });
});

describe("a trigger", () => {
  const eventTrigger = {
    eventType: finalized,
    eventFilters: [{ attribute: "bucket", value: "uploads" }],
    serviceAccountEmail: "trigger@p",
    retryPolicy: "RETRY_POLICY_RETRY",
  };
  const declare = (trigger?: object) => {
    const [type, id, inputs, outputs] = worker(account, "http://127.0.0.1:1");
    resources.put(type, id, { ...inputs, ...(trigger && { eventTrigger: trigger }) }, outputs);
  };

  test("posts a CloudEvent in binary mode to the function, as its service account", async () => {
    declare(eventTrigger);
    await upload("a b.txt", "1");
    await api("/storage/v1/b/uploads/o/a%20b.txt", { method: "DELETE" });
    expect(handle).toHaveBeenCalledOnce();
    const [[id, request, caller] = []] = handle.mock.calls;
    expect([id, request?.method, request?.target, caller]).toEqual(["worker", "POST", "/", "trigger@p"]);
    expect(Object.fromEntries(request?.headers ?? [])).toMatchObject({
      "Content-Type": "application/json",
      "ce-specversion": "1.0",
      "ce-type": finalized,
      "ce-source": "//storage.googleapis.com/projects/_/buckets/uploads",
      "ce-subject": "objects/a%20b.txt",
      "ce-bucket": "uploads",
    });
    expect(JSON.parse(request?.body.toString() ?? "")).toMatchObject({ name: "a b.txt", bucket: "uploads" });
  });

  test.each([
    { retryPolicy: "RETRY_POLICY_RETRY", calls: 3 },
    { retryPolicy: "RETRY_POLICY_DO_NOT_RETRY", calls: 1 },
  ])("posts again as $retryPolicy says", async ({ retryPolicy, calls }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    handle.mockResolvedValueOnce(response(500, "")).mockResolvedValueOnce(response(403, ""));
    declare({ ...eventTrigger, retryPolicy });
    events.publish("OBJECT_FINALIZE", { bucket: "uploads", name: "a", generation: "1" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(handle).toHaveBeenCalledTimes(calls);
  });

  test("may be a resource of its own, with a path", async () => {
    declare();
    const criterion = (attribute: string, value: string) => ({ attribute, value });
    resources.put(types.trigger, "t", {
      matchingCriterias: [criterion("type", finalized), criterion("bucket", "uploads")],
      destination: { cloudRunService: { service: "worker", path: "/uploaded" } },
      serviceAccount: "trigger@p",
    });
    await upload("a", "1");
    expect(handle).toHaveBeenCalledExactlyOnceWith(
      "worker",
      expect.objectContaining({ target: "/uploaded" }),
      "trigger@p",
    );
  });

  test("is refused without its bucket and the roles that Eventarc needs", () => {
    const refusal = (bucket: string | undefined) => refusedTrigger(read, finalized, bucket, "trigger@p");
    expect(refusal(undefined)).toMatch(/filter of the attribute bucket/);
    expect(refusal("other")).toMatch(/no bucket other/);
    expect(refusal("uploads")).toMatch(/unable to publish.*roles\/pubsub\.publisher/);
    resources.put(types.projectMember, "agent", { role: "roles/pubsub.publisher", member: agent });
    expect(refusal("uploads")).toMatch(/trigger@p.*roles\/eventarc\.eventReceiver/);
    const member = "serviceAccount:trigger@p";
    resources.put(types.projectMember, "trigger", { role: "roles/eventarc.eventReceiver", member });
    expect(refusal("uploads")).toBeUndefined();
    expect(refusedTrigger(read, "google.cloud.pubsub.topic.v1.messagePublished", undefined, undefined)).toBeUndefined();
  });
});
