import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";
import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ApiFunction } from "../../components/aws/api-function";
import { HttpApi } from "../../components/aws/http-api";
import { DependencyLayer } from "../../components/dependency-layer";
import type { CloudAddress } from "../../local/control";
import { startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import { UpdateLog } from "../../local/update-log";
import { layerBundle } from "../components/bundles";
import { type Load, underLoad } from "./load";

/** The inputs of one deployment. */
interface Release {
  /** The function's module. */
  readonly code: string;
  readonly handler: string;
  /** The modules in its layer. */
  readonly layer: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly memorySize: number;
  readonly timeout: number;
  /** The code part of the release. */
  readonly release: string;
  readonly snapStart?: boolean;
}

const answering = (body: string, release: string, before = "") => `
import os
import greeting
${before}

def handler(event, context):
    headers = {"x-release": "${release}." + os.environ["MULTICLOUD_RELEASE"]}
    return {"statusCode": 200, "headers": headers, "body": greeting.text + " ${body}"}
`;

const first: Release = {
  code: answering("one", "r1"),
  handler: "main.handler",
  layer: { "python/greeting.py": "text = 'hello'\n" },
  environment: {},
  memorySize: 512,
  timeout: 2,
  release: "r1",
};
/** Changed code, which must not serve before it has been verified. */
const changed = (before: string, overrides: Partial<Release> = {}): Release => ({
  ...first,
  code: answering("faulty", "r2", before),
  release: "r2",
  ...overrides,
});

const endingHandler = `
answered = []

def handler(event, context):
    if answered:
        os._exit(3)
    answered.append(event)`;

const folder = mkdtempSync(path.join(tmpdir(), "releases-"));
const state = path.join(folder, "state");
let cloud: CloudAddress;

beforeAll(async () => {
  cloud = await startCloud(state, { attached: true });
});

afterAll(async () => {
  await stopCloud(state);
  rmSync(folder, { recursive: true });
});

let zips = 0;
function zipped(files: Readonly<Record<string, string>>): string {
  const file = path.join(folder, `${(zips += 1)}.zip`);
  // The same content gives the same file, as in the builder.
  const options = { mtime: new Date("2026-01-01T00:00:00Z") };
  writeFileSync(
    file,
    zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, [Buffer.from(text), options]]))),
  );
  return file;
}

/**
 * @param isFormer whether to deploy as release 3.0.0 did: no published version, and the API calls the function itself.
 */
async function stackOf(name: string, { code, layer, ...release }: Release, isFormer = false) {
  const program = () => {
    const dependencies = new DependencyLayer(name, {
      layerName: name,
      bundle: { ...layerBundle(), path: zipped(layer) },
    });
    const fn = new ApiFunction(name, {
      ...release,
      functionName: name,
      code: new pulumi.asset.FileArchive(zipped({ "main.py": code })),
      layers: [dependencies],
      verified: !isFormer,
      ...(isFormer && { transform: { function: (args: lambda.FunctionArgs) => ({ ...args, publish: false }) } }),
    });
    const { functionName, arn, function: itself } = fn;
    const invocation = isFormer ? { functionName, arn, invokeArn: itself.invokeArn } : fn.invocation;
    const api = new HttpApi(name, { apiName: name, functions: [{ name, routes: ["/*"], invocation }] });
    return Promise.resolve({ url: api.url });
  };
  const engine = await findEngine((line) => process.stderr.write(`${line}\n`));
  return localStack({ engine, cloud, state, stack: name, program });
}

/** Deploys; returns the API's address, or the error that a user sees. */
async function deploy(name: string, release: Release, isFormer = false): Promise<{ url: string } | { errors: string }> {
  const stack = await stackOf(name, release, isFormer);
  const log = new UpdateLog(() => undefined, "done");
  try {
    const { outputs } = await stack.up({ onEvent: log.onEvent });
    return { url: String(outputs.url?.value) };
  } catch {
    return { errors: log.errors.join("\n") };
  }
}

function report(name: string, { asked, failed, slowest }: Load): void {
  console.log(`${name}: ${asked} requests asked, ${failed.length} failed, the slowest took ${slowest} ms`);
}

describe("an update that does not serve leaves the previous version serving, and names the cause", () => {
  let url = "";
  beforeAll(async () => {
    const deployed = await deploy("faulty", first);
    if ("errors" in deployed) throw new Error(deployed.errors);
    ({ url } = deployed);
  });

  test.each<[string, Release, RegExp]>([
    ["a missing module", changed("import absent"), /missing module absent/],
    ["an error at import", changed("raise RuntimeError('at import')"), /RuntimeError: at import/],
    ["another handler", changed("", { handler: "main.other" }), /HandlerNotFound.*other/],
    ["another module", changed("", { handler: "absent.handler" }), /missing module absent|No module named 'absent'/],
    ["a variable that is not there", changed("os.environ['ABSENT']"), /KeyError: 'ABSENT'/],
    ["a layer without the module", changed("", { layer: { "python/other.py": "" } }), /missing module greeting/],
    ["the answer of an older release", { ...first, release: "r2" }, /as release r1\..*, not as r2\./],
    ["an answer that takes too long", changed("import time; time.sleep(20)", { timeout: 1 }), /timeout/],
    [
      "an end after the first answer",
      { ...changed(""), code: answering("faulty", "r2").replace("def handler(event, context):", endingHandler) },
      /Runtime exited/,
    ],
    [
      "a status that is no success",
      { ...changed(""), code: "def handler(*_):\n    return {'statusCode': 500}\n" },
      /with 500, not 200/,
    ],
  ])("%s", async (name, release, cause) => {
    const { result, load } = await underLoad(url, () => deploy("faulty", release));
    report(name, load);
    expect(result).toEqual({ errors: expect.stringMatching(cause) as string });
    expect(load.failed).toEqual([]);
    expect(load.asked).toBeGreaterThan(20);
    expect(load.bodies).toEqual(["hello one"]);
  });

  test("the next, corrected update succeeds", async () => {
    const mended = { ...first, code: answering("mended", "r3"), release: "r3" };
    const { result, load } = await underLoad(url, () => deploy("faulty", mended));
    report("a mended update", load);
    expect(result).toEqual({ url });
    expect(load.failed).toEqual([]);
    expect(load.bodies).toEqual(["hello one", "hello mended"]);
    const again = await (await stackOf("faulty", mended)).preview();
    expect(Object.keys(again.changeSummary)).toEqual(["same"]);
  });
});

describe("an update that serves is visible at once, and no request fails", () => {
  let url = "";
  beforeAll(async () => {
    const deployed = await deploy("fine", first);
    if ("errors" in deployed) throw new Error(deployed.errors);
    ({ url } = deployed);
  });

  test.each<[string, Release, string[]]>([
    ["code", { ...first, code: answering("two", "r2"), release: "r2" }, ["hello one", "hello two"]],
    [
      "a layer, and the code that needs it",
      {
        ...first,
        layer: { "python/greeting.py": "text = 'good day'\n", "python/more.py": "" },
        code: answering("three", "r3", "import more"),
        release: "r3",
      },
      ["hello two", "good day three"],
    ],
    [
      "memory, environment and timeout",
      {
        ...first,
        code: answering("three", "r3"),
        release: "r3",
        memorySize: 1024,
        timeout: 3,
        environment: { MORE: "yes" },
      },
      ["good day three", "hello three"],
    ],
    ["SnapStart on", { ...first, code: answering("three", "r3"), release: "r3", snapStart: true }, ["hello three"]],
    ["SnapStart off", { ...first, code: answering("four", "r4"), release: "r4" }, ["hello three", "hello four"]],
  ])("%s", async (name, release, bodies) => {
    const { result, load } = await underLoad(url, () => deploy("fine", release));
    report(name, load);
    expect(result).toEqual({ url });
    expect(load.failed).toEqual([]);
    // The previous version may send the last response.
    expect([...new Set(load.bodies)]).toEqual(bodies);
  });
});

test("a first deployment that does not serve fails with its cause, and the next one succeeds", async () => {
  expect(await deploy("new", changed("import absent"))).toEqual({
    errors: expect.stringMatching(/missing module absent/) as string,
  });
  const deployed = await deploy("new", first);
  expect(deployed).toMatchObject({ url: expect.stringMatching(/^http/) as string });
  expect(await (await fetch("url" in deployed ? deployed.url : "")).text()).toBe("hello one");
});

test("a version whose snapshot failed is published again by a later update, once its cause is corrected", async () => {
  const serving = { ...first, snapStart: true };
  const deployed = await deploy("snapshot", serving);
  const url = "url" in deployed ? deployed.url : "";
  const outside = path.join(folder, "outside");
  const code = answering("two", "r2", `open(${JSON.stringify(outside)})`);
  const wanting: Release = { ...first, code, release: "r2", snapStart: true };

  const { result, load } = await underLoad(url, async () => [
    await deploy("snapshot", wanting),
    await deploy("snapshot", wanting),
  ]);
  report("a version without a snapshot", load);
  expect(result).toEqual([
    { errors: expect.stringMatching(/version publish: unexpected state 'Failed'.*No such file/s) as string },
    { errors: expect.stringMatching(/has no snapshot, since it cannot start.*No such file/s) as string },
  ]);
  expect(load.failed).toEqual([]);
  expect(load.bodies).toEqual(["hello one"]);

  writeFileSync(outside, "");
  expect(await deploy("snapshot", wanting)).toEqual({ url });
  expect(await (await fetch(url)).text()).toBe("hello two");
  const again = await (await stackOf("snapshot", wanting)).preview();
  expect(Object.keys(again.changeSummary)).toEqual(["same"]);
});

test("a stack of release 3.0.0 serves its old code until a version was verified, whatever its first update changes", async () => {
  const deployed = await deploy("former", first, true);
  const url = "url" in deployed ? deployed.url : "";
  const refused = await underLoad(url, () => deploy("former", changed("raise RuntimeError('at import')")));
  report("a first update that does not serve", refused.load);
  expect(refused.result).toEqual({ errors: expect.stringMatching(/RuntimeError: at import/) as string });
  expect(refused.load.failed).toEqual([]);
  expect(refused.load.bodies).toEqual(["hello one"]);

  const fine = await underLoad(url, () => deploy("former", { ...first, code: answering("two", "r2"), release: "r2" }));
  report("the next, which does", fine.load);
  expect(fine.result).toEqual({ url });
  expect(fine.load.failed).toEqual([]);
  expect(fine.load.bodies).toEqual(["hello one", "hello two"]);
});
