import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import * as pulumi from "@pulumi/pulumi";
import type { Stack } from "@pulumi/pulumi/automation";
import { afterAll, beforeAll, expect, test } from "vitest";

import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import { copyOfCheckout, execute, LocalDeployment } from "./local-deployment";

const deployment = new LocalDeployment(["clouds=[aws]", "aws.frontend.enabled=false"]);
const layerName = "multicloud-auto-deploy-staging-dependencies";
const functionName = "function multicloud-auto-deploy-staging-api";
let consumer: Stack;

/** A deployment, another stack that uses the ARN of its layer, and then a changed pin. */
beforeAll(async () => {
  await deployment.restore();
  const engine = await findEngine(() => undefined);
  const program = () => {
    const deployed = new pulumi.StackReference("organization/multicloud-auto-deploy/staging");
    const arns = deployed.requireOutput("layerArns") as pulumi.Output<Record<string, string>>;
    return Promise.resolve({ layer: arns.apply((found) => found[layerName]) });
  };
  consumer = await localStack({ engine, state: deployment.state, stack: "consumer", program });
  await consumer.up();

  const copy = copyOfCheckout();
  try {
    const requirements = path.join(copy, "application", "requirements", "aws.in");
    const { layers } = deployment.outputs();
    const version = layers[layerName]?.packages.mangum ?? "";
    writeFileSync(requirements, readFileSync(requirements, "utf8").replace(/^mangum.*$/m, `mangum<${version}`));
    const lock = await execute([path.join(copy, "cli", "layer.ts"), "lock", "--target", "aws"], copy);
    expect(lock.code, lock.stderr).toBe(0);
    const up = await deployment.run(["up", "--detach"], { checkout: copy });
    expect(up.code, up.stderr).toBe(0);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

afterAll(() => deployment.end());

interface Version {
  readonly version: number;
  readonly sha256: string;
  readonly size: number;
  readonly usedBy: readonly string[];
}

async function layer(...args: string[]): Promise<Version[]> {
  const checkout = path.join(__dirname, "..", "..");
  const run = await execute(["cli/layer.ts", ...args, "--local", deployment.state, "--json"], checkout);
  expect(run.code, run.stderr).toBe(0);
  return JSON.parse(run.stdout) as Version[];
}

const numbers = (versions: readonly Version[]) => versions.map(({ version }) => version);

test("versions lists the current and the former one, with the users of each", async () => {
  const [current, former, ...others] = await layer("versions");
  const { sha256, size } = deployment.outputs().layers[layerName] ?? {};
  expect(others).toEqual([]);
  expect(current).toMatchObject({ version: 2, sha256, size });
  expect(current?.usedBy.map((name) => name.replace(/organization\/.*\//, ""))).toEqual([
    "stack staging",
    functionName,
    `${functionName}:2`,
  ]);
  expect(former).toMatchObject({ version: 1 });
  expect(former?.sha256).not.toBe(sha256);
  expect(former?.usedBy.map((name) => name.replace(/organization\/.*\//, ""))).toEqual([
    "stack consumer",
    `${functionName}:1`,
  ]);
});

test("a published version is inspected by its ARN", async () => {
  const { layers, layerArns } = deployment.outputs();
  const arn = layerArns[layerName] ?? "";
  const [manifest] = (await layer("inspect", arn)) as readonly { readonly sha256: string }[];
  expect(manifest?.sha256).toBe(layers[layerName]?.sha256);
  const unknown = `${arn}0`;
  await expect(layer("inspect", unknown)).rejects.toThrow(`there is no layer version ${unknown}`);
});

test("prune keeps a version that another stack still uses", async () => {
  expect(await layer("prune", "--keep", "0")).toEqual([]);
  expect(numbers(await layer("versions"))).toEqual([2, 1]);
});

test("prune deletes unused versions, and the API still answers", async () => {
  await consumer.destroy();
  expect(numbers(await layer("prune", "--keep", "2"))).toEqual([]);
  expect(numbers(await layer("prune", "--keep", "1", "--dry-run"))).toEqual([1]);
  expect(numbers(await layer("versions"))).toEqual([2, 1]);

  expect(numbers(await layer("prune", "--keep", "1"))).toEqual([1]);
  expect(numbers(await layer("versions"))).toEqual([2]);
  const { aws } = deployment.outputs();
  expect((await fetch(`${aws.apiUrl}/api/messages/`)).status).toBe(200);
});

test("a local cloud that is not running is pruned in its state folder", async () => {
  await deployment.run(["stop"]);
  expect(await layer("prune", "--keep", "0")).toEqual([]);
  await deployment.run(["destroy"]);
  expect(numbers(await layer("prune", "--keep", "0", "--region", "ap-northeast-1"))).toEqual([2]);
  expect(await layer("versions", "--region", "ap-northeast-1")).toEqual([]);
});
