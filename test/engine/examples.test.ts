import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "@pulumi/pulumi/automation";

import { runningCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import authors from "../../examples/authors";
import { LocalDeployment, type Outputs } from "./local-deployment";

const deployment = new LocalDeployment(["clouds=[aws]", "aws.frontend.enabled=false"]);
let outputs: Outputs;
let stack: Stack;

beforeAll(async () => {
  await deployment.restore();
  outputs = deployment.outputs();
  const cloud = await runningCloud(deployment.state);
  const engine = await findEngine(() => undefined);
  stack = await localStack({ engine, cloud, state: deployment.state, stack: "authors", program: authors });
  await stack.setConfig("environment", { value: "organization/multicloud-auto-deploy/staging" });
});

afterAll(() => deployment.end());

test("a second stack has its packages from the layer of the first, and reads the first's table", async () => {
  const { outputs: read, summary } = await stack.up();
  expect(summary.resourceChanges).toMatchObject({ create: 16 });
  for (const author of ["Ada", "Grace", "Ada"]) {
    const body = JSON.stringify({ content: "hello", author });
    const headers = { "content-type": "application/json" };
    expect((await fetch(`${outputs.aws.apiUrl}/api/messages/`, { method: "POST", headers, body })).status).toBe(201);
  }
  expect(await (await fetch(String(read.url?.value))).json()).toEqual({ Ada: 2, Grace: 1 });
});

test("its function serves behind an alias, and was asked before it did", () => {
  const aliases = deployment.resources("aws").filter(({ type }) => type === "aws:lambda/alias:Alias");
  const ofIt = aliases.filter(({ inputs }) => inputs.functionName === "authors-authors");
  expect(ofIt.map(({ inputs }) => [inputs.name, inputs.functionVersion]).sort()).toEqual([
    ["live", "1"],
    ["verified-1", "1"],
  ]);
});

test("it changes nothing by itself", async () => {
  expect((await stack.preview()).changeSummary).toEqual({ same: 16 });
});
