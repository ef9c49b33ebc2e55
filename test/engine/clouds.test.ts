import http from "node:http";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { changes, type CloudValues, LocalDeployment, type Outputs } from "./local-deployment";

const clouds = ["aws", "azure", "gcp"] as const;
const deployment = new LocalDeployment([]);
let outputs: Outputs;

beforeAll(async () => {
  await deployment.restore();
  outputs = deployment.outputs();
});

afterAll(() => deployment.end());

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** Sends a request unchanged: `fetch` would normalise what some of these tests send. */
function send(url: string, options: http.RequestOptions = {}, body?: Buffer | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        });
      });
    });
    request.on("error", reject).end(body);
  });
}

const json = (body: unknown): [http.RequestOptions, string] => [
  { method: "POST", headers: { "Content-Type": "application/json" } },
  JSON.stringify(body),
];

/** Both addresses of a cloud's API: its own, and the frontend's `/api/*`. */
const ways = clouds.flatMap((cloud) => [
  { cloud, way: "its own address", base: (values: CloudValues) => values.apiUrl },
  { cloud, way: "the frontend's address", base: (values: CloudValues) => values.frontendUrl },
]);

describe.each(ways)("the API on $cloud, by $way", ({ cloud, base }) => {
  const address = (path: string) => `${base(outputs[cloud])}${path}`;
  const messages = () => address("/api/messages/");

  test("returns its status", async () => {
    const { status, text } = await send(address("/api/"));
    expect([status, JSON.parse(text)]).toEqual([
      200,
      {
        status: "ok",
        provider: cloud,
        version: "3.0.0",
        release: expect.stringMatching(/^[0-9a-f]{12}(\.[0-9a-f]{12})?$/) as string,
      },
    ]);
  });

  test("stores a message and lists it first", async () => {
    const posted = await send(messages(), ...json({ content: "Zoë 你好 🎉", author: "Ada" }));
    expect(posted.status).toBe(201);
    const stored = JSON.parse(posted.text) as Record<string, string>;
    expect(stored).toMatchObject({ content: "Zoë 你好 🎉", author: "Ada" });
    const listed = await send(messages());
    expect((JSON.parse(listed.text) as unknown[])[0]).toEqual(stored);
  });

  test("pages through the list", async () => {
    for (const content of ["one", "two", "three"]) await send(messages(), ...json({ content, author: "Ada" }));
    const first = await send(address("/api/messages/?limit=2"));
    const next = /<([^>]+)>; rel="next"/.exec(String(first.headers.link))?.[1] ?? "";
    const second = await send(address(next));
    const ids = [first, second].flatMap(({ text }) => (JSON.parse(text) as { id: string }[]).map(({ id }) => id));
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(4);
    expect([...ids].sort().reverse()).toEqual(ids);
  });

  test.each([
    [{ author: "Ada" }, "content"],
    [{ content: "", author: "Ada" }, "content"],
    [{ content: "x".repeat(2001), author: "Ada" }, "content"],
    [{ content: "x", author: "y".repeat(81) }, "author"],
    [{ content: "x", author: 7 }, "author"],
  ])("names the bad field of %j", async (body, field) => {
    const { status, text } = await send(messages(), ...json(body));
    expect(status).toBe(422);
    const { detail } = JSON.parse(text) as { detail: { loc: string[]; msg: string }[] };
    expect(detail.map(({ loc }) => loc)).toEqual([["body", field]]);
    expect(detail[0]?.msg).not.toBe("");
  });

  test.each([
    ["not JSON", Buffer.from("not json")],
    ["not UTF-8", Buffer.from('{"content":"\xff\xfe","author":"x"}', "latin1")],
  ])("refuses a body that is %s, and says so", async (_, body) => {
    const { status, text } = await send(messages(), json({})[0], body);
    expect([400, 422]).toContain(status);
    expect(JSON.parse(text)).toHaveProperty("detail");
  });

  test("rejects a body over its limit", async () => {
    const { status } = await send(messages(), ...json({ content: "x".repeat(20_000), author: "Ada" }));
    expect(status).toBe(413);
  });

  test("answers an unknown route with 404 and a wrong method with 405, in JSON", async () => {
    const unknown = await send(address("/api/nowhere"));
    expect([unknown.status, JSON.parse(unknown.text)]).toEqual([404, { detail: "Not Found" }]);
    const wrong = await send(messages(), { method: "DELETE" });
    expect([wrong.status, JSON.parse(wrong.text)]).toEqual([405, { detail: "Method Not Allowed" }]);
  });

  test("accepts the path with and without a trailing slash", async () => {
    const { status, headers } = await send(address("/api/messages"));
    expect([status, headers.location]).toEqual([200, undefined]);
  });

  test("answers HEAD without a body and OPTIONS without CORS", async () => {
    const head = await send(messages(), { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    const options = await send(messages(), { method: "OPTIONS", headers: { Origin: "https://elsewhere.example" } });
    expect(options.status).toBe(405);
    const get = await send(messages(), { headers: { Origin: "https://elsewhere.example" } });
    for (const { headers } of [options, get]) {
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("is not cached, and keeps a request's id", async () => {
    const { headers } = await send(messages(), { headers: { "X-Request-Id": "trace-12345" } });
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["x-request-id"]).toBe("trace-12345");
  });
});

describe.each(clouds)("the frontend on %s", (cloud) => {
  test("has the page, with security headers", async () => {
    const { status, headers, text } = await send(outputs[cloud].frontendUrl);
    expect(status).toBe(200);
    expect(text.toLowerCase()).toContain("<!doctype html>");
    expect(headers["content-security-policy"]).toContain("default-src 'self'");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["strict-transport-security"]).toContain("max-age=");
  });

  test("answers a client-side route with the page", async () => {
    const { status, text } = await send(`${outputs[cloud].frontendUrl}/some/page`);
    expect([status, text.toLowerCase().includes("<!doctype html>")]).toEqual([200, true]);
  });
});

test("the three APIs answer alike", async () => {
  const requests: [string, http.RequestOptions, string?][] = [
    ["/", {}],
    ["/nowhere", {}],
    ["/api/messages/?limit=0", {}],
    ["/api/messages/", ...json({ content: "" })],
    ["/api/messages/", { method: "PATCH" }],
  ];
  for (const [path, options, body] of requests) {
    const answers = await Promise.all(clouds.map((cloud) => send(`${outputs[cloud].apiUrl}${path}`, options, body)));
    const alike = answers.map(({ status, headers, text }, index) => ({
      status,
      type: headers["content-type"],
      text: text
        .replace(`"provider":"${clouds[index] ?? ""}"`, '"provider":"?"')
        .replace(/"release":"[\w.]+"/, '"release":"?"'),
    }));
    expect(new Set(alike.map((answer) => JSON.stringify(answer))), path).toHaveLength(1);
  }
});

describe("switching a cloud off", () => {
  test("shows no change beforehand", async () => {
    expect((await deployment.preview()).stderr).toContain("no changes");
  });

  test("removes its resources and outputs, and touches no other cloud", async () => {
    deployment.configure(["clouds=[aws, gcp]"]);
    const run = await deployment.up();
    expect(changes(run)).not.toEqual([]);
    expect(changes(run).filter((line) => !line.includes("azure"))).toEqual([]);
    const after = deployment.outputs();
    expect(after).not.toHaveProperty("azure");
    expect({ aws: after.aws, gcp: after.gcp }).toEqual({ aws: outputs.aws, gcp: outputs.gcp });
    expect(deployment.resources("azure-native")).toEqual([]);
  });

  test("restores it completely when switched on", async () => {
    deployment.configure([]);
    await deployment.up();
    const after = deployment.outputs();
    expect((await send(after.azure.apiUrl)).status).toBe(200);
  });

  test("destroy leaves nothing except the layer versions that other stacks may use", async () => {
    await deployment.destroy();
    expect(["azure-native", "gcp"].flatMap((cloud) => deployment.resources(cloud))).toEqual([]);
  });
});
