import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { CloudAddress } from "../../local/control";
import { nodeArguments } from "../../contract/form";
import { startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import { UpdateLog } from "../../local/update-log";

const checkout = path.join(__dirname, "..", "..");
const state = mkdtempSync(path.join(tmpdir(), "plugin-"));
let plugin: ChildProcess;
let cloud: CloudAddress;

beforeAll(async () => {
  cloud = await startCloud(state, { attached: true });
  plugin = spawn(process.execPath, nodeArguments(path.join("plugin", "provider")), {
    cwd: checkout,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (plugin.stdout === null) throw new Error("the plugin has no standard output");
  // As every plugin tells the engine.
  const [port] = (await once(createInterface(plugin.stdout), "line")) as [string];
  cloud = { ...cloud, providers: { ...cloud.providers, multicloud: Number(port) } };
});

afterAll(async () => {
  plugin.kill();
  await stopCloud(state);
  rmSync(state, { recursive: true });
});

/** A component as a program in another language has it: a token, and arguments that the engine hands to the plugin. */
class Remote extends pulumi.ComponentResource {
  declare readonly url: pulumi.Output<string>;
  declare readonly arn: pulumi.Output<string>;
  declare readonly layerArns: pulumi.Output<Record<string, string>>;

  constructor(component: string, name: string, args: pulumi.Inputs) {
    const outputs = { url: undefined, arn: undefined, layerArns: undefined };
    super(`multicloud:index:${component}`, name, { ...args, ...outputs }, {}, true);
  }
}

async function stackOf(program: () => Record<string, unknown>) {
  const engine = await findEngine(() => undefined);
  return localStack({ engine, cloud, state, stack: "python", program: () => Promise.resolve(program()) });
}

test("constructs each of its components for a program in another language, by the real engine", async () => {
  const application = path.join("template", "app");
  const stack = await stackOf(() => {
    const common = { application, environment: { GREETING: "hello" } };
    const aws = new Remote("AwsPythonApi", "greeter", { ...common, region: "eu-west-1", memorySize: 512 });
    const azure = new Remote("AzurePythonApi", "greeter", { ...common, smokeCheck: false });
    const gcp = new Remote("GcpPythonApi", "greeter", { ...common, project: "greeter-1", smokeCheck: false });
    const layer = new Remote("PythonLayer", "packages", { application, layerName: "packages" });
    return { urls: [aws.url, azure.url, gcp.url], layers: aws.layerArns, arn: layer.arn };
  });
  const { outputs } = await stack.up();
  for (const url of outputs.urls?.value as string[]) {
    expect(await (await fetch(`${url}/?name=you`)).json()).toEqual({ hello: "you" });
  }
  expect(outputs.layers?.value).toEqual({
    "greeter-python-dependencies": expect.stringMatching(/^arn:aws:lambda:eu-west-1:/) as string,
  });
  expect(outputs.arn?.value).toMatch(/:layer:packages:1$/);
  expect((await stack.preview()).changeSummary).not.toHaveProperty("update");
  await stack.destroy();
});

test("tells a program of an argument that is wrong, and of what is accepted", async () => {
  const stack = await stackOf(() => {
    const { url } = new Remote("AwsPythonApi", "greeter", {
      application: path.join("template", "app"),
      architecture: "sparc",
    });
    return { url };
  });
  const log = new UpdateLog(() => undefined, "planned");
  await expect(stack.preview({ onEvent: log.onEvent })).rejects.toThrow();
  expect(log.errors.join("\n")).toMatch(/aws\.architecture: expected one of x86_64, arm64 \(found "sparc"\)/);
});
