import { describe, expect, it } from "vitest";

import type { HttpRequest } from "../../../local/http";
import { accessLogLine, TokenBucket } from "../../../local/aws/http-api";
import { httpApiEvent, httpApiResponse } from "../../../local/aws/http-api-payload";
import { selectRoute } from "../../../local/aws/http-api-routes";

const context = {
  accountId: "1",
  apiId: "a1",
  requestId: "r",
  routeKey: "$default",
  stage: "$default",
  time: new Date(0),
};

function event(request: Partial<HttpRequest> = {}) {
  return httpApiEvent(
    { method: "GET", target: "/", headers: [], body: Buffer.alloc(0), remoteAddress: "127.0.0.1", ...request },
    context,
  );
}

describe("the event of a request", () => {
  it.each([
    ["/a/b", "/a/b", "", undefined],
    ["/a%20b?x=1&x=2&y=%C3%A4", "/a b", "x=1&x=2&y=%C3%A4", { x: "1,2", y: "ä" }],
    ["/%zz?", "/%zz", "", undefined],
    ["//double//slash/", "//double//slash/", "", undefined],
    ["/?empty=&flag", "/", "empty=&flag", { empty: "", flag: "" }],
  ])("has path and query of %s", (target, rawPath, rawQueryString, parameters) => {
    const made = event({ target });
    expect(made).toMatchObject({ rawPath, rawQueryString, requestContext: { http: { path: rawPath } } });
    expect(made.queryStringParameters).toEqual(parameters);
  });

  it("joins headers, in lower case, and moves cookies to a list", () => {
    const headers = [
      ["Accept", "a"],
      ["accept", "b"],
      ["Cookie", "x=1; y=2"],
      ["Host", "api.test"],
    ] as const;
    const made = event({ headers });
    expect(made.headers).toMatchObject({ accept: "a,b", host: "api.test", "content-length": "0" });
    expect(made.headers).not.toHaveProperty("cookie");
    expect(made.cookies).toEqual(["x=1", "y=2"]);
    expect(made.requestContext).toMatchObject({ domainName: "api.test", domainPrefix: "api" });
  });

  it("appends the client to X-Forwarded-For", () => {
    const made = event({ headers: [["X-Forwarded-For", "192.0.2.1"]] });
    expect(made.headers["x-forwarded-for"]).toBe("192.0.2.1, 127.0.0.1");
  });

  // AWS's behaviour for each type, as others measured it: github.com/ministackorg/ministack/pull/766.
  it.each([
    ["application/json", "{}", false],
    ["application/json; charset=utf-8", "{}", false],
    ["text/plain", "ä", false],
    ["application/x-www-form-urlencoded", "a=1", true],
    ["application/octet-stream", "x", true],
    [undefined, "x", true],
    ["application/json", Buffer.from([0xff, 0xfe]), true],
  ])("encodes a body of type %s", (type, content, isBase64Encoded) => {
    const body = Buffer.from(content);
    const made = event({ method: "POST", body, headers: type === undefined ? [] : [["Content-Type", type]] });
    expect(made.isBase64Encoded).toBe(isBase64Encoded);
    expect(Buffer.from(made.body ?? "", isBase64Encoded ? "base64" : "utf8")).toEqual(body);
  });

  it("has no body if the request has none", () => {
    expect(event()).not.toHaveProperty("body");
  });

  it("formats the time as API Gateway does", () => {
    expect(event().requestContext).toMatchObject({ time: "01/Jan/1970:00:00:00 +0000", timeEpoch: 0 });
  });
});

describe("the response to a function's result", () => {
  const json = [["Content-Type", "application/json"]];
  it.each([
    ["an object without a status", { a: 1 }, { status: 200, headers: json, body: Buffer.from('{"a":1}') }],
    ["text", "hello", { status: 200, headers: json, body: Buffer.from("hello") }],
    [
      "a whole response",
      { statusCode: 201, headers: { "content-type": "text/css", "x-n": 1 }, cookies: ["a=1", "b=2"], body: "x" },
      {
        status: 201,
        headers: [
          ["content-type", "text/css"],
          ["x-n", "1"],
          ["Set-Cookie", "a=1"],
          ["Set-Cookie", "b=2"],
        ],
        body: Buffer.from("x"),
      },
    ],
    [
      "a binary body",
      { statusCode: 200, headers: { "Content-Type": "image/png" }, body: "/w==", isBase64Encoded: true },
      { status: 200, headers: [["Content-Type", "image/png"]], body: Buffer.from([0xff]) },
    ],
    ["no body", { statusCode: 204 }, { status: 204, headers: [], body: Buffer.alloc(0) }],
  ])("is made of %s", (_, result, expected) => {
    expect(httpApiResponse(Buffer.from(JSON.stringify(result)))).toEqual(expected);
  });

  it.each([
    ["no JSON", "{"],
    ["a status that is none", '{"statusCode":"ok"}'],
    ["a body that is no text", '{"statusCode":200,"body":{}}'],
  ])("is none for %s", (_, payload) => {
    expect(httpApiResponse(Buffer.from(payload))).toBeUndefined();
  });
});

describe("route selection", () => {
  const routes = [
    "$default",
    "ANY /{proxy+}",
    "GET /items",
    "ANY /items",
    "GET /items/{id}",
    "GET /items/new",
    "GET /items/{id}/{rest+}",
  ].map((routeKey) => ({ routeKey }));

  it.each([
    ["GET", "/items", "GET /items", undefined],
    ["POST", "/items", "ANY /items", undefined],
    ["GET", "/items/new", "GET /items/new", undefined],
    ["GET", "/items/7", "GET /items/{id}", { id: "7" }],
    ["GET", "/items/7/a/b", "GET /items/{id}/{rest+}", { id: "7", rest: "a/b" }],
    ["PUT", "/items/7", "ANY /{proxy+}", { proxy: "items/7" }],
    ["GET", "/", "$default", undefined],
  ])("sends %s %s to %s", (method, path, routeKey, pathParameters) => {
    expect(selectRoute(routes, method, path)).toEqual({
      route: { routeKey },
      ...(pathParameters && { pathParameters }),
    });
  });

  it("finds nothing if nothing matches and there is no default", () => {
    expect(selectRoute([{ routeKey: "GET /items" }], "GET", "/other")).toBeUndefined();
    expect(selectRoute([{ routeKey: "GET /items" }], "POST", "/items")).toBeUndefined();
  });
});

describe("throttling", () => {
  it("lets a burst through at once, and then the rate", () => {
    const bucket = new TokenBucket();
    bucket.rate = 10;
    bucket.burst = 2;
    const now = performance.now() + 1000;
    expect([0, 0, 0, 50, 100, 200, 200].map((ms) => bucket.take(now + ms))).toEqual([
      true,
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
  });
});

it("writes access log lines that stay JSON", () => {
  const line = accessLogLine('{"path":"$context.path","ip":"$context.identity.sourceIp","none":"$context.unknown"}', {
    path: '/"quoted"',
    "identity.sourceIp": "::1",
  });
  expect(JSON.parse(line)).toEqual({ path: '/"quoted"', ip: "::1", none: "-" });
});
