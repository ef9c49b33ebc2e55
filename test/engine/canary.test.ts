import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ListedRelease } from "../../operations/releases/releases";
import { copyOfCheckout, execute, LocalDeployment, type Run } from "./local-deployment";

const on = ["aws", "gcp"] as const;
const percentage = 30;
/** On this machine a minute of a canary is a second. */
const minutes = 4;

const deployment = new LocalDeployment([
  `clouds=[${on.join(", ")}]`,
  ...on.flatMap((cloud) => [
    `${cloud}.frontend.enabled=false`,
    `${cloud}.function.canary.percentage=${percentage}`,
    `${cloud}.function.canary.minutes=${minutes}`,
  ]),
]);
const copy = copyOfCheckout();
const code = path.join(copy, "application", "api", "app.py");
const sound = readFileSync(code, "utf8");

interface Answer {
  readonly cloud: (typeof on)[number];
  readonly status: number;
  readonly release: string;
}

/** Deploys the copy while users ask what no probe asks. */
async function deployAsked(): Promise<{ run: Run; answers: readonly Answer[] }> {
  const answers: Answer[] = [];
  const pending = new Set<Promise<void>>();
  const outputs = deployment.outputs();
  const ask = async (cloud: Answer["cloud"]) => {
    const { status, headers } = await fetch(`${outputs[cloud].apiUrl}/api/messages/?limit=2`);
    answers.push({ cloud, status, release: headers.get("x-release") ?? "" });
  };
  const timer = setInterval(() => {
    for (const cloud of on) {
      const asked = ask(cloud).finally(() => pending.delete(asked));
      pending.add(asked);
    }
  }, 50);
  const run = await deployment.run(["up", "--detach"], { checkout: copy });
  clearInterval(timer);
  await Promise.all(pending);
  return { run, answers };
}

async function serving(): Promise<string[]> {
  const outputs = deployment.outputs();
  const asked = on.map(async (cloud) => (await fetch(`${outputs[cloud].apiUrl}/api/`)).headers.get("x-release") ?? "");
  return Promise.all(asked);
}

async function releases(): Promise<ListedRelease[]> {
  const args = ["-s", "staging", "--local", deployment.state, "--json"];
  return JSON.parse((await execute([path.join(copy, "cli", "releases.ts"), ...args], copy)).stdout) as ListedRelease[];
}

let before: string[] = [];

beforeAll(async () => {
  const run = await deployment.run(["up", "--detach"], { checkout: copy });
  expect(run.code, run.stderr).toBe(0);
  before = await serving();
});

afterAll(() => deployment.end());

describe("a release that serves", () => {
  test("has a share of the requests first, then all, and no request fails", async () => {
    writeFileSync(code, `${sound}\n# Sound.\n`);
    const { run, answers } = await deployAsked();
    expect(run.code, run.stderr).toBe(0);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const after = await serving();
    for (const [index, cloud] of on.entries()) {
      expect(run.stderr).toMatch(
        new RegExp(`release \\S+ \\(\\S+\\) has ${percentage} % of the requests for ${minutes} seconds`),
      );
      expect(after[index]).not.toBe(before[index]);
      const order = answers.filter((answer) => answer.cloud === cloud).map(({ release }) => release);
      const [first, last] = [order.indexOf(after[index] ?? ""), order.lastIndexOf(before[index] ?? "")];
      // Both answered for a while.
      expect(last - first).toBeGreaterThan(20);
    }
    before = after;
  });

  test("is deployed: nothing is left to change", async () => {
    expect((await deployment.run(["preview"], { checkout: copy })).stderr).toContain("no changes");
  });
});

describe("a release that its probes find fine, and users do not", () => {
  const broken = sound.replace("return page.messages", "return page.messages if limit == 1 else page.missing");

  test("goes back by itself: who was asked by the release before notices nothing, and the update fails", async () => {
    expect(broken).not.toBe(sound);
    writeFileSync(code, broken);
    const { run, answers } = await deployAsked();
    console.log(run.stderr.slice(-3000));
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(/failed at \d+ of \d+ requests while it had 30 % of the requests/);
    expect(run.stderr).toMatch(/Release \S+ \(\S+\) has all requests again/);
    const failed = answers.filter(({ status }) => status !== 200);
    expect(new Set(failed.map(({ cloud }) => cloud))).toEqual(new Set(on));
    expect(failed.filter(({ release }) => before.includes(release))).toEqual([]);
    expect(await serving()).toEqual(before);
    const listed = await releases();
    for (const cloud of on) {
      const [newest, earlier] = listed.filter((release) => release.cloud === cloud);
      expect([newest?.share, newest?.refused, earlier?.share]).toEqual([0, true, 1]);
    }
  });

  test("is tried again by the next update, and does not serve because none asked it", async () => {
    const run = await deployment.run(["up", "--detach"], { checkout: copy });
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(/went back before, and no request reached it since/);
    expect(await serving()).toEqual(before);
  });

  test("is followed by one that is mended", async () => {
    writeFileSync(code, `${sound}\n# Mended.\n`);
    const { run, answers } = await deployAsked();
    expect(run.code, run.stderr).toBe(0);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect((await deployment.run(["preview"], { checkout: copy })).stderr).toContain("no changes");
  });
});
