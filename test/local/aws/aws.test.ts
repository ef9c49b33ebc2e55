import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";

import { bodyLimit } from "../../../local/aws/http-api";
import { Scheduler } from "../../../local/aws/scheduler";
import { accessKeyOf } from "../../../local/aws/resources";
import { versionOf } from "../../../local/aws/versions";
import { AwsEnvironment } from "./environment";

const echoed = z.object({
  event: z.record(z.string(), z.unknown()),
  greeting: z.string(),
  pid: z.number(),
  path: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
});

const soon = { timeout: 20_000 };

let aws: AwsEnvironment;
beforeAll(async () => {
  aws = await new AwsEnvironment().start();
  // The very first start installs the runtime's environment.
  await fetch(aws.apiUrl);
}, 120_000);
afterAll(() => aws.plane.close());

const get = (target: string, init?: RequestInit) => fetch(`${aws.apiUrl}${target}`, init);
const echo = async (target = "/") => echoed.parse(await (await get(target)).json());

/** Changes resources while `run` runs. */
async function changed<T>(
  type: string,
  id: string,
  inputs: Record<string, unknown>,
  run: () => Promise<T>,
): Promise<T> {
  const before = aws.resources.get(type, id)?.inputs;
  aws.change(type, id, inputs);
  try {
    return await run();
  } finally {
    aws.change(type, id, { ...Object.fromEntries(Object.keys(inputs).map((key) => [key, undefined])), ...before });
  }
}
const changedFunction = <T>(inputs: Record<string, unknown>, run: () => Promise<T>) =>
  changed("aws:lambda/function:Function", "api", inputs, run);

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const lastReport = () => {
  const messages = aws.log("/aws/lambda/api").map(({ message }) => message);
  return messages.findLast((message) => message.includes("platform.report"));
};

describe("a function behind an HTTP API", () => {
  it("receives the request, and its response reaches the client", async () => {
    const answer = await get("/x?y=1", { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
    expect(answer.status).toBe(200);
    expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const { event } = echoed.parse(await answer.json());
    expect(event).toMatchObject({
      version: "2.0",
      routeKey: "$default",
      rawPath: "/x",
      rawQueryString: "y=1",
      body: "{}",
    });
  });

  it("stays warm", async () => {
    expect((await echo()).pid).toBe((await echo()).pid);
  });

  it("sees its code, its layers, the runtime and the standard library, and nothing of this machine's", async () => {
    const { path: folders, environment } = await echo();
    const cache = /\/multicloud-auto-deploy\/(unpacked|python)\//;
    const foreign = folders.filter(
      (folder) => !cache.test(folder) && !/\/lib\/python[\d.]+(\.zip|\/lib-dynload)?$/.test(folder),
    );
    expect(foreign.filter((folder) => !/python3\d+\.zip$/.test(folder))).toEqual([]);
    expect(folders[0]).toBe(environment.LAMBDA_TASK_ROOT);
    expect(environment).toMatchObject({
      AWS_REGION: "ap-northeast-1",
      AWS_LAMBDA_FUNCTION_NAME: "api",
      AWS_ACCESS_KEY_ID: accessKeyOf("arn:aws:iam::123456789012:role/api"),
      MESSAGES_TABLE: "messages",
    });
    expect(environment).not.toHaveProperty("VITEST");
  });

  it("may set variables that Lambda does not reserve, and extend the search path", async () => {
    const variables = { TZ: "Asia/Tokyo", PATH: "/elsewhere", PYTHONPATH: "/more" };
    const {
      environment,
      path: folders,
      greeting,
    } = await changedFunction({ environment: { variables } }, () => echo());
    expect(environment).toMatchObject({ TZ: "Asia/Tokyo", PATH: "/elsewhere" });
    expect(folders).toContain("/more");
    expect(greeting).toBe("hello");
  });

  it("runs with another layer as soon as it is attached, and the old process ends", async () => {
    const { pid } = await echo();
    const id = String(aws.resources.list("aws:lambda/layerVersion:LayerVersion")[0]?.id);
    const layer = { code: aws.layer("good day") };
    const { greeting } = await changed("aws:lambda/layerVersion:LayerVersion", id, layer, () => echo());
    expect(greeting).toBe("good day");
    await vi.waitFor(() => {
      expect(isRunning(pid)).toBe(false);
    }, soon);
  });

  it("answers 500 without its layer, and its log says which module is missing", async () => {
    const answer = await changedFunction({ layers: [] }, () => get("/"));
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({ message: "Internal Server Error" });
    await vi.waitFor(() => {
      const messages = aws.log("/aws/lambda/api").map(({ message }) => message);
      expect(messages.join("\n")).toMatch(/No module named 'greeting'.*Runtime.ImportModuleError/);
    }, soon);
    expect(aws.log("/aws/apigateway/api").at(-1)?.message).toContain("No module named 'greeting'");
    expect((await get("/")).status).toBe(200);
  });

  it("is stopped at its timeout", async () => {
    const { status } = await changedFunction({ timeout: 1 }, async () => {
      await get("/");
      return get("/sleep/5");
    });
    expect(status).toBe(500);
    expect(lastReport()).toMatch(/"status":"timeout".*"Sandbox.Timedout"/);
  });

  it.each([
    ["/fail", "ValueError"],
    ["/leave", "Runtime.ExitError"],
  ])("answers 500 at %s, and the next request all the same", async (target, errorType) => {
    expect((await get(target)).status).toBe(500);
    expect(lastReport()).toContain(`"errorType":"${errorType}"`);
    expect((await get("/")).status).toBe(200);
  });

  it("answers 500 if its result is no response", async () => {
    expect((await get("/missing")).status).toBe(500);
  });

  it("takes several requests at once, and no more than its reserved concurrency", async () => {
    const both = () => Promise.all([get("/sleep/0.5"), get("/sleep/0.5")]);
    expect((await both()).map(({ status }) => status)).toEqual([200, 200]);
    const limited = await changedFunction({ reservedConcurrentExecutions: 1 }, both);
    expect(limited.map(({ status }) => status).sort()).toEqual([200, 500]);
  });

  it("is throttled even if its reserved concurrency exceeds this machine's limit", async () => {
    const all = () => Promise.all(Array.from({ length: 11 }, () => get("/sleep/1")));
    const limited = await changedFunction({ reservedConcurrentExecutions: 10 }, all);
    expect(limited.map(({ status }) => status).sort()).toEqual([...Array<number>(10).fill(200), 500]);
  });

  it("is started again if its process ended while idle", async () => {
    const { pid } = await echo();
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => {
      expect(isRunning(pid)).toBe(false);
    }, soon);
    expect((await get("/")).status).toBe(200);
  });

  it("answers 503 at the integration's timeout", async () => {
    const integration = ["aws:apigatewayv2/integration:Integration", "i1"] as const;
    const answer = await changed(...integration, { timeoutMilliseconds: 300 }, () => get("/sleep/1"));
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ message: "Service Unavailable" });
  });

  it.each([
    ["from another API", { sourceArn: "arn:aws:execute-api:ap-northeast-1:123456789012:other/*/*" }],
    ["for something else", { action: "lambda:GetFunction" }],
    ["of another function", { function: "other" }],
  ])("cannot be invoked with a permission %s", async (_, permission) => {
    const answer = await changed("aws:lambda/permission:Permission", "p1", permission, () => get("/"));
    expect(answer.status).toBe(500);
    expect(aws.log("/aws/apigateway/api").at(-1)?.message).toContain("permission");
  });

  it("is not invoked for requests that the API rejects", async () => {
    const tooLarge = await get("/", { method: "POST", body: Buffer.alloc(bodyLimit + 1) });
    expect(tooLarge.status).toBe(413);
    const stage = ["aws:apigatewayv2/stage:Stage", "$default"] as const;
    const throttled = await changed(
      ...stage,
      { defaultRouteSettings: { throttlingRateLimit: 1, throttlingBurstLimit: 0 } },
      () => get("/"),
    );
    expect([throttled.status, await throttled.json()]).toEqual([429, { message: "Too Many Requests" }]);
    const unknown = await changed("aws:apigatewayv2/route:Route", "r1", { routeKey: "GET /known" }, () => get("/"));
    expect([unknown.status, await unknown.json()]).toEqual([404, { message: "Not Found" }]);
  });
});

describe("versions and aliases", () => {
  const fn = "aws:lambda/function:Function";
  const alias = "aws:lambda/alias:Alias";
  const publishNow = () => {
    const current = aws.resources.get(fn, "api");
    if (current === undefined) throw new Error("there is no function");
    const { type, id, inputs, outputs } = versionOf(aws.resources, current);
    aws.resources.put(type, id, inputs, outputs);
    return outputs.version;
  };
  const greetingOf = async (qualifier: string) => {
    const answer = await aws.plane.invoke?.({ functionName: "api", qualifier, payload: '{"rawPath": "/"}' });
    const { body } = JSON.parse(answer?.payload ?? "") as { body: string };
    return echoed.parse(JSON.parse(body));
  };

  it("a version keeps its code, environment and layers when the function changes", async () => {
    expect(publishNow()).toBe("1");
    expect(publishNow()).toBe("1");
    const id = String(aws.resources.list("aws:lambda/layerVersion:LayerVersion")[0]?.id);
    await changed("aws:lambda/layerVersion:LayerVersion", id, { code: aws.layer("good day") }, () =>
      changedFunction({ environment: { variables: { MORE: "yes" } } }, async () => {
        expect(publishNow()).toBe("2");
        expect(await greetingOf("1")).toMatchObject({ greeting: "hello" });
        expect((await greetingOf("1")).environment).not.toHaveProperty("MORE");
        expect(await greetingOf("2")).toMatchObject({ greeting: "good day", environment: { MORE: "yes" } });
      }),
    );
    expect((await greetingOf("2")).environment).toMatchObject({ AWS_LAMBDA_FUNCTION_VERSION: "2" });
    await expect(greetingOf("3")).rejects.toThrow("Function not found: api:3");
  });

  it("an alias serves its version, and another one by weight", async () => {
    aws.resources.put(alias, "api:live", { name: "live", functionName: "api", functionVersion: "1" }, {});
    expect((await greetingOf("live")).environment).toMatchObject({ AWS_LAMBDA_FUNCTION_VERSION: "1" });
    const weights = (weight: number) => ({ routingConfig: { additionalVersionWeights: { 2: weight } } });
    expect(await changed(alias, "api:live", weights(1), () => greetingOf("live"))).toMatchObject({
      greeting: "good day",
    });
    expect(await changed(alias, "api:live", weights(0), () => greetingOf("live"))).toMatchObject({ greeting: "hello" });
  });
});

describe("a secret", () => {
  const name = "api/KEY";
  // The length that botocore requires of version ids.
  const [first, second] = ["1".repeat(32), "2".repeat(32)];
  const arn = `arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:${name}-ABCDEF`;
  const policy = ["aws:iam/rolePolicy:RolePolicy", "api:api"] as const;
  const ask = async (version = "") => {
    const answer = await get(`/secret/${encodeURIComponent(arn.replaceAll(":", "_"))}?${version}`);
    const text = await answer.text();
    return text.startsWith("{") ? (JSON.parse(text) as unknown) : text;
  };
  const readable = (resource: string) => ({
    policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: resource }],
    }),
  });

  beforeAll(() => {
    aws.resources.put("aws:secretsmanager/secret:Secret", arn, { name }, { arn });
    for (const [versionId, secretString] of [
      [first, "first"],
      [second, "second"],
    ]) {
      aws.resources.put(
        "aws:secretsmanager/secretVersion:SecretVersion",
        `${arn}|${String(versionId)}`,
        { secretId: arn, secretString },
        { versionId, createdDate: "2026-01-01T00:00:00Z" },
      );
    }
  });

  it("can be read by a function whose role allows it: the newest version, or a given one", async () => {
    await changed(...policy, readable(arn), async () => {
      expect(await ask()).toBe("second");
      expect(await ask(first)).toBe("first");
      expect(await ask("0".repeat(32))).toMatchObject({ Code: "ResourceNotFoundException" });
    });
  });

  it("is denied to another", async () => {
    const denied = { Code: "AccessDeniedException", Message: expect.stringContaining(arn) as string };
    expect(await ask()).toMatchObject(denied);
    expect(await changed(...policy, readable(`${arn}X`), () => ask())).toMatchObject(denied);
  });
});

describe("a schedule", () => {
  const functionArn = "arn:aws:lambda:ap-northeast-1:123456789012:function:api";
  const roleArn = "arn:aws:iam::123456789012:role/schedule";
  let scheduler: Scheduler;
  beforeAll(() => {
    aws.resources.put("aws:iam/role:Role", "schedule", { name: "schedule" }, { arn: roleArn });
    aws.resources.put(
      "aws:scheduler/schedule:Schedule",
      "default/hourly",
      { scheduleExpression: "rate(1 hour)", target: { arn: functionArn, roleArn } },
      { arn: "arn:aws:scheduler:ap-northeast-1:123456789012:schedule/default/hourly" },
    );
    const plane = aws.plane.types["aws:scheduler/schedule:Schedule"];
    if (!(plane instanceof Scheduler)) throw new Error("schedules have no data plane");
    scheduler = plane;
  });

  it("invokes nothing that its role does not allow", async () => {
    await expect(scheduler.run("default/hourly")).rejects.toThrow(/role\/schedule is not authorized/);
  });

  it("invokes the function with its event", async () => {
    aws.resources.put("aws:iam/rolePolicy:RolePolicy", "schedule:schedule", {
      role: "schedule",
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "lambda:InvokeFunction", Resource: functionArn }],
      }),
    });
    const before = aws.log("/aws/lambda/api").length;
    await scheduler.run("default/hourly");
    expect(aws.log("/aws/lambda/api").length).toBeGreaterThan(before);
    expect(lastReport()).toContain('"status":"success"');
  });

  it("is run by hand as well", async () => {
    const invoked = await aws.plane.invoke?.({ functionName: "api", payload: '{"rawPath": "/sleep/0"}' });
    expect(invoked).toMatchObject({ payload: '"slept"', failed: false });
    const failing = await aws.plane.invoke?.({ functionName: "api", payload: '{"rawPath": "/fail"}' });
    expect(failing).toMatchObject({ failed: true, payload: expect.stringContaining("ValueError") as string });
  });
});

describe("the table", () => {
  it("keeps what the function puts, over a restart", async () => {
    expect(await (await get("/table/put?1")).json()).toEqual(["1"]);
    await aws.plane.close();
    await aws.restart();
    expect(await (await get("/table/put?2")).json()).toEqual(["1", "2"]);
  });

  it("denies what the function's role does not allow", async () => {
    const denial = await (await get("/table/scan")).text();
    expect(denial).toContain("AccessDeniedException");
    expect(denial).toContain("is not authorized to perform: dynamodb:Scan on resource: arn:aws:dynamodb:");
    const policy = ["aws:iam/rolePolicy:RolePolicy", "api:api"] as const;
    const none = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    const answer = await changed(...policy, { policy: none }, () => get("/table/query"));
    expect(await answer.json()).toMatchObject({ Code: "AccessDeniedException" });
  });

  it("is empty after it was deleted and created again", async () => {
    const table = aws.resources.get("aws:dynamodb/table:Table", "messages");
    const plane = aws.plane.types["aws:dynamodb/table:Table"];
    if (!table || !plane?.remove) throw new Error("the table has no data plane");
    await plane.remove(table);
    expect(await (await get("/table/query")).json()).toMatchObject({ Code: "ResourceNotFoundException" });
    await plane.start(table);
    expect(await (await get("/table/query")).json()).toEqual([]);
  });
});

describe("the distribution", () => {
  const site = (target: string, init?: RequestInit) => fetch(`${aws.siteUrl}${target}`, init);

  it.each([
    ["GET", "/", 200, "text/html; charset=utf-8"],
    ["GET", "/index.html", 200, "text/html; charset=utf-8"],
    ["GET", "/deep/link?x=1", 200, "text/html; charset=utf-8"],
    ["GET", "/logo.png", 200, "image/png"],
    ["HEAD", "/logo.png", 200, "image/png"],
    ["GET", "/missing.js", 404, "application/xml"],
    ["POST", "/", 403, "text/html; charset=utf-8"],
    ["GET", "/api/messages", 200, "application/json"],
    ["DELETE", "/api/messages", 200, "application/json"],
  ])("answers %s %s with %i and %s", async (method, target, status, type) => {
    const answer = await site(target, { method });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([status, type]);
    if (status !== 403) expect(answer.headers.get("strict-transport-security")).toBe("max-age=60; includeSubDomains");
  });

  it("forwards everything to the API except the viewer's host", async () => {
    const answer = await site("/api/x%20y?a=1", {
      method: "POST",
      body: "text",
      headers: { "x-custom": "1", "content-type": "text/plain" },
    });
    const { event } = echoed.parse(await answer.json());
    expect(event).toMatchObject({
      rawPath: "/api/x y",
      rawQueryString: "a=1",
      body: "text",
      headers: { "x-custom": "1", host: new URL(aws.apiUrl).host },
    });
  });

  it("compresses the site and not the API, and answers 304 for an unchanged copy", async () => {
    const page = await site("/", { headers: { "accept-encoding": "br, gzip" } });
    expect(page.headers.get("content-encoding")).toBe("br");
    expect(await page.text()).toContain("<title>page</title>");
    const etag = page.headers.get("etag") ?? "";
    const again = await site("/", { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect((await site("/api/", { headers: { "accept-encoding": "br" } })).headers.has("content-encoding")).toBe(false);
  });

  it.each([
    ["the bucket's policy allows it", "aws:s3/bucketPolicy:BucketPolicy", "site", { policy: '{"Statement":[]}' }],
    [
      "it signs its requests",
      "aws:cloudfront/originAccessControl:OriginAccessControl",
      "oac",
      { signingBehavior: "never" },
    ],
  ])("reads the bucket only where %s", async (_, type, id, inputs) => {
    expect((await changed(type, id, inputs, () => site("/"))).status).toBe(403);
  });

  it("answers 502 if the API's origin does not exist", async () => {
    const api = aws.plane.types["aws:apigatewayv2/api:Api"];
    await api?.stop("a1");
    expect((await site("/api/")).status).toBe(502);
    const resource = aws.resources.get("aws:apigatewayv2/api:Api", "a1");
    if (resource) await api?.start(resource);
    expect((await site("/api/")).status).toBe(200);
  });
});
