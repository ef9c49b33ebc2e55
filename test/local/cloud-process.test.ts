import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, test } from "vitest";

import { runningCloud } from "../../local/cloud-process";
import { isAlive } from "../../local/process";

const state = mkdtempSync(path.join(tmpdir(), "cloud-process-"));
const control = createServer((_, answer) => answer.end("{}")).listen(0, "127.0.0.1");
const cloud: ChildProcess = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"], { stdio: "ignore" });
afterAll(() => {
  control.close();
  cloud.kill("SIGKILL");
  rmSync(state, { recursive: true });
});

function writeAddress(owner?: number): void {
  const { port } = control.address() as AddressInfo;
  const address = { pid: cloud.pid, providers: { aws: 1 }, control: port, token: "t", failures: [], owner };
  writeFileSync(path.join(state, "cloud.json"), JSON.stringify(address));
}

test.each([
  ["is attached to nothing", undefined],
  ["is attached to a process that runs", process.pid],
])("a cloud that answers and %s is the one that runs", async (_, owner) => {
  writeAddress(owner);
  expect(await runningCloud(state)).toMatchObject({ pid: cloud.pid });
});

test("a cloud that still answers after its owner was killed counts as ended, once it has", async () => {
  const owner = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
  await once(owner, "exit");
  writeAddress(owner.pid);
  setTimeout(() => cloud.kill("SIGKILL"), 300);

  expect(await runningCloud(state)).toBeUndefined();
  expect(isAlive(Number(cloud.pid))).toBe(false);
});
