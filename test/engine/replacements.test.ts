import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { Provider } from "@pulumi/gcp";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Frontend } from "../../components/gcp/frontend";
import type { CloudAddress } from "../../local/control";
import { startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import { UpdateLog } from "../../local/update-log";

/** Changes of a living stack that replace something, on local clouds that replace as the live ones do. */
const folder = mkdtempSync(path.join(tmpdir(), "replacements-"));
const state = path.join(folder, "state");
const site = path.join(folder, "site");
let cloud: CloudAddress;

beforeAll(async () => {
  mkdirSync(site);
  writeFileSync(path.join(site, "index.html"), "<!doctype html><title>shop</title>");
  cloud = await startCloud(state, { attached: true });
});

afterAll(async () => {
  await stopCloud(state);
  rmSync(folder, { recursive: true });
});

test("another domain of the Google Cloud frontend: its certificate is there before the old one goes", async () => {
  let domain = "first.example.com";
  const engine = await findEngine((line) => process.stderr.write(`${line}\n`));
  const program = () => {
    const provider = new Provider("shop", { project: "shop", region: "asia-northeast1" });
    const scope = { project: "shop", stack: "test" };
    const args = { scope, project: "shop", projectNumber: "1", location: "asia-northeast1", directory: site, domain };
    new Frontend("web", { ...args, functions: [] }, { providers: [provider] });
    return Promise.resolve();
  };
  const stack = await localStack({ engine, cloud, state, stack: "domain", program });
  const errorsOfUp = async () => {
    const log = new UpdateLog(() => undefined, "done");
    await stack.up({ onEvent: log.onEvent }).catch(() => undefined);
    return log.errors;
  };
  expect(await errorsOfUp()).toEqual([]);
  domain = "second.example.com";
  expect(await errorsOfUp()).toEqual([]);
  expect((await stack.preview()).changeSummary).not.toHaveProperty("replace");
});
