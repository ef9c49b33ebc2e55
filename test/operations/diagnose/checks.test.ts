import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createServer as createTlsServer } from "node:tls";

import { describe, expect, test } from "vitest";

import { readLock } from "../../../layers/lock";
import type { CloudSubject } from "../../../operations/diagnose/check";
import { compatibilityCheck, functionCheck, tableCheck } from "../../../operations/diagnose/checks-function";
import { apiCheck, certificateCheck, frontendCheck, messagesCheck } from "../../../operations/diagnose/checks-http";
import { layersCheck } from "../../../operations/diagnose/checks-layers";
import { logCheck } from "../../../operations/diagnose/checks-log";
import { cloudOf, healthy, layerArn, serving, subject } from "./environment";

const never = new AbortController().signal;
const deployed = { ...healthy.function, layerArns: [layerArn] } as NonNullable<typeof healthy.function>;
const layer = healthy.layers[layerArn] ?? { arn: "", runtimes: [], architectures: [], size: 0 };

describe("of the function", () => {
  test("a healthy one has no finding", async () => {
    for (const check of [functionCheck, compatibilityCheck, tableCheck]) {
      expect((await check.run(subject(), never)).findings, check.id).toEqual([]);
    }
  });

  const other = layerArn.replace(/3$/, "2");
  test.each([
    ["is gone", { function: undefined }, functionCheck, "function shop-api is not there"],
    [
      "has no layer",
      { function: { ...deployed, layerArns: [] } },
      functionCheck,
      "layer shop-dependencies is not attached to the function",
    ],
    [
      "has another version",
      { function: { ...deployed, layerArns: [other] } },
      functionCheck,
      "the function has shop-dependencies:2, not shop-dependencies:3",
    ],
    ["failed", { function: { ...deployed, state: "Failed" } }, functionCheck, "the function is Failed"],
    [
      "lost a variable",
      { function: { ...deployed, environment: ["APPLICATION_VERSION"] } },
      functionCheck,
      "the function's environment lacks MESSAGES_TABLE",
    ],
    [
      "has a layer of another architecture",
      { layers: { [layerArn]: { ...layer, architectures: ["arm64"] } } },
      compatibilityCheck,
      "shop-dependencies:3 is for arm64, the function's architecture is x86_64",
    ],
    [
      "has a layer of another runtime",
      { layers: { [layerArn]: { ...layer, runtimes: ["python3.13"] } } },
      compatibilityCheck,
      "shop-dependencies:3 is for python3.13, the function's runtime is python3.12",
    ],
    ["has a layer that is gone", { layers: {} }, compatibilityCheck, "shop-dependencies:3 was deleted"],
    ["has no table", { hasTable: false }, tableCheck, "table shop-messages is not there"],
  ])("%s", async (_, answers, check, title) => {
    const { findings } = await check.run(subject({ inspected: cloudOf(answers) }), never);
    expect(findings.map((finding) => finding.title)).toEqual([title]);
    expect(findings[0]).toMatchObject({ cause: expect.any(String) as string, next: expect.any(String) as string });
  });
});

describe("of the layers", () => {
  const of = (lockSha256: string, createdAt: string) =>
    layersCheck.run(
      subject({
        layers: { "shop-dependencies": { arn: layerArn, version: "3", lockSha256, packages: {} } },
        inspected: cloudOf({ layers: { [layerArn]: { ...layer, createdAt } } }),
      }),
      never,
    );
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

  test("one from another lock is to be deployed again", async () => {
    const { findings } = await of("0".repeat(64), daysAgo(0));
    expect(findings).toMatchObject([{ severity: "warning", next: "deploy" }]);
  });

  test("one of this lock is old after a month", async () => {
    const { sha256 } = await readLock("aws");
    expect((await of(sha256, daysAgo(30))).findings).toEqual([]);
    expect((await of(sha256, daysAgo(40))).findings).toMatchObject([
      { severity: "info", title: "shop-dependencies is 40 days old" },
    ]);
  });
});

describe("of the log", () => {
  const error = (message: string) => JSON.stringify({ level: "ERROR", message });

  test.each([
    ["No module named 'mangum'", /missing layer/],
    ["No module named 'starlette'", /missing module starlette/],
    ["No module named 'pydantic_core._pydantic_core'", /wrong-platform wheel/],
    ["Task timed out after 15.00 seconds", /timeout after 15 s/],
    ["AccessDeniedException: not authorized to perform: dynamodb:Query", /permission denied/],
    ["ThrottlingException: Rate exceeded", /throttled/],
    ["ResourceNotFoundException: Requested resource not found", /missing table/],
    ["RuntimeError: drill", /RuntimeError: drill/],
  ])("%s", async (message, title) => {
    const { findings } = await logCheck.run(subject({ inspected: cloudOf({ log: [error(message)] }) }), never);
    expect(findings).toHaveLength(1);
    expect(findings[0]?.title).toMatch(title);
    expect(findings[0]?.evidence).toEqual([error(message)]);
  });

  test("lines that tell no error are none", async () => {
    const log = [JSON.stringify({ level: "INFO", message: "request", path: "/errors" })];
    expect((await logCheck.run(subject({ inspected: cloudOf({ log }) }), never)).findings).toEqual([]);
  });

  test("an error of before is less than one of now, which alone names the cause", async () => {
    const now = Date.now();
    const old = { timestamp: now - 60_000, stream: "", message: error("No module named 'mangum'") };
    const events = [old, { timestamp: now, stream: "", message: error("AccessDeniedException") }];
    const of = async (log: typeof events) => {
      const inspected = { ...cloudOf(), log: () => Promise.resolve(log) };
      return (await logCheck.run(subject({ inspected, askedAt: new Date(now) }), never)).findings;
    };
    expect(await of(events)).toMatchObject([{ severity: "error", title: "permission denied" }]);
    const info = { timestamp: now, stream: "", message: '{"level": "INFO"}' };
    expect(await of([old, info])).toMatchObject([
      { severity: "warning", title: expect.stringMatching(/missing layer/) as string },
    ]);
  });
});

describe("over HTTP", () => {
  const api = (changed: { version?: string; lose?: boolean; status?: number } = {}) => {
    const messages: unknown[] = [];
    return (request: IncomingMessage, response: ServerResponse) => {
      const json = (status: number, body: unknown) => {
        response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
      };
      if (changed.status !== undefined) {
        json(changed.status, { message: "Internal Server Error" });
      } else if (request.url === "/api/") {
        json(200, { status: "ok", provider: "aws", version: changed.version ?? "3.0.0" });
      } else if (request.method === "POST") {
        let body = "";
        request.on("data", (chunk: Buffer) => (body += chunk.toString()));
        request.on("end", () => {
          const posted = { ...(JSON.parse(body) as object), id: "1" };
          if (!changed.lose) messages.push(posted);
          json(201, posted);
        });
      } else json(200, messages);
    };
  };
  const at = (apiUrl: string, frontendUrl?: string): CloudSubject =>
    subject({ outputs: { ...subject().outputs, apiUrl, frontendUrl } });

  test("an API that serves has no finding, and a latency", async () => {
    await serving(api(), async (url) => {
      const verdict = await apiCheck.run(at(url), never);
      expect(verdict).toMatchObject({ findings: [], answered: true, latencyMs: expect.any(Number) as number });
      expect((await messagesCheck.run(at(url), never)).findings).toEqual([]);
    });
  });

  test.each([
    ["a 500", { status: 500 }, apiCheck, "GET /api/ answers 500"],
    ["another version", { version: "2.0.0" }, apiCheck, "the API is version 2.0.0, the stack's is 3.0.0"],
    ["a lost message", { lose: true }, messagesCheck, "a message that was posted is not in the list"],
  ])("%s is a finding", async (_, changed, check, title) => {
    await serving(api(changed), async (url) => {
      expect((await check.run(at(url), never)).findings).toMatchObject([{ title }]);
    });
  });

  test("no answer is a finding, and says why", async () => {
    const { findings, answered } = await apiCheck.run(at("http://127.0.0.1:1"), never);
    expect(findings).toMatchObject([{ severity: "error", evidence: [expect.stringMatching(/./) as string] }]);
    expect(answered).toBeUndefined();
    await serving(
      () => undefined,
      async (url) => {
        const late = await apiCheck.run(at(url), AbortSignal.timeout(200));
        expect(late.findings[0]?.evidence[0]).toMatch(/no answer in [\d.]+ s/);
      },
    );
  });

  test("an API that is closed to all but the frontend is asked through it", async () => {
    await serving(
      (_, response) => response.writeHead(403).end(),
      async (closed) => {
        await serving(api(), async (frontend) => {
          expect((await apiCheck.run(at(closed, frontend), never)).findings).toEqual([]);
        });
        expect((await apiCheck.run(at(closed), never)).findings).toMatchObject([{ title: "GET /api/ answers 403" }]);
      },
    );
  });

  test.each([
    [30, []],
    [10, [{ severity: "warning", title: expect.stringMatching(/ ends in (9|10) days$/) as string }]],
    [1, [{ severity: "error", title: expect.stringMatching(/ ends in [01] days$/) as string }]],
  ])("a certificate that ends in %i days", async (days, findings) => {
    const folder = mkdtempSync(path.join(tmpdir(), "certificate-"));
    const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const request = ["req", "-x509", ...curve, "-subj", "/CN=localhost", "-days", String(days)];
    execFileSync("openssl", [...request, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) });
    rmSync(folder, { recursive: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const of = at(`https://localhost:${(server.address() as AddressInfo).port}`);
      expect(certificateCheck.applies?.(of)).toBe(true);
      expect((await certificateCheck.run(of, never)).findings).toMatchObject(findings);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    expect(certificateCheck.applies?.(at("http://127.0.0.1:1"))).toBe(false);
  });

  test("a frontend without its page is a finding", async () => {
    await serving(api(), async (url) => {
      expect((await frontendCheck.run(at(url, url), never)).findings).toMatchObject([
        { title: "the frontend answers 200 without its page" },
      ]);
    });
  });
});
