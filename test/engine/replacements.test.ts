import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { Provider } from "@pulumi/gcp";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Frontend, type FrontendArgs } from "../../components/gcp/frontend";
import type { CloudAddress } from "../../local/control";
import { startCloud, stopCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { localStack } from "../../local/stack";
import { UpdateLog } from "../../local/update-log";

/** Changes of a running stack that replace resources, on local clouds that replace them as the live ones do. */
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

type Changed = Pick<FrontendArgs, "domain" | "publicBucket">;

/** A stack of a frontend alone, whose arguments a test changes. */
async function frontend(name: string, first: Changed) {
  const engine = await findEngine((line) => process.stderr.write(`${line}\n`));
  // An API is enabled once in a project.
  const project = `shop-${name}`;
  let changed = first;
  const program = () => {
    const provider = new Provider("shop", { project, region: "asia-northeast1" });
    const scope = { project: "shop", stack: name };
    const args = { scope, project, projectNumber: "1", location: "asia-northeast1", directory: site };
    new Frontend("web", { ...args, ...changed, functions: [] }, { providers: [provider] });
    return Promise.resolve();
  };
  const stack = await localStack({ engine, cloud, state, stack: name, program });
  return {
    stack,
    /** @returns what is told, and each step that is done, in their order. */
    up: async (next: Changed) => {
      changed = next;
      const steps: string[] = [];
      const log = new UpdateLog(() => undefined, "done");
      await stack
        .up({
          onEvent: (event) => {
            log.onEvent(event);
            const { op, urn, type } = event.resOutputsEvent?.metadata ?? {};
            if (op !== undefined && op !== "same") steps.push(`${op} ${type ?? ""} ${urn?.split("::").at(-1) ?? ""}`);
            if (event.diagnosticEvent?.severity === "warning") steps.push(event.diagnosticEvent.message.trim());
          },
        })
        .catch(() => undefined);
      return { errors: log.errors, steps };
    },
  };
}

test("another domain of the Google Cloud frontend: the new certificate exists before the old one is deleted", async () => {
  const { stack, up } = await frontend("domain", { domain: "first.example.com" });
  expect((await up({ domain: "first.example.com" })).errors).toEqual([]);
  expect((await up({ domain: "second.example.com" })).errors).toEqual([]);
  expect((await stack.preview()).changeSummary).not.toHaveProperty("replace");
});

test("another reader of the Google Cloud frontend's bucket is known before the old one goes; back, it is said that it is not", async () => {
  const { up } = await frontend("reader", {});
  expect((await up({})).errors).toEqual([]);
  const { errors, steps } = await up({ publicBucket: true });
  expect(errors).toEqual([]);
  const order = [
    "create-replacement gcp:storage/bucketIAMMember:BucketIAMMember web",
    "update command:local:Command web-access",
    "delete-replaced gcp:storage/bucketIAMMember:BucketIAMMember web",
  ];
  expect(steps.filter((step) => order.includes(step))).toEqual(order);
  expect(steps.join("\n")).not.toContain("403");
  expect((await up({})).steps.join("\n")).toContain("the site answers 403 until Google Cloud knows everywhere");
});
