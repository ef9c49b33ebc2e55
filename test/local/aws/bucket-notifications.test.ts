import { writeFileSync } from "node:fs";

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { refusedNotification } from "../../../local/aws/bucket-notifications";
import { startAws } from "../../../local/aws/data-plane";
import { AwsResources, bucketNotification } from "../../../local/aws/resources";
import { awsTypes } from "../../../local/aws/types";
import type { CloudDataPlane } from "../../../local/data-plane";
import { freePort } from "../../../local/free-port";
import { blob, FakeResources, temporaryDirectory } from "../resources";
import { account, allowWorker, arn, declaredWorker, functionArn, notedIn, notesIn } from "./worker";

const bucketArn = "arn:aws:s3:::uploads";
const queueArn = arn("sqs", "uploads");

/** Records each event, and performs the S3 operation in it. */
const source = `
import json, os, boto3

def handler(event, context):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(event) + "\\n")
    client = boto3.client("s3")
    try:
        if event.get("do") == "put":
            client.put_object(Bucket="uploads", Key=event["key"], Body=b"by a function", ContentType="text/plain", Metadata={"by": "worker"})
        if event.get("do") == "get":
            found = client.get_object(Bucket="uploads", Key=event["key"])
            return [found["Body"].read().decode(), found["ContentType"], found["Metadata"]]
        if event.get("do") == "delete":
            client.delete_object(Bucket="uploads", Key=event["key"])
        if event.get("do") == "list":
            client.list_objects_v2(Bucket="uploads")
    except client.exceptions.ClientError as error:
        return error.response["Error"]
`;

const state = temporaryDirectory();
const notes = notesIn(state);
const resources = new FakeResources();
let plane: CloudDataPlane;
let url: string;
let queueUrl: string;

interface EventRecord {
  eventName: string;
  s3: { object: { key: string; sequencer: string } };
}
const noted = () => notedIn<{ Records?: EventRecord[] }>(notes).flatMap(({ Records = [] }) => Records);
const names = () => noted().map(({ eventName, s3 }) => `${eventName} ${s3.object.key}`);

async function declare(type: string, id: string, inputs: object, outputs: object = {}): Promise<void> {
  const resource = resources.put(type, id, { ...inputs }, { ...outputs });
  await plane.types[type]?.start(resource);
}

function allow(...Action: string[]): void {
  allowWorker(resources, [{ Effect: "Allow", Action, Resource: `${bucketArn}/*` }]);
}

const permission = { action: "lambda:InvokeFunction", function: "worker", principal: "s3.amazonaws.com" };
function permit(more: object = { sourceArn: bucketArn, sourceAccount: account }): void {
  resources.put("aws:lambda/permission:Permission", "uploads", { ...permission, ...more });
}

const created = { events: ["s3:ObjectCreated:*"] };
const notify = (inputs: object) =>
  resources.put("aws:s3/bucketNotification:BucketNotification", "uploads", { bucket: "uploads", ...inputs });
const refusal = (inputs: object) =>
  refusedNotification(new AwsResources(resources), bucketNotification.parse({ bucket: "uploads", ...inputs }));

const put = (key: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/${key}`, { method: "PUT", body, headers });
/** The first request may use an old connection, which is closed. */
const text = (key: string) => vi.waitFor(async () => (await fetch(`${url}/${key}`)).text());
async function invoke(event: object): Promise<unknown> {
  const result = await plane.invoke?.({ functionName: "worker", payload: JSON.stringify(event) });
  return JSON.parse(result?.payload ?? "null");
}
async function received(): Promise<EventRecord[]> {
  const answer = await fetch(queueUrl, {
    method: "POST",
    headers: { "x-amz-target": "AmazonSQS.ReceiveMessage" },
    body: JSON.stringify({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
  });
  const { Messages = [] } = (await answer.json()) as { Messages?: { Body: string }[] };
  return Messages.flatMap(({ Body }) => (JSON.parse(Body) as { Records: EventRecord[] }).Records);
}

beforeAll(async () => {
  plane = await startAws(resources, state);
  await declare(...declaredWorker(resources, state, source));
  const bucketDomainName = `127.0.0.1:${await freePort()}`;
  url = `http://${bucketDomainName}`;
  const bucketRegionalDomainName = "uploads.s3.ap-northeast-1.amazonaws.com";
  await declare(
    "aws:s3/bucket:Bucket",
    "uploads",
    { bucket: "uploads" },
    { arn: bucketArn, bucketDomainName, bucketRegionalDomainName },
  );
  queueUrl = `http://127.0.0.1:${await freePort()}/${account}/uploads`;
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "s3.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: queueArn,
        Condition: { ArnLike: { "aws:SourceArn": bucketArn }, StringEquals: { "aws:SourceAccount": account } },
      },
    ],
  });
  await declare("aws:sqs/queue:Queue", queueUrl, { name: "uploads", policy }, { arn: queueArn, url: queueUrl });
}, 120_000);

afterAll(() => plane.close());

beforeEach(() => {
  writeFileSync(notes, "");
  permit();
});

describe("a bucket's address", () => {
  it("takes an object, gives it back and deletes it", async () => {
    const stored = await put("a/b.txt", "hello", { "content-type": "text/plain", "x-amz-meta-by": "hand" });
    expect([stored.status, stored.headers.get("etag")]).toEqual([200, '"5d41402abc4b2a76b9719d911017c592"']);
    const found = await fetch(`${url}/a/b.txt`);
    expect([await found.text(), found.headers.get("content-type")]).toEqual(["hello", "text/plain"]);
    expect(found.headers.get("x-amz-meta-by")).toBe("hand");
    expect((await fetch(`${url}/a/b.txt`, { method: "HEAD" })).headers.get("content-length")).toBe("5");
    expect((await fetch(`${url}/a/b.txt`, { method: "DELETE" })).status).toBe(204);
    expect((await fetch(`${url}/a/b.txt`)).status).toBe(404);
  });

  it("rejects unsupported operations", async () => {
    for (const [target, init] of [
      ["", {}],
      ["/a?tagging", {}],
      ["/a", { headers: { range: "bytes=0-1" } }],
      ["/a", { method: "POST" }],
    ] as const) {
      const answer = await fetch(`${url}${target}`, init);
      expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining("NotImplemented")]);
    }
  });

  it("decodes the chunks of an SDK", async () => {
    const chunked = "5;chunk-signature=0\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
    const signed = { "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-encoding": "aws-chunked" };
    await put("chunked", chunked, signed);
    const found = await fetch(`${url}/chunked`);
    expect([await found.text(), found.headers.get("content-encoding")]).toEqual(["hello!", null]);
  });

  it("keeps a bucket that holds objects, unless it may be emptied", async () => {
    await put("kept", "text");
    const bucket = resources.get("aws:s3/bucket:Bucket", "uploads");
    if (bucket === undefined) throw new Error("no bucket");
    const type = plane.types[bucket.type];
    await type?.stop("uploads");
    await expect(type?.remove?.(bucket)).rejects.toThrow("BucketNotEmpty");
    expect(await text("kept")).toBe("text");
    await type?.remove?.({ ...bucket, inputs: { ...bucket.inputs, forceDestroy: true } });
    expect((await fetch(`${url}/kept`)).status).toBe(404);
  });
});

describe("a function", () => {
  it("puts, gets and deletes objects where its role allows it", async () => {
    allow("s3:PutObject", "s3:GetObject", "s3:DeleteObject");
    await invoke({ do: "put", key: "from here.txt" });
    expect(await invoke({ do: "get", key: "from here.txt" })).toEqual([
      "by a function",
      "text/plain",
      { by: "worker" },
    ]);
    await invoke({ do: "delete", key: "from here.txt" });
    // It may not list the bucket, so it does not learn that the object is missing.
    expect(await invoke({ do: "get", key: "from here.txt" })).toMatchObject({ Code: "AccessDenied" });
    expect(await invoke({ do: "list" })).toMatchObject({ Code: "NotImplemented" });
  });

  it("is denied what its role does not allow", async () => {
    allow("s3:GetObject");
    expect(await invoke({ do: "put", key: "a" })).toMatchObject({
      Code: "AccessDenied",
      Message: expect.stringContaining("s3:PutObject") as string,
    });
  });
});

describe("a notification", () => {
  it("invokes a function with S3's record", async () => {
    notify({ lambdaFunctions: [{ id: "mine", lambdaFunctionArn: functionArn, ...created, filterPrefix: "in/" }] });
    await put("out/a", "no");
    await put("in/a+b%20c.txt", "hello");
    await vi.waitFor(() => {
      expect(noted()).toHaveLength(1);
    }, 20_000);
    expect(noted()[0]).toMatchObject({
      eventVersion: "2.1",
      eventSource: "aws:s3",
      awsRegion: "ap-northeast-1",
      eventName: "ObjectCreated:Put",
      requestParameters: { sourceIPAddress: "127.0.0.1" },
      s3: {
        s3SchemaVersion: "1.0",
        configurationId: "mine",
        bucket: { name: "uploads", arn: bucketArn },
        object: { key: "in/a%2Bb+c.txt", size: 5, eTag: "5d41402abc4b2a76b9719d911017c592" },
      },
    });
  });

  it("sends to a queue, with sequencers in the order of the events", async () => {
    notify({ queues: [{ queueArn, events: ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"], filterSuffix: ".csv" }] });
    await put("a.txt", "no");
    await put("a.csv", "yes");
    await fetch(`${url}/a.csv`, { method: "DELETE" });
    await fetch(`${url}/a.csv`, { method: "DELETE" });
    const records = await received();
    expect(records.map(({ eventName }) => eventName)).toEqual(["ObjectCreated:Put", "ObjectRemoved:Delete"]);
    const [first = "", second = ""] = records.map(({ s3 }) => s3.object.sequencer);
    expect(first < second).toBe(true);
    expect(records[1]?.s3.object).toEqual({ key: "a.csv", sequencer: second });
  });

  it("notifies once of an object that a resource declares, and again when it changes", async () => {
    notify({
      lambdaFunctions: [{ lambdaFunctionArn: functionArn, events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"] }],
    });
    const type = "aws:s3/bucketObjectv2:BucketObjectv2";
    const object = (content: string) => ({ bucket: "uploads", key: "seed", source: blob(state, content) });
    await declare(type, "uploads/seed", object("one"));
    await declare(type, "uploads/seed", object("one"));
    await vi.waitFor(() => {
      expect(names()).toEqual(["ObjectCreated:Put seed"]);
    }, 20_000);
    await put("seed", "by hand");
    expect(await (await fetch(`${url}/seed`)).text()).toBe("by hand");
    await declare(type, "uploads/seed", object("two"));
    expect(await (await fetch(`${url}/seed`)).text()).toBe("two");
    const declared = resources.get(type, "uploads/seed");
    if (declared) await plane.types[type]?.remove?.(declared);
    await vi.waitFor(() => {
      expect(names()).toHaveLength(4);
    }, 20_000);
    expect(names()).toContain("ObjectRemoved:Delete seed");
    resources.remove(type, "uploads/seed");
    await declare(type, "uploads/text", { bucket: "uploads", key: "text", content: "inline" });
    expect(await (await fetch(`${url}/text`)).text()).toBe("inline");
    await vi.waitFor(() => {
      expect(names()).toHaveLength(5);
    }, 20_000);
  });

  it("is rejected if S3 could not deliver it", () => {
    const toFunction = { lambdaFunctions: [{ lambdaFunctionArn: functionArn, ...created }] };
    expect(refusal(toFunction)).toBeUndefined();
    for (const more of [
      { sourceArn: "arn:aws:s3:::another" },
      { sourceArn: bucketArn, sourceAccount: "210987654321" },
      { principal: "events.amazonaws.com" },
    ]) {
      permit(more);
      expect(refusal(toFunction)).toMatch(/Unable to validate .* Not authorized to invoke function/);
    }
    expect(refusal({ queues: [{ queueArn, ...created }] })).toBeUndefined();
    expect(refusal({ queues: [{ queueArn: `${queueArn}s`, ...created }] })).toMatch(/queue does not exist/);
    const closed = arn("sqs", "closed");
    resources.put(
      "aws:sqs/queue:Queue",
      "closed",
      { name: "closed" },
      { arn: closed, url: "http://127.0.0.1:1/closed" },
    );
    expect(refusal({ queues: [{ queueArn: closed, ...created }] })).toMatch(/do not allow S3 to publish/);
  });

  it("is rejected if two of its destinations share an event", () => {
    const of = (...filters: object[]) =>
      refusal({ queues: filters.map((more) => ({ queueArn, ...created, ...more })) });
    expect(of({ filterPrefix: "a/" }, { filterPrefix: "a/b/" })).toContain("Configurations overlap");
    expect(of({ filterPrefix: "a/" }, { events: ["s3:ObjectCreated:Put"] })).toContain("Configurations overlap");
    expect(of({ filterPrefix: "a/" }, { filterPrefix: "b/" })).toBeUndefined();
    expect(of({ filterSuffix: ".csv" }, { filterSuffix: ".txt" })).toBeUndefined();
    expect(of({}, { events: ["s3:ObjectRemoved:*"] })).toBeUndefined();
  });

  it("accepts the supported events and destinations, and no others", () => {
    const rules = awsTypes["aws:s3/bucketNotification:BucketNotification"]?.rules ?? {};
    const accepts = (name: string, value: unknown) => rules[name]?.accepts(value, {});
    expect(accepts("queues.events", ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"])).toBe(true);
    expect(accepts("queues.events", ["s3:ObjectRestore:*"])).toBe(false);
    expect(accepts("topics", [{ topicArn: arn("sns", "topic") }])).toBe(false);
    expect(accepts("eventbridge", true)).toBe(false);
  });

  it("without permission any more is written to the cloud's log, and not delivered", async () => {
    notify({ lambdaFunctions: [{ lambdaFunctionArn: functionArn, ...created }] });
    resources.remove("aws:lambda/permission:Permission", "uploads");
    const said = vi.spyOn(console, "error").mockReturnValue();
    await put("late", "text");
    await vi.waitFor(() => {
      expect(said).toHaveBeenCalledWith(expect.stringContaining("Not authorized to invoke function"));
    });
    said.mockRestore();
    expect(names()).toEqual([]);
  });
});

it("keeps objects over a restart, without repeated notifications", async () => {
  notify({ queues: [{ queueArn, ...created }] });
  const type = "aws:s3/bucketObjectv2:BucketObjectv2";
  await declare(type, "uploads/once", { bucket: "uploads", key: "once", source: blob(state, "once") });
  await put("kept", "still here");
  expect(await received()).toHaveLength(2);
  await plane.close();
  plane = await startAws(resources, state);
  for (const token of ["aws:s3/bucket:Bucket", type, "aws:sqs/queue:Queue"]) {
    for (const resource of resources.list(token)) await plane.types[token]?.start(resource);
  }
  expect(await text("kept")).toBe("still here");
  expect(await vi.waitFor(received)).toEqual([]);
});
