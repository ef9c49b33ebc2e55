import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Stack } from "@pulumi/pulumi/automation";

import { changeCaller, runningCloud } from "../../local/cloud-process";
import { identitiesStack, tokenOf } from "../../local/identities";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import authors from "../../examples/authors";
import orders from "../../examples/orders";
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

test("a second stack uses the layer of the first, and reads its table", async () => {
  const { outputs: read, summary } = await stack.up();
  expect(summary.resourceChanges).toMatchObject({ create: 16 });
  for (const author of ["Ada", "Grace", "Ada"]) {
    const body = JSON.stringify({ content: "hello", author });
    const headers = { "content-type": "application/json" };
    expect((await fetch(`${outputs.aws.apiUrl}/api/messages/`, { method: "POST", headers, body })).status).toBe(201);
  }
  expect(await (await fetch(String(read.url?.value))).json()).toEqual({ Ada: 2, Grace: 1 });
});

test("its function serves behind an alias, and was probed before", () => {
  const aliases = deployment.resources("aws").filter(({ type }) => type === "aws:lambda/alias:Alias");
  const ofIt = aliases.filter(({ inputs }) => inputs.functionName === "authors-authors");
  expect(ofIt.map(({ inputs }) => [inputs.name, inputs.functionVersion]).sort()).toEqual([
    ["live", "1"],
    ["verified-1", "1"],
  ]);
});

test("it shows no change in a preview", async () => {
  expect((await stack.preview()).changeSummary).toEqual({ same: 16 });
});

describe("a program with a queue", () => {
  let ordersStack: Stack;
  let addresses: Record<"url" | "queueUrl" | "failedUrl", string>;

  beforeAll(async () => {
    const [cloud, engine] = await Promise.all([runningCloud(deployment.state), findEngine(() => undefined)]);
    ordersStack = await localStack({ engine, cloud, state: deployment.state, stack: "orders", program: orders });
    // With the identity that bootstrap/ creates for this other project.
    const of = { project: "orders", region: "eu-west-1" };
    if (cloud === undefined) throw new Error("the local clouds do not run");
    const bootstrap = await identitiesStack({ engine, cloud, state: deployment.state, stack: "orders", of });
    const { outputs: made } = await bootstrap.up();
    const { permissionsBoundary } = made.aws?.value as { permissionsBoundary: string };
    await ordersStack.setConfig("permissionsBoundary", { value: permissionsBoundary });
    await changeCaller(cloud, { token: tokenOf("deploy", "orders"), region: of.region });
    const { outputs: read } = await ordersStack.up();
    const valueOf = (key: string) => String(read[key]?.value);
    addresses = { url: valueOf("url"), queueUrl: valueOf("queueUrl"), failedUrl: valueOf("failedUrl") };
  });

  const written = async () => (await fetch(addresses.url)).json();
  const action = (queue: string, fields: Record<string, string>) =>
    fetch(queue, { method: "POST", body: new URLSearchParams(fields) });

  test("passes each message of the queue to the function, sent over the API or by hand", async () => {
    const accepted = await fetch(addresses.url, { method: "POST", body: JSON.stringify({ id: "from the API" }) });
    expect(accepted.status).toBe(202);
    const MessageBody = JSON.stringify({ id: "by hand" });
    expect((await action(addresses.queueUrl, { Action: "SendMessage", MessageBody })).status).toBe(200);
    await vi.waitFor(
      async () => {
        expect(await written()).toEqual(["by hand", "from the API"]);
      },
      { timeout: 60_000, interval: 200 },
    );
  });

  test("shows no change in a preview", async () => {
    const { changeSummary } = await ordersStack.preview();
    expect(Object.keys(changeSummary)).toEqual(["same"]);
  });
});
