import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { CloudAddress } from "../../local/control";
import { nodeArguments } from "../../contract/form";
import { findPython, pythonEnvironment } from "../../layers/python";
import { startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { engineVariables } from "../../local/engine-environment";
import { engineFolder, engineVersion, goModule } from "../../local/engine-version";
import { localStack } from "../../local/stack";
import { UpdateLog } from "../../local/update-log";
import { runProcess } from "./installed-packages";

const checkout = path.join(__dirname, "..", "..");
const example = path.join(checkout, "examples", "python");
const state = mkdtempSync(path.join(tmpdir(), "plugin-"));
let plugin: ChildProcess;
let cloud: CloudAddress;

beforeAll(async () => {
  cloud = await startCloud(state, { attached: true, folder: example });
  // In the program's folder, in which the engine starts a plugin.
  plugin = spawn(process.execPath, nodeArguments(path.join(checkout, "plugin", "provider")), {
    cwd: example,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (plugin.stdout === null) throw new Error("the plugin has no standard output");
  // The engine reads the port from a plugin's first line.
  const [port] = (await once(createInterface(plugin.stdout), "line")) as [string];
  cloud = { ...cloud, providers: { ...cloud.providers, multicloud: Number(port) } };
});

afterAll(async () => {
  plugin.kill();
  await stopCloud(state);
  rmSync(state, { recursive: true });
});

/** A component in a program of another language: a token, and arguments that the engine passes to the plugin. */
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
  return localStack({ engine, cloud, state, stack: "plugin", program: () => Promise.resolve(program()) });
}

const application = path.join("..", "..", "template", "app");

test("constructs each of its components for a program in another language, by the real engine", async () => {
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
    "greeter-plugin-dependencies": expect.stringMatching(/^arn:aws:lambda:eu-west-1:/) as string,
  });
  expect(outputs.arn?.value).toMatch(/:layer:packages:1$/);
  expect((await stack.preview()).changeSummary).not.toHaveProperty("update");
  await stack.destroy();
});

test("reports a wrong argument to the program, with what is accepted", async () => {
  const stack = await stackOf(() => {
    const { url } = new Remote("AwsPythonApi", "greeter", { application, architecture: "sparc" });
    return { url };
  });
  const log = new UpdateLog(() => undefined, "planned");
  await expect(stack.preview({ onEvent: log.onEvent })).rejects.toThrow();
  expect(log.errors.join("\n")).toMatch(/aws\.architecture: expected one of x86_64, arm64 \(found "sparc"\)/);
});

const nightly = process.env.NIGHTLY !== undefined;
if (!nightly) console.warn("examples/python is deployed by an SDK from the schema at night: npm run test:nightly");

test.runIf(nightly)("deploys the program in Python, with the SDK that Pulumi makes of the schema", async () => {
  const fixture = path.join(__dirname, "fixtures", "python-sdk");
  const sdk = path.join(state, "sdk");
  const schema = path.join(checkout, "plugin", "schema.json");
  const made = await runProcess(goModule, ["run", path.join(fixture, "main.go"), schema, sdk], { program: "go" });
  expect(made.code, made.stderr).toBe(0);

  const requirements = path.join(example, "requirements.txt");
  const key = readFileSync(requirements, "utf8") + readFileSync(schema, "utf8");
  const install = ["--requirement", requirements, sdk];
  const python = await pythonEnvironment(await findPython("3.12"), key, install);
  const folder = path.join(state, "python");
  mkdirSync(folder);
  const engine = engineFolder(await engineVersion());
  const { code, stdout, stderr } = await runProcess(
    folder,
    [path.join(fixture, "run.py"), path.join(example, "__main__.py"), engine, folder],
    { program: python, env: engineVariables(state, cloud) },
  );
  expect(code, stderr).toBe(0);
  const { outputs, changes } = JSON.parse(stdout) as {
    outputs: { url: string; layers: Record<string, string>; packages: string };
    changes: Record<string, number>;
  };
  expect(await (await fetch(`${outputs.url}/?name=you`)).json()).toEqual({ hello: "you" });
  expect(Object.values(outputs.layers)).toEqual([expect.stringMatching(/^arn:aws:lambda:eu-west-1:/)]);
  expect(outputs.packages).toMatch(/:layer:greeter-packages:1$/);
  expect(Object.keys(changes)).toEqual(["same"]);
});
