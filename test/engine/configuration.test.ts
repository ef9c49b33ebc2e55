import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { LocalWorkspace, Stack } from "@pulumi/pulumi/automation";
import { afterEach, expect, test } from "vitest";

import { findEngine } from "../../local/engine";
import { project } from "../../operations/project";
import { readSettings, type Settings } from "../../settings";
import { temporaryDirectory } from "../local/resources";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/**
 * The settings that the engine passes to the program for this project's Pulumi.yaml and a stack file, without checks of
 * ours.
 */
async function previewed(stackFile: string): Promise<{ settings?: Settings; output: string }> {
  const workDir = temporaryDirectory();
  folders.push(workDir);
  mkdirSync(path.join(workDir, "engine"));
  // The program runs in this process, not from a file beside the configuration.
  const projectFile = readFileSync(path.join(__dirname, "..", "..", "Pulumi.yaml"), "utf8").replace(/^main:.*\n/m, "");
  writeFileSync(path.join(workDir, "Pulumi.yaml"), projectFile);
  writeFileSync(path.join(workDir, "Pulumi.dev.yaml"), stackFile);
  let settings: Settings | undefined;
  const workspace = await LocalWorkspace.create({
    workDir,
    pulumiCommand: await findEngine(() => undefined),
    program: () => {
      settings = readSettings();
      return Promise.resolve();
    },
    envVars: {
      PULUMI_BACKEND_URL: `file://${path.join(workDir, "engine")}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "1",
    },
  });
  const stack = await Stack.createOrSelect("dev", workspace);
  let output = "";
  await stack.preview({ onOutput: (text) => (output += text) }).catch((error: unknown) => (output += String(error)));
  return { settings, output };
}

test("defaults, groups and keys with dots reach the program", async () => {
  const { settings, output } = await previewed(`
config:
  ${project}:clouds: [aws]
  ${project}:pythonVersion: 3.13
  ${project}:aws:
    frontend: { enabled: false }
  ${project}:aws.function.memorySize: "1024"
`);
  expect(settings, output).toMatchObject({
    clouds: ["aws"],
    pythonVersion: "3.13",
    bytecode: true,
    aws: { region: "ap-northeast-1", function: { memorySize: 1024, timeout: 15 }, frontend: { enabled: false } },
  });
});

test("the program reports wrong types and old names together, before the engine's own check", async () => {
  const { output } = await previewed(`
config:
  ${project}:bytecode: maybe
  ${project}:clouds: aws
  ${project}:azure: big
  ${project}:logRetentionDays: a year
  ${project}:aws: { frontend: false, memorySize: 1024 }
`);
  for (const line of [
    'bytecode: expected true or false (found "maybe")',
    'clouds: expected a list of aws, azure, gcp (found "aws")',
    'azure: expected a group of region, storageAccountName, function, frontend (found "big")',
    'found "a year")',
    "aws.frontend: renamed to aws.frontend.enabled;",
    "aws.memorySize: renamed to aws.function.memorySize;",
  ]) {
    expect(output).toContain(line);
  }
});
