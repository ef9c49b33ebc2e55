import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { stopCloud } from "../../local/cloud-process";
import { copyOfCheckout, LocalDeployment } from "./local-deployment";

const deployment = new LocalDeployment(["clouds=[aws]"]);
const checkout = copyOfCheckout();
const application = path.join(checkout, "application", "api", "app.py");
const written = readFileSync(application, "utf8");
let local: ChildProcess;
let told = "";

beforeAll(async () => {
  await deployment.restore();
  await stopCloud(deployment.state);
  local = spawn(
    process.execPath,
    [
      ...["--require", path.join(checkout, "run-typescript.js"), path.join(checkout, "cli", "local.ts")],
      ...["--state", deployment.state],
      ...["--config", "clouds=[aws]", "up", "--watch"],
    ],
    { cwd: checkout, stdio: "pipe" },
  );
  for (const output of [local.stdout, local.stderr]) output?.on("data", (data: Buffer) => (told += data.toString()));
  await until(() => told.includes("what you save is served"));
});

afterAll(async () => {
  local.kill("SIGTERM");
  await deployment.end();
  rmSync(checkout, { recursive: true });
});

/** Waits for a condition, up to the timeout of a test. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    if (local.exitCode !== null) throw new Error(`npm run local has ended:\n${told}`);
    await sleep(50);
  }
}

const answer = async () => (await fetch(`${deployment.outputs().aws.apiUrl}/api/`)).text();

/** The application with another text in its status. */
const saying = (word: string) => written.replace('"status": "ok"', `"status": "ok", "word": "${word}"`);

test("saved code is served, and the engine deploys it afterwards, so that a preview is empty", async () => {
  writeFileSync(application, saying("saved"));
  await until(async () => (await answer()).includes('"word":"saved"'));
  await until(() => /^ {2}\d+ .*unchanged \(/m.test(told));
  expect(told).toMatch(/^application\/api\/app\.py: served on aws \d+ ms$/m);
  await until(async () => (await answer()).includes('"word":"saved"'));
  const preview = await deployment.run(["preview"], { checkout });
  expect(preview.stderr).toContain("no changes");
});

test("an edit that does not start shows its traceback, and the previous code continues to serve", async () => {
  writeFileSync(application, saying("broken").replace("app = FastAPI(", "app == FastAPI(("));
  await until(() => told.includes("still serves on aws"));
  expect(told).toMatch(/app\.py does not start on aws:\n.*File "application\/api\/app\.py", line \d+.*SyntaxError/s);
  expect(await answer()).toContain('"word":"saved"');

  writeFileSync(application, saying("unknown").replace("import os", "import os, no_such_module"));
  await until(() => told.includes("ModuleNotFoundError: No module named 'no_such_module'"));
  expect(await answer()).toContain('"word":"saved"');
});

test("an edit of settings is previewed, and deployed on a key press", async () => {
  writeFileSync(application, saying("saved"));
  const settings = path.join(checkout, "Pulumi.staging.yaml");
  writeFileSync(
    settings,
    `${readFileSync(settings, "utf8")}  multicloud-auto-deploy:functions:\n    api: { environment: { WORD: value } }\n`,
  );
  await until(() => told.includes("To deploy it: u"));
  expect(told).toMatch(/~ update {2}aws:lambda:Function {2}aws-api/);
  const before = told.length;
  local.stdin?.write("u");
  await until(() => told.slice(before).includes("~ updated  aws:lambda:Function  aws-api"));
  // Saved during the update, whose program has read the previous file.
  writeFileSync(application, saying("meanwhile"));
  const followed = () => told.slice(before).match(/^ {2}\d+ .*unchanged \(/gm)?.length ?? 0;
  await until(() => followed() === 2);
  expect(await answer()).toContain('"word":"meanwhile"');
  const preview = await deployment.run(["preview"], { checkout });
  expect(preview.stderr).toContain("no changes");
});
