import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";

import { afterAll, expect, test } from "vitest";

import { stopCloud } from "../../local/cloud-process";
import { isAlive } from "../../local/process";
import { project } from "../../operations/project";
import { changes, LocalDeployment } from "./local-deployment";

/**
 * A run may be interrupted at any moment and in any way; its state stays consistent, and the next run continues from
 * there.
 */
const settings = ["clouds=[aws]", "aws.frontend.enabled=false", "smokeCheck=false"];
const deployment = new LocalDeployment(settings);
afterAll(() => deployment.end());

/** A run in the foreground, in its own process group, as a terminal starts it. */
class Foreground {
  readonly #child = spawn(
    process.execPath,
    [
      "--require",
      "./run-typescript.js",
      "cli/local.ts",
      "--state",
      deployment.state,
      ...settings.flatMap((setting) => ["--config", setting]),
    ],
    { cwd: path.join(__dirname, "..", ".."), detached: true, stdio: ["ignore", "pipe", "pipe"] },
  );
  readonly #ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    this.#child.once("exit", (code, signal) => {
      resolve(signal ?? code);
    });
  });
  #output = "";

  constructor() {
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
    }
  }

  async says(text: string): Promise<void> {
    await expect.poll(() => this.#output, { timeout: 60_000, interval: 10 }).toContain(text);
  }

  /** Sends a signal to the whole process group; returns the exit code, or the signal that ended the run. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    process.kill(-Number(this.#child.pid), signal);
    return this.#ended;
  }
}

const cloudFile = path.join(deployment.state, "cloud.json");

const cloudProcess = () => (JSON.parse(readFileSync(cloudFile, "utf8")) as { pid: number }).pid;

test("Ctrl-C ends the clouds, and the run has succeeded", async () => {
  const run = new Foreground();
  await run.says("Serving");
  const { apiUrl } = deployment.outputs().aws;
  expect((await fetch(apiUrl)).status).toBe(200);
  const pid = cloudProcess();

  expect(await run.end("SIGINT")).toBe(0);
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(cloudFile)).toBe(false);
  await expect(fetch(apiUrl)).rejects.toThrow();
});

test("a killed run ends its clouds", async () => {
  const run = new Foreground();
  await run.says("Serving");
  const pid = cloudProcess();

  expect(await run.end("SIGKILL")).toBe("SIGKILL");
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
});

test("a port that another program uses is named, and the rest is unaffected", async () => {
  const { apiUrl } = deployment.outputs().aws;
  const { port } = new URL(apiUrl);
  const taker = createServer().listen(Number(port), "127.0.0.1");
  try {
    const up = await deployment.run(["up", "--detach"]);
    expect(up.code).toBe(1);
    expect(up.stderr).toMatch(
      new RegExp(`port ${port} of 127\\.0\\.0\\.1 is in use by .*\\(process ${process.pid}\\); end it`),
    );
    expect(up.stderr).toMatch(/to delete everything and start again: npm run local -- --state \S+ reset\n/);
    expect(changes(up)).toEqual([]);
  } finally {
    await new Promise((resolve) => taker.close(resolve));
  }
  await deployment.up();
  expect((await fetch(apiUrl)).status).toBe(200);
});

test("a run on a stack that another run has locked names that run", async () => {
  const folder = path.join(deployment.state, "engine", ".pulumi", "locks", "organization", project, "staging");
  mkdirSync(folder, { recursive: true });
  const lock = path.join(folder, "another.json");
  writeFileSync(lock, JSON.stringify({ pid: process.pid, username: "ada", hostname: "here", timestamp: new Date() }));
  try {
    const up = await deployment.run(["up", "--detach"]);
    expect(up.stderr).toContain(`error: another run (process ${process.pid}) is at stack staging in `);
    expect(up.code).toBe(1);
  } finally {
    rmSync(lock);
  }
});

test.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)(
  "after a %s in the middle of a deployment the next one completes it, and nothing exists twice",
  async (signal) => {
    await deployment.destroy();
    await stopCloud(deployment.state);
    const run = new Foreground();
    await run.says("created");
    expect(await run.end(signal)).toBe(signal === "SIGKILL" ? signal : 130);

    await deployment.up();
    expect((await fetch(deployment.outputs().aws.apiUrl)).status).toBe(200);
    expect((await deployment.preview()).stderr).toContain("no changes");
    // Layer versions are never deleted, since other stacks may use them.
    const urns = deployment.resources("aws").map(({ urn }) => urn);
    const once = urns.filter((urn) => !urn.includes("layerVersion"));
    expect(once).toHaveLength(new Set(once).size);
  },
);
