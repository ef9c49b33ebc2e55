import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ListedRelease } from "../../operations/releases/releases";
import { copyOfCheckout, execute, LocalDeployment, type Run } from "./local-deployment";

const on = ["aws", "gcp"] as const;
const percentage = 30;
/** A canary's minute takes a second on this machine. */
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
const file = path.join(copy, "application", "api", "app.py");
const sound = readFileSync(file, "utf8");

interface Answer {
  readonly cloud: (typeof on)[number];
  readonly status: number;
  readonly release: string;
}

/** Deploys the copy while users send requests that no probe sends. */
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

/** Deploys the copy in its own process group, and kills the group when its output contains `said`. */
function killedOnce(said: string): Promise<void> {
  const settings = deployment.configured.flatMap((setting) => ["--config", setting]);
  const args = [path.join(copy, "cli", "local.ts"), "--state", deployment.state, ...settings, "up", "--detach"];
  const run = spawn(process.execPath, ["--require", "./run-typescript.js", ...args], {
    ...{ cwd: copy, detached: true },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  run.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (output.includes(said)) process.kill(-Number(run.pid), "SIGKILL");
  });
  return new Promise((resolve, reject) => {
    run.on("close", (_, signal) => {
      if (signal === "SIGKILL") resolve();
      else reject(new Error(output));
    });
  });
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
  test("gets a share of the requests first, then all, and no request fails", async () => {
    writeFileSync(file, `${sound}\n# Sound.\n`);
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
});

/** A variable in a function's environment on each cloud. */
const told = { aws: "AWS_LAMBDA_FUNCTION_NAME", gcp: "K_SERVICE" } as const;

describe("a release that answers its probes, but fails for users", () => {
  test.each(on)(
    "is rolled back on %s: no request to the previous release fails, but the update does",
    async (cloud) => {
      const broken = `page.messages if limit == 1 or "${told[cloud]}" not in os.environ else page.missing`;
      const code = sound.replace("return page.messages", `return ${broken}`);
      writeFileSync(file, code.replace("\nfrom ", "\nimport os\nfrom "));
      const { run, answers } = await deployAsked();
      expect(run.code).not.toBe(0);
      expect(run.stderr).toMatch(/failed at \d+ of \d+ requests while it had 30 % of the requests/);
      expect(run.stderr).toMatch(/Release \S+ \(\S+\) has all requests again/);
      const failed = answers.filter(({ status }) => status !== 200);
      expect(new Set(failed.map((answer) => answer.cloud))).toEqual(new Set([cloud]));
      const index = on.indexOf(cloud);
      expect(failed.filter(({ release }) => release === before[index])).toEqual([]);
      expect((await serving())[index]).toBe(before[index]);
      const [newest, earlier] = (await releases()).filter((release) => release.cloud === cloud);
      expect([newest?.share, newest?.refused, earlier?.share]).toEqual([0, true, 1]);
      before = await serving();
    },
  );

  test("is deployed again by the next update, and does not serve merely because it got no requests", async () => {
    const run = await deployment.run(["up", "--detach"], { checkout: copy });
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(/was rejected before, and no request has reached it since/);
    expect(await serving()).toEqual(before);
  });

  test("is followed by a corrected one, whose first update is killed before the alias names it", async () => {
    writeFileSync(file, `${sound}\n# Mended.\n`);
    await killedOnce("~ updated  aws:lambda:Function  aws-api");
    expect((await serving())[0]).toBe(before[0]);
    const { run, answers } = await deployAsked();
    expect(run.code, run.stderr).toBe(0);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect((await deployment.run(["preview"], { checkout: copy })).stderr).toContain("no changes");
  });
});

test.each(on)("a canary on %s whose watch is killed loses its requests again", async (cloud) => {
  const shares = async () => {
    const listed = (await releases()).filter((release) => release.cloud === cloud);
    return listed.filter(({ share }) => share > 0).map(({ name, release, share }) => ({ name, release, share }));
  };
  const [serves] = await shares();
  const other = (await releases()).find((each) => each.cloud === cloud && each.name !== serves?.name);
  const watch = spawn(process.execPath, ["--require", "./run-typescript.js", path.join(copy, "cli", "canary.ts")], {
    cwd: copy,
    env: {
      ...process.env,
      ...{ LOCAL_CLOUD: deployment.state, CLOUD: cloud, REGION: "", FUNCTION: other?.fn.functionName ?? "" },
      ...(cloud === "aws" ? { VERSION: other?.name } : { RELEASE: other?.release }),
      ...{ PERCENTAGE: "50", MINUTES: "600" },
    },
    stdio: "ignore",
  });
  await expect.poll(shares, { timeout: 30_000 }).toHaveLength(2);
  watch.kill("SIGKILL");
  await expect.poll(shares, { timeout: 30_000 }).toEqual([serves]);
});
