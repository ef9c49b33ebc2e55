import { writeFileSync } from "node:fs";

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { startAws } from "../../../local/aws/data-plane";
import { isEventPattern, matchesPattern } from "../../../local/aws/event-pattern";
import { EventRules } from "../../../local/aws/event-rules";
import { Queues } from "../../../local/aws/queues";
import { AwsResources } from "../../../local/aws/resources";
import type { CloudDataPlane } from "../../../local/data-plane";
import { freePort } from "../../../local/free-port";
import { FakeResources, temporaryDirectory } from "../resources";
import { account, allowWorker, arn, declaredWorker, functionArn, notedIn, notesIn } from "./worker";

const ruleArn = arn("events", "rule/orders");

/** Records each event, and acts as a message's body says. */
const source = `
import json, os, boto3

def handler(event, context):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(event) + "\\n")
    for record in event.get("Records", []):
        if record["body"] == "fail":
            raise ValueError("as asked")
    if event.get("do") == "send":
        try:
            boto3.client("sqs").send_message(QueueUrl=event["queue"], MessageBody=event["body"])
        except Exception as error:
            return str(error)
    if event.get("do") == "put":
        detail = json.dumps(event["detail"])
        boto3.client("events").put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": detail}])
    if event.get("do") == "receive":
        found = boto3.client("sqs").receive_message(QueueUrl=event["queue"], AttributeNames=["All"])
        return [message["Body"] for message in found.get("Messages", [])]
    failures = [r["messageId"] for r in event.get("Records", []) if r["body"] == "fail this"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failures]}
`;

let plane: CloudDataPlane;
let url: string;
let deadUrl: string;
const state = temporaryDirectory();
const notes = notesIn(state);
const resources = new FakeResources();

type Event = Record<string, unknown> & { Records?: { body: string; attributes: Record<string, string> }[] };
const noted = () => notedIn<Event>(notes);
const bodies = () => noted().flatMap(({ Records = [] }) => Records.map(({ body }) => body));

/** Adds a resource and starts it. */
async function declare(
  type: string,
  id: string,
  inputs: Record<string, unknown>,
  outputs: Record<string, unknown> = {},
) {
  const resource = resources.put(type, id, inputs, outputs);
  await plane.types[type]?.start(resource);
}

function allow(...statements: [action: string | string[], resource: string][]): void {
  allowWorker(
    resources,
    statements.map(([Action, Resource]) => ({ Effect: "Allow", Action, Resource })),
  );
}

const queueActions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

async function sqs(operation: string, input: object): Promise<Record<string, unknown>> {
  const headers = { "x-amz-target": `AmazonSQS.${operation}`, "content-type": "application/x-amz-json-1.0" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(input) });
  return (await answer.json()) as Record<string, unknown>;
}
const send = (body: string) => sqs("SendMessage", { QueueUrl: url, MessageBody: body });
const invoke = (event: object) => plane.invoke?.({ functionName: "worker", payload: JSON.stringify(event) });

async function declareQueue(name: string, more: Record<string, unknown> = {}): Promise<string> {
  const address = `http://127.0.0.1:${await freePort()}/${account}/${name}`;
  const id = `https://sqs.ap-northeast-1.amazonaws.com/${account}/${name}`;
  await declare("aws:sqs/queue:Queue", id, { name, ...more }, { arn: arn("sqs", name), url: address });
  return address;
}

beforeAll(async () => {
  plane = await startAws(resources, state);
  await declare(...declaredWorker(resources, state, source));
  allow([queueActions, arn("sqs", "orders")]);
  deadUrl = await declareQueue("dead");
  const redrivePolicy = JSON.stringify({ deadLetterTargetArn: arn("sqs", "dead"), maxReceiveCount: 2 });
  url = await declareQueue("orders", { visibilityTimeoutSeconds: 1, redrivePolicy });
}, 120_000);

afterAll(() => plane.close());

beforeEach(() => {
  writeFileSync(notes, "");
});

describe("a queue", () => {
  it("gives a message to one receiver, until the receiver deletes it", async () => {
    const { MessageId } = await send("hello");
    const first = await sqs("ReceiveMessage", { QueueUrl: url, VisibilityTimeout: 30, MaxNumberOfMessages: 10 });
    const [message] = first.Messages as { MessageId: string; ReceiptHandle: string; Body: string }[];
    expect(message).toMatchObject({ MessageId, Body: "hello" });
    expect(await sqs("ReceiveMessage", { QueueUrl: url })).toEqual({});
    const count = await sqs("GetQueueAttributes", { QueueUrl: url });
    expect(count.Attributes).toMatchObject({ ApproximateNumberOfMessagesNotVisible: "1" });
    await sqs("DeleteMessage", { QueueUrl: url, ReceiptHandle: message?.ReceiptHandle });
    expect((await sqs("GetQueueAttributes", { QueueUrl: url })).Attributes).toMatchObject({
      ApproximateNumberOfMessagesNotVisible: "0",
    });
  });

  it("accepts what curl sends to its address, and rejects what SQS rejects", async () => {
    const sent = await fetch(url, {
      method: "POST",
      body: new URLSearchParams({ Action: "SendMessage", MessageBody: "by hand" }),
    });
    expect(await sent.text()).toContain("<SendMessageResponse>");
    expect(await sqs("ReceiveMessage", { QueueUrl: url })).toMatchObject({ Messages: [{ Body: "by hand" }] });
    await sqs("PurgeQueue", { QueueUrl: url });
    expect(await send("x".repeat(262_145))).toMatchObject({ __type: "com.amazonaws.sqs#InvalidParameterValue" });
    expect(await sqs("SendMessage", { QueueUrl: `${url}-other`, MessageBody: "a" })).toMatchObject({
      __type: "com.amazonaws.sqs#QueueDoesNotExist",
    });
  });

  it("with FIFO keeps the order in a group, and accepts a message once", async () => {
    const fifo = await declareQueue("steps.fifo", { fifoQueue: true, contentBasedDeduplication: true });
    const step = (MessageBody: string, MessageGroupId = "a") =>
      sqs("SendMessage", { QueueUrl: fifo, MessageBody, MessageGroupId });
    for (const each of ["1", "2", "2"]) await step(each);
    await step("other", "b");
    const receive = async () => {
      const found = await sqs("ReceiveMessage", { QueueUrl: fifo, MaxNumberOfMessages: 1 });
      return (found.Messages as { Body: string; ReceiptHandle: string }[] | undefined)?.[0];
    };
    const first = await receive();
    expect([first?.Body, (await receive())?.Body, await receive()]).toEqual(["1", "other", undefined]);
    await sqs("DeleteMessage", { QueueUrl: fifo, ReceiptHandle: first?.ReceiptHandle });
    expect((await receive())?.Body).toBe("2");
  });

  it("accepts from a function what its role allows, and nothing else", async () => {
    const ask = { do: "send", queue: url, body: "from within" };
    expect((await invoke(ask))?.payload).toContain("is not authorized to perform: sqs:SendMessage");
    allow([queueActions, arn("sqs", "orders")], ["sqs:SendMessage", arn("sqs", "orders")]);
    expect((await invoke(ask))?.failed).toBe(false);
    expect(await sqs("ReceiveMessage", { QueueUrl: url })).toMatchObject({ Messages: [{ Body: "from within" }] });
    await sqs("PurgeQueue", { QueueUrl: url });
  });
});

describe("a queue that invokes a function", () => {
  beforeAll(async () => {
    const mapping = { eventSourceArn: arn("sqs", "orders"), functionName: functionArn, batchSize: 5 };
    const reported = { ...mapping, functionResponseTypes: ["ReportBatchItemFailures"] };
    await declare("aws:lambda/eventSourceMapping:EventSourceMapping", "m1", reported);
  });

  it("passes the message in Lambda's format, once", async () => {
    await send("hello");
    await vi.waitFor(() => {
      expect(bodies()).toEqual(["hello"]);
    }, 20_000);
    expect(noted()[0]?.Records?.[0]).toMatchObject({
      attributes: { ApproximateReceiveCount: "1" },
      eventSource: "aws:sqs",
      eventSourceARN: arn("sqs", "orders"),
      awsRegion: "ap-northeast-1",
      md5OfBody: "5d41402abc4b2a76b9719d911017c592",
    });
    await vi.waitFor(async () => {
      expect((await sqs("GetQueueAttributes", { QueueUrl: url })).Attributes).toMatchObject({
        ApproximateNumberOfMessages: "0",
        ApproximateNumberOfMessagesNotVisible: "0",
      });
    });
  });

  it.each(["fail", "fail this"])(
    "moves a message after maxReceiveCount failures for %j, and the rest stays",
    async (body) => {
      await send(body);
      const dead = () => sqs("ReceiveMessage", { QueueUrl: deadUrl, VisibilityTimeout: 100 });
      await vi.waitFor(async () => {
        expect(await dead()).toMatchObject({ Messages: [{ Body: body }] });
      }, 20_000);
      expect(bodies()).toEqual([body, body]);
    },
  );

  it("stops when its mapping is deleted", async () => {
    await plane.types["aws:lambda/eventSourceMapping:EventSourceMapping"]?.stop("m1");
    await send("later");
    expect(await sqs("ReceiveMessage", { QueueUrl: url })).toMatchObject({ Messages: [{ Body: "later" }] });
    await sqs("PurgeQueue", { QueueUrl: url });
  });
});

describe("a rule of the event bus", () => {
  const permission = { action: "lambda:InvokeFunction", function: "worker", principal: "events.amazonaws.com" };
  const put = async (detail: object) => {
    await invoke({ do: "put", detail });
  };
  /** Events that came over the bus. */
  const received = () => noted().filter((event) => event.source === "shop");

  beforeAll(async () => {
    allow(["events:PutEvents", arn("events", "event-bus/default")]);
    const eventPattern = JSON.stringify({ source: ["shop"], detail: { total: [{ numeric: [">", 10] }] } });
    await declare("aws:cloudwatch/eventRule:EventRule", "orders", { name: "orders", eventPattern }, { arn: ruleArn });
    resources.put("aws:cloudwatch/eventTarget:EventTarget", "t1", { rule: "orders", arn: functionArn });
    resources.put("aws:lambda/permission:Permission", "p1", { ...permission, sourceArn: ruleArn });
  });

  it("invokes its function with the events that match", async () => {
    await put({ total: 5 });
    await put({ total: 50 });
    await vi.waitFor(() => {
      expect(received().length).toBe(1);
    }, 20_000);
    expect(received()[0]).toMatchObject({
      "detail-type": "order",
      account,
      detail: { total: 50 },
      region: "ap-northeast-1",
    });
  });

  it("invokes no function that does not permit it, and logs the reason", async () => {
    const said = vi.spyOn(console, "error").mockReturnValue();
    resources.put("aws:lambda/permission:Permission", "p1", { ...permission, sourceArn: `${ruleArn}-other` });
    await put({ total: 51 });
    await vi.waitFor(() => {
      expect(said.mock.calls.flat().join("\n")).toMatch(
        /rule orders: its target .*worker did not get an event: no Permission/,
      );
    });
    expect(received()).toEqual([]);
    said.mockRestore();
  });

  it("sends to a queue whose policy allows it", async () => {
    const statement = { Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "sqs:SendMessage" };
    const Condition = { ArnEquals: { "aws:SourceArn": ruleArn } };
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ ...statement, Resource: arn("sqs", "orders"), Condition }],
    });
    resources.put("aws:sqs/queuePolicy:QueuePolicy", "q", { queueUrl: url, policy });
    resources.put("aws:cloudwatch/eventTarget:EventTarget", "t1", {
      rule: "orders",
      arn: arn("sqs", "orders"),
      inputPath: "$.detail",
    });
    await put({ total: 52 });
    await vi.waitFor(async () => {
      expect(await sqs("ReceiveMessage", { QueueUrl: url })).toMatchObject({
        Messages: [{ Body: '{"total": 52}'.replace(" ", "") }],
      });
    });
  });

  it("runs at the times of its schedule", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const invoked: string[] = [];
      const typed = new AwsResources(resources);
      const rules = new EventRules({
        resources: typed,
        queues: new Queues(typed, temporaryDirectory()),
        invoke: (target, event) => {
          invoked.push(`${target} ${event}`);
          return Promise.resolve();
        },
      });
      const hourly = { name: "hourly", scheduleExpression: "rate(1 hour)" };
      resources.put("aws:cloudwatch/eventRule:EventRule", "hourly", hourly, { arn: arn("events", "rule/hourly") });
      resources.put("aws:cloudwatch/eventTarget:EventTarget", "t2", {
        rule: "hourly",
        arn: functionArn,
        input: '{"a":1}',
      });
      const sourceArn = arn("events", "rule/hourly");
      resources.put("aws:lambda/permission:Permission", "p2", { ...permission, sourceArn });
      await rules.start({ id: "hourly" });
      await vi.advanceTimersByTimeAsync(3_600_000);
      expect(invoked).toEqual([`${functionArn} {"a":1}`]);
      await rules.close();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("an event pattern", () => {
  const event = { source: "shop", detail: { total: 12, kind: "Book", tags: ["a", "b"] } };
  it.each<[object, boolean]>([
    [{ source: ["shop", "other"] }, true],
    [{ source: ["other"] }, false],
    [{ detail: { total: [{ numeric: [">", 10, "<=", 12] }] } }, true],
    [{ detail: { total: [{ numeric: [">", 12] }] } }, false],
    [{ detail: { kind: [{ prefix: "Bo" }] } }, true],
    [{ detail: { kind: [{ suffix: "x" }] } }, false],
    [{ detail: { kind: [{ "equals-ignore-case": "book" }] } }, true],
    [{ detail: { kind: [{ "anything-but": ["Book"] }] } }, false],
    [{ detail: { kind: [{ "anything-but": { prefix: "X" } }] } }, true],
    [{ detail: { kind: [{ wildcard: "B*k" }] } }, true],
    [{ detail: { other: [{ exists: false }] } }, true],
    [{ detail: { tags: ["b"] } }, true],
    [{ source: ["shop"], detail: { total: [13] } }, false],
  ])("%j: %s", (pattern, matched) => {
    expect(matchesPattern(JSON.stringify(pattern), event)).toBe(matched);
  });

  it.each(["", "[]", "{}", '{"source": "shop"}', '{"source": [{"like": "x"}]}'])("is not %j", (text) => {
    expect(isEventPattern(text)).toBe(false);
  });
});
