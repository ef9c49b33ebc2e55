import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { PubSub } from "../../../local/gcp/pubsub";
import { GcpResources } from "../../../local/gcp/resources";
import { Subscriptions } from "../../../local/gcp/subscriptions";
import { type HttpRequest, response } from "../../../local/http";
import { FakeResources, temporaryDirectory } from "../resources";
import { worker } from "./worker";

const types = {
  topic: "gcp:pubsub/topic:Topic",
  topicMember: "gcp:pubsub/topicIAMMember:TopicIAMMember",
  subscription: "gcp:pubsub/subscription:Subscription",
  subscriptionMember: "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember",
} as const;

const functionUrl = "http://127.0.0.1:1";
const [topic, deadTopic] = ["projects/p/topics/orders", "projects/p/topics/dead"];
const [pulled, pushed, dead] = ["pulled", "pushed", "dead"].map((name) => `projects/p/subscriptions/${name}`) as [
  string,
  string,
  string,
];
const account = "worker@p.iam.gserviceaccount.com";
const agent = "serviceAccount:service-100000000001@gcp-sa-pubsub.iam.gserviceaccount.com";
/** How long a test waits for another delivery. */
const redelivery = { timeout: 20_000 };
const base64 = (text: string) => Buffer.from(text).toString("base64");

let resources: FakeResources;
let directory: string;
let subscriptions: Subscriptions;
let pubSub: PubSub;
let owner: string;
const handle = vi.fn<(id: string, request: HttpRequest, caller?: string) => Promise<ReturnType<typeof response>>>();

interface Received {
  readonly ackId: string;
  readonly deliveryAttempt?: number;
  readonly message: {
    readonly data?: string;
    readonly attributes?: Record<string, string>;
    readonly messageId: string;
    readonly publishTime: string;
  };
}

async function start(): Promise<void> {
  const read = new GcpResources(resources);
  subscriptions = new Subscriptions({
    resources: read,
    directory: path.join(directory, "subscriptions"),
    functions: { handle },
  });
  pubSub = new PubSub({ resources: read, subscriptions, directory });
  await pubSub.callers.openToOwner();
  owner = readFileSync(path.join(directory, "address"), "utf8").trim();
  for (const resource of resources.list(types.subscription)) await subscriptions.start(resource);
}

async function end(): Promise<void> {
  subscriptions.close();
  await pubSub.callers.close();
}

async function declare(id: string, inputs: Record<string, unknown> = {}): Promise<void> {
  const name = id.split("/").at(-1);
  await subscriptions.start(resources.put(types.subscription, id, { name, topic, ...inputs }));
}

async function call(name: string, verb: string, body: object, host = owner) {
  const answer = await fetch(`http://${host}/v1/${name}:${verb}`, {
    method: "POST",
    // An open connection would be to the server before a restart.
    headers: { connection: "close" },
    body: JSON.stringify(body),
  });
  const json = (await answer.json()) as {
    messageIds?: string[];
    receivedMessages?: Received[];
    error?: { status: string; message: string };
  };
  return { status: answer.status, ...json };
}

const publish = (text: string, host?: string) => {
  return call(topic, "publish", { messages: [{ data: base64(text), attributes: { kind: "order" } }] }, host);
};

/** Pulls available messages; for the dead letter subscription it waits. */
async function pull(name: string, returnImmediately = true): Promise<readonly Received[]> {
  return (await call(name, "pull", { maxMessages: 10, returnImmediately })).receivedMessages ?? [];
}
const pushes = () =>
  handle.mock.calls.map(([, { body }]) => JSON.parse(body.toString()) as { deliveryAttempt?: number });

beforeEach(async () => {
  resources = new FakeResources();
  directory = temporaryDirectory();
  mkdirSync(directory, { recursive: true });
  resources.put(types.topic, topic, { name: "orders" });
  resources.put(types.topic, deadTopic, { name: "dead" });
  resources.put(...worker(account, functionUrl));
  handle.mockReset().mockResolvedValue(response(204, ""));
  await start();
});

afterEach(end);

describe("a subscription that is pulled", () => {
  test("delivers each message until it is acknowledged, also after a rejection", async () => {
    await publish("before the subscription");
    await declare(pulled);
    const { messageIds } = await publish("hello");
    const [first] = await pull(pulled);
    expect(first?.message).toMatchObject({
      data: base64("hello"),
      attributes: { kind: "order" },
      messageId: messageIds?.[0],
    });
    expect(first).not.toHaveProperty("deliveryAttempt");
    expect(await pull(pulled)).toEqual([]);

    await call(pulled, "modifyAckDeadline", { ackIds: [first?.ackId], ackDeadlineSeconds: 0 });
    const [again] = await pull(pulled);
    expect(again?.message).toEqual(first?.message);
    await call(pulled, "acknowledge", { ackIds: [first?.ackId] });
    await call(pulled, "modifyAckDeadline", { ackIds: [again?.ackId], ackDeadlineSeconds: 0 });
    const [third] = await pull(pulled);
    expect(third?.message).toEqual(first?.message);
    await call(pulled, "acknowledge", { ackIds: [third?.ackId] });
    expect(await pull(pulled)).toEqual([]);
  });

  test("waits for a message, and keeps it over a restart at the same address", async () => {
    await declare(pulled);
    const waiting = pull(pulled, false);
    await publish("one");
    expect((await waiting).map(({ message }) => message.data)).toEqual([base64("one")]);
    await publish("two");
    const before = owner;
    await end();
    await start();
    expect(owner).toBe(before);
    expect((await pull(pulled)).map(({ message }) => message.data)).toEqual([base64("two")]);
  });
});

describe("a subscription that is pushed", () => {
  test("posts each message as documented, as the token's service account", async () => {
    const oidcToken = { serviceAccountEmail: "invoker@p" };
    await declare(pushed, { pushConfig: { pushEndpoint: `${functionUrl}/orders?a=1`, oidcToken } });
    const { messageIds } = await publish("hello");
    await vi.waitFor(() => {
      expect(handle).toHaveBeenCalledOnce();
    });
    expect(handle).toHaveBeenCalledWith(
      "worker",
      expect.objectContaining({ method: "POST", target: "/orders?a=1" }),
      "invoker@p",
    );
    const messageId = messageIds?.[0];
    const publishTime: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(pushes()).toEqual([
      {
        message: {
          data: base64("hello"),
          attributes: { kind: "order" },
          messageId,
          message_id: messageId,
          publishTime,
          publish_time: publishTime,
        },
        subscription: pushed,
      },
    ]);
    await vi.waitFor(() => {
      expect(readFileSync(path.join(directory, "subscriptions", `${pushed.replaceAll("/", " ")}.json`), "utf8")).toBe(
        "[]",
      );
    });
  });

  test("posts again until it is acknowledged, and sends no token for another audience", async () => {
    handle.mockResolvedValueOnce(response(500, "")).mockRejectedValueOnce(new Error("unreachable"));
    const oidcToken = { serviceAccountEmail: "invoker@p", audience: "https://elsewhere.example" };
    const retryPolicy = { minimumBackoff: "0s", maximumBackoff: "0s" };
    await declare(pushed, { retryPolicy, pushConfig: { pushEndpoint: functionUrl, oidcToken } });
    await publish("hello");
    await vi.waitFor(() => {
      expect(handle).toHaveBeenCalledTimes(3);
    }, redelivery);
    expect(handle.mock.calls.map(([, , caller]) => caller)).toEqual([undefined, undefined, undefined]);
  });

  test("forwards messages that fail too often to the dead letter topic, if Pub/Sub may publish there", async () => {
    handle.mockResolvedValue(response(500, ""));
    await declare(dead, { topic: "dead" });
    await declare(pushed, {
      retryPolicy: { minimumBackoff: "0s", maximumBackoff: "0s" },
      pushConfig: { pushEndpoint: functionUrl },
      deadLetterPolicy: { deadLetterTopic: deadTopic, maxDeliveryAttempts: 5 },
    });
    await publish("hello");
    await vi.waitFor(() => {
      expect(handle.mock.calls.length).toBeGreaterThan(5);
    }, redelivery);
    expect(await pull(dead)).toEqual([]);
    resources.put(types.topicMember, "dead", { topic: "dead", role: "roles/pubsub.publisher", member: agent });
    const [letter] = await pull(dead, false);
    expect(letter?.message).toMatchObject({
      data: base64("hello"),
      attributes: { kind: "order", CloudPubSubDeadLetterSourceSubscription: "pushed" },
    });
    const attempts = pushes().map(({ deliveryAttempt }) => deliveryAttempt);
    expect(attempts).toEqual(attempts.map((_, index) => index + 1));
    expect(letter?.message.attributes?.CloudPubSubDeadLetterSourceDeliveryCount).toBe(String(attempts.length));
  });
});

test("a function publishes and pulls if its service account has the role", async () => {
  await declare(pulled);
  const host = await pubSub.callers.hostFor(account);
  const refused = await publish("hello", host);
  expect(refused).toMatchObject({ status: 403, error: { status: "PERMISSION_DENIED" } });
  const member = `serviceAccount:${account}`;
  resources.put(types.topicMember, "m", { topic, role: "roles/pubsub.publisher", member });
  expect((await publish("hello", host)).messageIds).toHaveLength(1);
  const request = { maxMessages: 1, returnImmediately: true };
  expect((await call(pulled, "pull", request, host)).status).toBe(403);
  resources.put(types.subscriptionMember, "m", { subscription: "pulled", role: "roles/pubsub.subscriber", member });
  expect((await call(pulled, "pull", request, host)).receivedMessages).toHaveLength(1);
});

test("errors have Pub/Sub's own words", async () => {
  await declare(pushed, { pushConfig: { pushEndpoint: functionUrl } });
  const cases = [
    [topic, "publish", { messages: [{}] }, 400, "INVALID_ARGUMENT"],
    [topic, "publish", { messages: [{ data: "no base64!" }] }, 400, "INVALID_ARGUMENT"],
    ["projects/p/topics/other", "publish", { messages: [{ data: "YQ==" }] }, 404, "NOT_FOUND"],
    [pulled, "pull", { maxMessages: 1 }, 404, "NOT_FOUND"],
    [pushed, "pull", { maxMessages: 1 }, 400, "FAILED_PRECONDITION"],
    [pushed, "seek", {}, 501, "UNIMPLEMENTED"],
  ] as const;
  for (const [name, verb, body, status, code] of cases) {
    expect(await call(name, verb, body)).toMatchObject({ status, error: { status: code } });
  }
});
