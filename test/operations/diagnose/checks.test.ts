import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createServer as createTlsServer } from "node:tls";

import { describe, expect, test } from "vitest";

import { readLock } from "../../../layers/lock-forms";
import { settingDigest } from "../../../contract/setting-digest";
import { deflated, writeZip } from "../../../layers/zip";
import type { CloudSubject } from "../../../operations/diagnose/check";
import { compatibilityCheck, functionCheck, tableCheck } from "../../../operations/diagnose/checks-function";
import { apiCheck, certificateCheck, frontendCheck } from "../../../operations/diagnose/checks-http";
import { siteCheck } from "../../../operations/diagnose/checks-site";
import { logCheck } from "../../../operations/diagnose/checks-log";
import { notificationsCheck } from "../../../operations/diagnose/checks-notifications";
import { freshnessCheck, publicLayersCheck } from "../../../operations/diagnose/checks-packages";
import type { Subscription } from "../../../operations/diagnose/inspected-cloud";
import { UnansweredError } from "../../../operations/unanswered-error";
import { cloudOf, healthy, layer, layerArn, serving, subject } from "./environment";

const requirements = (cloud: string) =>
  path.join(__dirname, "..", "..", "..", "application", "requirements", `${cloud}.in`);

const never = new AbortController().signal;
const deployed = { ...healthy.function, layerArns: [layerArn] } as NonNullable<typeof healthy.function>;

describe("of notifications", () => {
  const alarmTopic = "arn:aws:sns:ap-northeast-1:123456789012:shop-alarms";
  const look = (...subscriptions: Subscription[]) => {
    const { outputs } = subject();
    return notificationsCheck.run(
      subject({ outputs: { ...outputs, alarmTopic }, inspected: cloudOf({ subscriptions }) }),
      never,
    );
  };

  test("have no findings without alarms", () => {
    expect(notificationsCheck.applies?.(subject())).toBe(false);
  });

  test("find an unconfirmed subscription, and a missing one", async () => {
    const confirmed = { endpoint: "ada@example.com", confirmed: true };
    expect((await look(confirmed)).findings).toEqual([]);
    const pending = await look(confirmed, { endpoint: "bob@example.com", confirmed: false });
    expect(pending).toMatchObject({
      summary: "1 of 2 confirmed",
      findings: [
        { severity: "warning", title: "b***@example.com receives no alarms: the subscription is not confirmed" },
      ],
    });
    expect(JSON.stringify(pending)).not.toContain("bob@");
    expect((await look()).findings).toMatchObject([{ severity: "error", evidence: [alarmTopic] }]);
  });
});

describe("of manual changes", () => {
  const settings = { MODE: settingDigest("MODE", "careful"), TABLE: settingDigest("TABLE", "messages") };
  const look = (fn: Partial<typeof deployed>) => {
    const plain = subject();
    return functionCheck.run(
      subject({ fn: { ...plain.fn, settings }, inspected: cloudOf({ function: { ...deployed, ...fn } }) }),
      never,
    );
  };

  test("name what serves", async () => {
    expect((await look({ serving: "version 7", settings })).summary).toContain("version 7 serves");
  });

  test("find changed or missing app settings, and none that the platform added", async () => {
    expect((await look({ settings: { ...settings, WEBSITE_RUN: "1" } })).findings).toEqual([]);
    const { findings } = await look({ settings: { MODE: settingDigest("MODE", "reckless") } });
    expect(findings).toMatchObject([
      {
        severity: "error",
        title: "app settings are not as they were deployed: MODE, TABLE",
        evidence: ["not there: TABLE"],
      },
    ]);
    expect(JSON.stringify(findings)).not.toContain("reckless");
  });

  test("find deployed code that does not serve", async () => {
    const { findings } = await look({ settings, patched: ["$LATEST has other code than version 7, which serves"] });
    const [finding] = findings;
    expect(finding?.severity).toBe("warning");
    expect(finding?.title).toContain("$LATEST has other code");
  });
});

describe("of the function", () => {
  test("have no finding for a healthy one", async () => {
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
    [
      "may not run",
      { function: { ...deployed, reservedConcurrency: 0 } },
      functionCheck,
      "throttled: the function's reserved concurrency is 0",
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

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

test("a package for another Python than the function's is a finding on the clouds without layers", async () => {
  const outputs = { ...subject().outputs, package: { lockSha256: "", pythonVersion: "3.12", packages: {} } };
  const of = async (runtime: string) => {
    const inspected = cloudOf({ function: { ...deployed, runtime } });
    return (await compatibilityCheck.run(subject({ cloud: "azure", outputs, inspected }), never)).findings;
  };
  expect(await of("python3.12")).toEqual([]);
  expect(await of("python3.11")).toMatchObject([
    { title: "the package is for python3.12, the function's runtime is python3.11", next: "redeploy" },
  ]);
});

describe("of the freshness", () => {
  const of = (lockSha256: string, createdAt: string) =>
    freshnessCheck.run(
      subject({
        layers: {
          "shop-dependencies": { arn: layerArn, version: "3", lockSha256, pythonVersion: "3.12", packages: {} },
        },
        inspected: cloudOf({ layers: { [layerArn]: { ...layer, createdAt } } }),
      }),
      never,
    );

  test("ask for another deployment of a layer from another lock", async () => {
    const { findings } = await of("0".repeat(64), daysAgo(0));
    expect(findings).toMatchObject([{ severity: "warning", next: expect.stringMatching(/: deploy$/) as string }]);
  });

  test("find a layer of this lock outdated after a month", async () => {
    const { sha256 } = await readLock("aws", requirements("aws"));
    expect((await of(sha256, daysAgo(30))).findings).toEqual([]);
    expect((await of(sha256, daysAgo(40))).findings).toMatchObject([
      { severity: "info", title: "shop-dependencies is 40 days old" },
    ]);
  });

  test.each(["azure", "gcp"] as const)("a package on %s is checked in the same way", async (cloud) => {
    const { sha256 } = await readLock(cloud, requirements(cloud));
    const packaged = (lockSha256: string, modifiedAt: string) =>
      freshnessCheck.run(
        subject({
          cloud,
          outputs: { ...subject().outputs, package: { lockSha256, pythonVersion: "3.12", packages: {} } },
          inspected: cloudOf({ function: { ...deployed, modifiedAt } }),
        }),
        never,
      );
    expect((await packaged(sha256, daysAgo(1))).findings).toEqual([]);
    expect((await packaged(sha256, daysAgo(40))).findings).toMatchObject([{ severity: "info" }]);
    expect((await packaged("0".repeat(64), daysAgo(1))).findings).toMatchObject([
      { title: "the package of shop-api is built from another lock than this checkout's" },
    ]);
  });
});

describe("of public layers", () => {
  const klayers = "arn:aws:lambda:eu-west-1:770693421928:layer:Klayers-p312-PyJWT";
  const others = "arn:aws:lambda:eu-west-1:123412341234:layer:shared";
  const zip = async (...files: string[]) =>
    writeZip(await Promise.all(files.map((name) => deflated(name, Buffer.from("")))));
  const content = () => zip("python/jwt/__init__.py", "python/PyJWT-2.10.1.dist-info/METADATA");

  const of = async (arn: string, layers: Readonly<Record<string, Partial<typeof layer>>>, version = "2.10.1") => {
    const inspected = cloudOf({
      layers: Object.fromEntries(Object.entries(layers).map(([at, known]) => [at, { ...layer, content, ...known }])),
    });
    const outputs = { ...subject().outputs, publicLayers: { [arn]: { pyjwt: version } } };
    return (await publicLayersCheck.run(subject({ outputs, inspected }), never)).findings;
  };

  test("accept one with the configured packages, and are skipped without one", async () => {
    expect(await of(`${klayers}:1`, { [`${klayers}:1`]: {} })).toEqual([]);
    expect(publicLayersCheck.applies?.(subject())).toBe(false);
  });

  test("one with other versions is a finding", async () => {
    expect(await of(`${klayers}:1`, { [`${klayers}:1`]: {} }, "2.9.0")).toMatchObject([
      { severity: "error", evidence: ["pyjwt: 2.9.0 in the settings, 2.10.1"] },
    ]);
    const empty = () => zip("python/jwt/__init__.py");
    expect(await of(`${klayers}:1`, { [`${klayers}:1`]: { content: empty } })).toMatchObject([
      { evidence: ["pyjwt: 2.10.1 in the settings, not there"] },
    ]);
  });

  test.each([
    [klayers, 10, "info", "was superseded 10 days ago, and is deleted in 355 days"],
    [klayers, 320, "warning", "was superseded 320 days ago, and is deleted in 45 days"],
    [klayers, 400, "warning", "was superseded 400 days ago, and is deleted in 0 days"],
    [others, 400, "info", "was superseded 400 days ago"],
  ])("%s:1 that was superseded %i days ago", async (name, days, severity, title) => {
    const layers = { [`${name}:1`]: {}, [`${name}:2`]: { createdAt: daysAgo(days) } };
    expect(await of(`${name}:1`, layers)).toMatchObject([
      { severity, title: `the public layer ${name.split(":").at(-1) ?? ""}:1 ${title}` },
    ]);
  });

  test("report one that cannot be read, and missing credentials are no finding", async () => {
    const refusing = (message: string) => {
      const inspected = { ...cloudOf(), layer: () => Promise.reject(new UnansweredError(message, "")) };
      const outputs = { ...subject().outputs, publicLayers: { [`${klayers}:1`]: { pyjwt: "2.10.1" } } };
      return publicLayersCheck.run(subject({ outputs, inspected }), never);
    };
    expect((await refusing("(AccessDeniedException) when calling GetLayerVersionByArn")).findings).toMatchObject([
      { title: "the public layer Klayers-p312-PyJWT:1 cannot be read", next: expect.stringMatching(/full/) as string },
    ]);
    await expect(refusing("Unable to locate credentials")).rejects.toThrow(UnansweredError);
  });
});

describe("of the log", () => {
  const error = (message: string) => JSON.stringify({ level: "ERROR", message });

  test.each([
    ["No module named 'mangum'", /missing layer/],
    ["No module named 'starlette'", /missing module starlette/],
    ["No module named 'pydantic_core._pydantic_core'", /wrong-platform wheel/],
    ["Task timed out after 15.00 seconds", /timeout after 15 s/],
    ["Timeout value of 00:00:02 exceeded by function 'Functions.api'.", /timeout after 00:00:02/],
    ["AccessDeniedException: not authorized to perform: dynamodb:Query", /permission denied/],
    ["ThrottlingException: Rate exceeded", /throttled/],
    ["ResourceNotFoundException: Requested resource not found", /missing table/],
    ["RuntimeError: drill", /RuntimeError: drill/],
    ["Error: Runtime exited with error: signal: killed", /process ended: signal: killed/],
    ["python exited with code 137 (0x89)", /process ended: exited with code 137/],
    ["[ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?", /process ended: was sent SIGKILL/],
  ])("%s", async (message, title) => {
    const { findings } = await logCheck.run(subject({ inspected: cloudOf({ log: [error(message)] }) }), never);
    expect(findings).toHaveLength(1);
    expect(findings[0]?.title).toMatch(title);
    expect(findings[0]?.evidence).toEqual([error(message)]);
  });

  test("merge equal lines, with their number", async () => {
    const line = (id: number) =>
      error(`Unable to import module 'main': No module named 'mangum' (request ${id})`).replace("}", `, "id": ${id}}`);
    const log = Array.from({ length: 15 }, (_, id) => line(id));
    const { findings } = await logCheck.run(subject({ inspected: cloudOf({ log }) }), never);
    expect(findings[0]?.evidence).toEqual(["15 x No module named 'mangum'"]);
  });

  test.each([
    ['{"status":"429","integrationError":"-"}', /^throttled$/],
    ['{"status":"500","integrationError":"Rate Exceeded."}', /^throttled$/],
    [
      '{"integrationError":"The IAM role configured on the integration or API Gateway doesn\'t have permissions to call the integration."}',
      /API Gateway may not invoke/,
    ],
  ])("the gateway tells %s, and the function's log need not say anything", async (message, title) => {
    const now = Date.now();
    const gateway = [{ timestamp: now, stream: "", message }];
    const inspected = { ...cloudOf(), gatewayErrors: () => Promise.resolve(gateway) };
    const { findings } = await logCheck.run(subject({ inspected, askedAt: new Date(now) }), never);
    expect(findings).toMatchObject([{ severity: "error", title: expect.stringMatching(title) as string }]);
  });

  test("do not let a busy function's older, truncated log hide new lines", async () => {
    const now = Date.now();
    const line = (timestamp: number, message: string) => ({ timestamp, stream: "", message });
    const before = Array.from({ length: 1000 }, (_, index) => line(now - 900_000 + index, '{"level": "INFO"}'));
    const of = async (message: string) => {
      const log = (_: unknown, since: Date) =>
        Promise.resolve(since.getTime() > now - 60_000 ? [line(now, message)] : before);
      const verdict = await logCheck.run(subject({ inspected: { ...cloudOf(), log }, askedAt: new Date(now) }), never);
      return verdict.findings.map(({ title }) => title);
    };
    expect(await of('{"level": "INFO"}')).toEqual([]);
    expect(await of(error("AccessDeniedException"))).toEqual(["permission denied"]);
  });

  test("the error of the code before, whose instance was not gone yet, is less than what goes on", async () => {
    const now = Date.now();
    const before = { timestamp: now - 10_000, stream: "", message: error("speed.so: cannot open shared object file") };
    const goesOn = [8_000, 4_000, 0].map((ago) => {
      return { timestamp: now - ago, stream: "", message: error("KeyError: 'MESSAGES_TABLE'") };
    });
    const inspected = { ...cloudOf(), log: () => Promise.resolve([before, ...goesOn]) };
    const { findings } = await logCheck.run(subject({ inspected, askedAt: new Date(now - 11_000) }), never);
    expect(findings).toMatchObject([
      { title: "KeyError: 'MESSAGES_TABLE'", evidence: ["3 x KeyError: 'MESSAGES_TABLE'"] },
    ]);
  });

  test("what Lambda's runtime wrote for an application that logged an error names the error", async () => {
    const message = JSON.stringify({
      level: "ERROR",
      errorType: "TypeError",
      errorMessage: "'str' object is not callable",
    });
    const { findings } = await logCheck.run(subject({ inspected: cloudOf({ log: [message] }) }), never);
    expect(findings).toMatchObject([{ title: "TypeError: 'str' object is not callable" }]);
  });

  test("ignore lines without an error", async () => {
    const log = [JSON.stringify({ level: "INFO", message: "request", path: "/errors" })];
    expect((await logCheck.run(subject({ inspected: cloudOf({ log }) }), never)).findings).toEqual([]);
  });

  test("rank an old error below a current one, which alone names the cause", async () => {
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
  const api = (changed: { release?: string; status?: number; body?: unknown } = {}) => {
    return (_: IncomingMessage, response: ServerResponse) => {
      const headers = { "Content-Type": "application/json", "X-Release": changed.release ?? "c0de.c0f1" };
      response.writeHead(changed.status ?? 200, headers).end(JSON.stringify(changed.body ?? { status: "ok" }));
    };
  };
  const at = (apiUrl: string, frontendUrl?: string): CloudSubject =>
    subject({ outputs: { ...subject().outputs, apiUrl, frontendUrl } });

  test("an API that serves has no finding, and a latency", async () => {
    await serving(api(), async (url) => {
      const verdict = await apiCheck.run(at(url), never);
      expect(verdict).toMatchObject({ findings: [], answered: true, latencyMs: expect.any(Number) as number });
    });
  });

  test.each([
    ["a 500", { status: 500 }, apiCheck, "GET /api/ answers 500"],
    ["another release", { release: "0ld.c0f1" }, apiCheck, "release 0ld.c0f1 serves, c0de was deployed last"],
    ["another answer", { body: { status: "lost" } }, apiCheck, 'GET /api/ answers without {"status":"ok"}'],
  ])("%s is a finding", async (_, changed, check, title) => {
    await serving(api(changed), async (url) => {
      expect((await check.run(at(url), never)).findings).toMatchObject([{ title }]);
    });
  });

  test("no answer is a finding, with the reason", async () => {
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

  test("a page that answers proves nothing about a function on a schedule", async () => {
    await serving(
      (_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>"),
      async (url) => {
        const { fn } = subject();
        const verdict = await frontendCheck.run(
          { ...at(url, url), fn: { ...fn, kind: "schedule", probes: [] } },
          never,
        );
        expect(verdict).toMatchObject({ findings: [], answered: false });
      },
    );
  });

  test("an API that only accepts the frontend is probed through it", async () => {
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

  test("a private API by the settings is not probed further, and one that should be public is a finding", async () => {
    await serving(
      (request, response) => response.writeHead(request.url === "/" ? 200 : 403).end("<!doctype html>"),
      async (url) => {
        const of = at(url, url);
        const closed = { ...of, outputs: { ...of.outputs, public: false } };
        for (const check of [apiCheck, frontendCheck]) {
          const verdict = await check.run(closed, never);
          expect(verdict).toMatchObject({
            findings: [],
            summary: expect.stringMatching(/gcp\.function\.public is off/) as string,
          });
          expect((await check.run(of, never)).findings, check.id).toHaveLength(1);
        }
        expect((await apiCheck.run({ ...of, cloud: "gcp" }, never)).findings).toMatchObject([
          { title: "GET /api/ answers 403", cause: expect.stringMatching(/allUsers/) as string, next: "redeploy" },
        ]);
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

  test("files of the site that are gone or have other content are named, and nothing else", async () => {
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    const file = (key: string, text: string) => ({
      ...{ cloud: "aws" as const, key, algorithm: "sha256" as const, hash: sha256(text) },
    });
    const md5 = createHash("md5").update("script").digest("hex");
    const gone = { cloud: "aws" as const, key: "gone.js", algorithm: "md5" as const, hash: md5 };
    const deployed = [file("index.html", "page"), file("a/b c.css", "style"), gone];
    const other = { ...file("index.html", "another cloud's"), cloud: "gcp" as const };
    const served = new Map([
      ["/index.html", "page"],
      ["/a/b%20c.css", "changed"],
    ]);
    await serving(
      (request, response) => {
        const text = served.get(request.url ?? "");
        response.writeHead(text === undefined ? 403 : 200).end(text);
      },
      async (url) => {
        const look = () => siteCheck.run({ ...at(url, url), site: () => Promise.resolve([...deployed, other]) }, never);
        expect(await look()).toMatchObject({
          summary: "1 of 3 files as they were deployed",
          findings: [{ severity: "error", evidence: ["/a/b c.css: other content", "/gone.js: answers 403"] }],
        });
        served.set("/a/b%20c.css", "style").set("/gone.js", "script");
        expect((await look()).findings).toEqual([]);
      },
    );
  });

  test("a frontend without its page is a finding", async () => {
    await serving(api(), async (url) => {
      expect((await frontendCheck.run(at(url, url), never)).findings).toMatchObject([
        { title: "the frontend answers 200 without its page" },
      ]);
    });
  });
});
