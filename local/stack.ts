import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import type { Document } from "yaml";
import { z } from "zod";
import {
  LocalWorkspace,
  type PulumiCommand,
  type PulumiFn,
  Stack,
  type UpdateSummary,
} from "@pulumi/pulumi/automation";

import { isCompiled, projectFolder } from "../contract/form";
import { nameIn, project } from "../operations/project";
import { secretMark } from "../operations/stack-state";
import type { LocalStackName } from "./command-line";
import type { CloudAddress } from "./control";
import { forgetUnknown } from "./cloud-process";
import { deploysApplication, stackConfiguration, type StackSecret } from "./configuration";
import { lastRecord, stackOutputs, stateFile } from "./engine-state";
import { backendOf, engineVariables, removeStaleLocks, workDirectory } from "./engine-environment";
import { findPython } from "../layers/python";

export interface StackOptions {
  readonly engine: PulumiCommand;
  /** Absent for operations without providers, such as reading outputs. */
  readonly cloud?: CloudAddress;
  /** Folder of the engine's state and the stack's configuration. */
  readonly state: string;
  /** Stack whose configuration is used: `Pulumi.<name>.yaml`. */
  readonly stack: string;
  /** Overriding settings, as YAML by path, e.g. `aws.frontend.enabled`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Another program than this project's; it has no configuration. */
  readonly program?: PulumiFn;
  /** Folder of the checkout with that program's own Pulumi.yaml. Default: it runs as a stack of this project. */
  readonly folder?: string;
}

/** A stack of this project on the local clouds, with the real engine; created if it does not exist. */
export async function localStack(options: StackOptions): Promise<Stack> {
  const selected = await Stack.createOrSelect(options.stack, await localWorkspace(options));
  const { state, stack } = options;
  const name = { state, stack, project: nameIn(projectFile(options)) };
  selected.info = () => Promise.resolve(lastUpdate(name));
  if (options.cloud !== undefined) {
    if (options.program === undefined) await setSecrets(selected, stackConfiguration(options).secrets);
    await undoInterrupted(selected, options.cloud, name);
  }
  return selected;
}

/**
 * Secrets are secret here too, with the passphrase of the local stack: nothing here can decrypt the values of their own
 * provider.
 */
async function setSecrets(stack: Stack, secrets: readonly StackSecret[]): Promise<void> {
  if (secrets.length === 0) return;
  const standIns = secrets.filter(({ standIn }) => standIn).map(({ setting }) => setting);
  if (standIns.length > 0) {
    process.stderr.write(
      `Secrets that cannot be read here have a stand-in: ${standIns.join(", ")}; give a value with --config ${standIns[0] ?? ""}=<value>\n`,
    );
  }
  const values = secrets.map(({ key, value }) => [key, { value, secret: true }] as const);
  await stack.setAllConfig(Object.fromEntries(values), true);
}

/**
 * The engine's workspace in a state folder. It has a copy of the configuration, so that the engine's changes (the salt
 * of its passphrase) do not reach the checkout.
 */
export async function localWorkspace(options: StackOptions): Promise<LocalWorkspace> {
  const { engine, cloud, state, stack, settings = {}, program, folder } = options;
  const workDir = folder === undefined ? workDirectory(state) : path.join(state, folder);
  for (const directory of [workDir, backendOf(state)]) mkdirSync(directory, { recursive: true });
  removeStaleLocks(state);
  if (program === undefined) {
    const { document } = stackConfiguration({ stack, settings });
    if (cloud !== undefined && deploysApplication()) await useThisPython(document);
    writeFileSync(path.join(workDir, `Pulumi.${stack}.yaml`), document.toString());
  }
  // The program runs in this process, not from a file beside the configuration.
  const description = projectFile(options);
  writeFileSync(path.join(workDir, "Pulumi.yaml"), description.replace(/^main:.*\n/m, ""));

  const workspace = await LocalWorkspace.create({
    workDir,
    program: program ?? thisProject,
    pulumiCommand: engine,
    envVars: engineVariables(state, cloud),
  });
  answerFromFiles(workspace, { state, project: nameIn(description) });
  return workspace;
}

/** Text of the project's Pulumi.yaml. */
function projectFile({ folder }: Pick<StackOptions, "folder">): string {
  const own = folder === undefined ? projectFolder : path.join(__dirname, "..", folder);
  return readFileSync(path.join(own, "Pulumi.yaml"), "utf8");
}

/**
 * Reads from files what the Automation API would start an engine for each time, at a quarter of a second: whether the
 * stack exists, its outputs, and the record of the last update.
 */
function answerFromFiles(workspace: LocalWorkspace, of: Pick<LocalStackName, "state" | "project">): void {
  const select = workspace.selectStack.bind(workspace);
  workspace.selectStack = async (stack) => {
    if (!existsSync(stateFile({ ...of, stack }))) await select(stack);
  };
  const ask = workspace.stackOutputs.bind(workspace);
  workspace.stackOutputs = async (stack) => {
    const outputs = stackOutputs({ ...of, stack });
    // Only the engine can decrypt secrets.
    if (JSON.stringify(outputs).includes(secretMark)) return ask(stack);
    return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, { value, secret: false }]));
  };
}

function lastUpdate(name: LocalStackName): UpdateSummary | undefined {
  const record = lastRecord(name);
  return record && { ...record, config: {}, startTime: date(record.startTime), endTime: date(record.endTime) };
}

const date = (seconds: number) => new Date(seconds * 1000);

/** The message about a stack that another run has locked. */
export function lockedStack({ state, stack }: Pick<StackOptions, "state" | "stack">): string {
  const folder = path.join(backendOf(state), ".pulumi", "locks");
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
  const owners = names
    .filter((name) => name.endsWith(".json"))
    .map((name) => (JSON.parse(readFileSync(path.join(folder, name), "utf8")) as { pid: number }).pid);
  const owner = owners.length === 0 ? "" : ` (process ${owners.join(", ")})`;
  return (
    `another run${owner} is at stack ${stack} in ${state}; run this again when it has ended, or end it: what it leaves ` +
    `is taken up from there`
  );
}

/** The part of the engine's state that is read here. */
const deploymentSchema = z.looseObject({
  resources: z.array(z.looseObject({ urn: z.string(), id: z.string().default("") })).default([]),
  pending_operations: z.array(z.object({ type: z.string(), resource: z.object({ urn: z.string() }) })).default([]),
});

/**
 * Deletes resources that a killed engine began to create. On a live cloud an operator has to check them; the local
 * clouds know them, and the next run would fail because their names exist.
 */
async function undoInterrupted(stack: Stack, cloud: CloudAddress, name: LocalStackName): Promise<void> {
  const saved = stateFile(name);
  if (!existsSync(saved) || !readFileSync(saved, "utf8").includes('"pending_operations"')) return;

  const exported = await stack.exportStack();
  const { resources, pending_operations: pending, ...deployment } = deploymentSchema.parse(exported.deployment);
  const known = pending.map(({ resource: { urn } }) => {
    return [urn, resources.filter((resource) => resource.urn === urn).map(({ id }) => id)] as const;
  });
  await forgetUnknown(cloud, Object.fromEntries(known));
  await stack.importStack({ ...exported, deployment: { ...deployment, resources } });
}

/** If the deployed Python version is not installed, everything is built for the installed one, with a message. */
async function useThisPython(configuration: Document): Promise<void> {
  const setting = ["config", `${project}:pythonVersion`];
  const wanted = z.string().catch("3.12").parse(configuration.getIn(setting));
  const { version, exact } = await findPython(wanted);
  if (exact) return;
  process.stderr.write(`There is no Python ${wanted} here; layers and functions are for Python ${version} instead\n`);
  configuration.setIn(setting, version);
}

/** The program is loaded on demand, since some verbs do not need it. */
async function thisProject(): Promise<Record<string, unknown>> {
  if (isCompiled) {
    const { runProgram } = await import("./program");
    return runProgram(projectFolder);
  }
  const { deployApplication } = await import("../stack");
  return { ...(await deployApplication(projectFolder)) };
}
