import path from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { startCloud, stopCloud } from "../../local/cloud-process";
import { ResourceStore, type StoredResource } from "../../local/store";
import type { Report } from "../../operations/diagnose/report";
import { LocalDeployment, type Run } from "./local-deployment";

const deployment = new LocalDeployment(["clouds=[aws]"]);

beforeAll(() => deployment.up());

afterAll(() => deployment.end());

/** One look by the command line, as whoever is on call takes it. */
async function look(...flags: string[]): Promise<{ run: Run; report: Report }> {
  const run = await deployment.run(["diagnose", "--json", ...flags]);
  if (run.stdout === "") throw new Error(`diagnose printed no report:\n${run.stderr}`);
  return { run, report: JSON.parse(run.stdout) as Report };
}

/** Changes what a cloud has behind the engine's back. */
async function behind(cloud: string, change: (store: ResourceStore) => void): Promise<void> {
  await stopCloud(deployment.state);
  change(new ResourceStore(path.join(deployment.state, cloud)));
  await startCloud(deployment.state, { attached: false });
}

function only(store: ResourceStore, type: string): StoredResource {
  const [resource, ...others] = store.list(type);
  if (resource === undefined || others.length > 0) throw new Error(`expected one ${type}, found ${others.length + 1}`);
  return resource;
}

const failed = (report: Report) => report.results.filter(({ status }) => status === "failed");

test("what was just deployed is healthy", async () => {
  const { run, report } = await look("--drift");
  expect(report.results.map(({ status, findings }) => ({ status, findings }))).toEqual(
    report.results.map(() => ({ status: "passed", findings: [] })),
  );
  expect(run.code).toBe(0);
});

test("a layer that was detached is named before the 500 that comes of it, and a refresh attaches it again", async () => {
  await behind("aws", (store) => {
    const fn = only(store, "aws:lambda/function:Function");
    store.put({ ...fn, inputs: { ...fn.inputs, layers: [] } });
  });
  const { run, report } = await look("--drift");
  expect(run.code).toBe(1);
  const [first] = report.results;
  expect(first).toMatchObject({ check: "function", cloud: "aws", status: "failed" });
  expect(first?.findings[0]?.title).toMatch(/layer .*-dependencies is not attached/);
  expect(failed(report).map(({ check }) => check)).toEqual(
    expect.arrayContaining(["function", "log", "api", "messages", "state"]),
  );

  await deployment.up("--refresh");
  const healed = await look();
  expect(failed(healed.report)).toEqual([]);
  expect(healed.run.code).toBe(0);
});
