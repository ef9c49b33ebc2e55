import { appendFileSync } from "node:fs";
import path from "node:path";

import { beforeEach, expect, test } from "vitest";

import { isShown, type LogFilter, logLine, LogReader } from "../../local/log-reader";
import { Logs } from "../../local/logs";
import { temporaryDirectory } from "./resources";

let state: string;
let aws: Logs;
let azure: Logs;

beforeEach(() => {
  state = temporaryDirectory();
  aws = new Logs(path.join(state, "aws", "logs"));
  azure = new Logs(path.join(state, "azure-native", "logs"));
});

const messages = (reader: LogReader) => reader.next().map(({ cloud, message }) => `${cloud} ${message}`);

test("events of all clouds are returned once and in order, an incomplete line once it is complete", () => {
  const reader = new LogReader(state);
  expect(reader.next()).toEqual([]);
  aws.append("/aws/lambda/shop-api", "1", "first");
  expect(messages(reader)).toEqual(["aws first"]);

  azure.append("shop-api", "traces", "größer");
  const line = JSON.stringify({ timestamp: Date.now() + 10, stream: "1", message: "third" });
  appendFileSync(aws.file("/aws/lambda/shop-api"), line.slice(0, 20));
  expect(messages(reader)).toEqual(["azure größer"]);
  appendFileSync(aws.file("/aws/lambda/shop-api"), `${line.slice(20)}\n`);
  expect(messages(reader)).toEqual(["aws third"]);
});

test.each<[LogFilter, string[]]>([
  [{ cloud: "azure" }, ["azure b"]],
  [{ name: "nightly" }, ["aws c"]],
  [{ cloud: "gcp" }, []],
])("those of %j alone", (filter, expected) => {
  aws.append("/aws/lambda/shop-api", "1", "a");
  azure.append("shop-api", "traces", "b");
  aws.append("/aws/lambda/shop-nightly", "1", "c");
  expect(messages(new LogReader(state, filter))).toEqual(expected);
});

test.each([
  ['{"level":"INFO","method":"GET","path":"/api/","status":200,"duration_ms":12.4}', "GET /api/ 200 12 ms"],
  ['{"method":"POST","path":"/api/messages/","status":"201","latencyMs":"104"}', "POST /api/messages/ 201 104 ms"],
  ['{"level":"ERROR","message":"no"}', '{"level":"ERROR","message":"no"}'],
  ["{no JSON}", "{no JSON}"],
])("%s is shown as %s", (message, shown) => {
  const line = logLine({ timestamp: 0, stream: "1", message, cloud: "gcp", log: "shop-api" });
  expect(line.endsWith(`gcp shop-api  ${shown}`)).toBe(true);
});

test("a line has time, cloud, log and message", () => {
  const timestamp = new Date(2026, 0, 2, 3, 4, 5, 67).getTime();
  const event = { timestamp, stream: "1", message: "GET / 200\n", cloud: "aws", log: "aws/lambda/shop-api" } as const;
  expect(logLine(event)).toBe("03:04:05.067 aws lambda/shop-api  GET / 200");
});

test("a request is one line, even if the application and the gateway log it too", async () => {
  const request = { method: "GET", target: "/api/?limit=1" };
  const line = '{"method":"GET","path":"/api/","status":200,"duration_ms":3}';
  aws.append("/aws/lambda/shop-api", "1", line);
  aws.append("/aws/lambda/shop-api", "1", "printed");
  aws.append("/aws/lambda/shop-api", "1", '{"time":"now","type":"platform.start","record":{}}');
  await aws.timed("shop-api", request, () => Promise.resolve({ answer: { status: 404 }, cold: true }));
  const told = new LogReader(state)
    .next()
    .filter(isShown)
    .map((event) => logLine({ ...event, timestamp: 0 }))
    .sort();
  expect(told).toEqual([
    expect.stringMatching(/ aws GET \/api\/\?limit=1 404 \d+ ms cold$/),
    expect.stringMatching(/ aws lambda\/shop-api {2}printed$/),
  ]);
});
