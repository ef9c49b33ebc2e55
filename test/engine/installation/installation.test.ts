import { rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { startCloud, stopCloud } from "../../../local/cloud-process";
import { findEngine } from "../../../local/engine";
import { localStack } from "../../../local/stack";
import { runProcess } from "../installed-packages";
import { copyOfCheckout, execute, LocalDeployment } from "../local-deployment";

/**
 * A checkout with a deployment's installation: without the development dependencies, which only the local clouds need.
 */
const checkout = copyOfCheckout({ development: false });
const { state } = new LocalDeployment([]);

beforeAll(async () => {
  if (process.env.NIGHTLY === undefined) {
    console.warn("the packages are those that the lock marks; npm installs them at night: npm run test:nightly");
    return;
  }
  rmSync(path.join(checkout, "node_modules"), { recursive: true });
  const args = ["ci", "--omit=dev", "--prefer-offline", "--no-audit", "--no-fund"];
  const { code, stderr } = await runProcess(checkout, args, { program: "npm" });
  expect(code, stderr).toBe(0);
});

afterAll(async () => {
  await stopCloud(state);
  for (const folder of [checkout, state]) rmSync(folder, { recursive: true, force: true });
});

test("has no development dependency", async () => {
  const run = await execute(["--eval", "require('yaml')"], checkout);
  expect(run.stderr).toContain("Cannot find module 'yaml'");
});

test("the program runs on the real engine", async () => {
  const engine = await findEngine(() => undefined);
  const cloud = await startCloud(state, { attached: true });
  const { workspace } = await localStack({ engine, cloud, state, stack: "staging" });
  const bin = path.dirname(path.dirname(engine.command));
  const args = ["test/engine/installation/preview.ts", bin, workspace.workDir, "staging"];
  const run = await execute(args, checkout, workspace.envVars);
  expect(run.stderr).toBe("");
  expect(JSON.parse(run.stdout)).toEqual({ create: expect.toSatisfy((count: number) => count > 100) as number });
});

test.each(["layer", "diagnose", "preview-comment"])("so does the command %s", async (command) => {
  expect(await execute([`cli/${command}.ts`, "--help"], checkout)).toMatchObject({ code: 0, stderr: "" });
});

test("so does the smoke check, also after a failure", async () => {
  const server = createServer((_, response) => response.writeHead(500).end("broken"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const probes = JSON.stringify([{ path: "/api/", status: 200 }]);
  const environment = {
    CLOUD: "aws",
    ADDRESS: `http://127.0.0.1:${port}`,
    PATIENCE: "1",
    OUTPUTS: "{}",
    PROBES: probes,
  };
  const run = await execute(["cli/smoke-check.ts"], checkout, environment);
  server.close();
  expect(run).toMatchObject({ code: 1, stderr: `GET http://127.0.0.1:${port}/api/ answers 500, not 200: broken\n` });
});
