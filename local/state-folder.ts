import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { commandLine, type LocalStackName } from "./command-line";
import { stopCloud } from "./cloud-process";
import { ResourceStore } from "./store";

/** Folders of the clouds in a state folder, by provider name. */
const cloudFolders = ["aws", "azure-native", "gcp"];

/** All other files and folders in a state folder. */
const others = ["engine", "project", "code", "debugged", "cloud.json", "cloud.log", "cloud.pid"];

/** Number of resources in the local clouds of a state folder. */
export function resourcesIn(state: string): number {
  return cloudFolders
    .map((name) => path.join(state, name))
    .filter((folder) => existsSync(folder))
    .reduce((sum, folder) => sum + new ResourceStore(folder).all().length, 0);
}

/**
 * Checks that the engine's state exists if the clouds have resources.
 *
 * @throws if it does not: every deployment would fail because the names exist.
 */
export function checkEngineRecord({ state, stack }: LocalStackName): void {
  const stacks = path.join(state, "engine", ".pulumi", "stacks");
  const known =
    existsSync(stacks) && readdirSync(stacks, { recursive: true }).some((name) => String(name).endsWith(".json"));
  const resources = known ? 0 : resourcesIn(state);
  if (resources === 0) return;
  throw new Error(
    `the local clouds have ${resources} resources, and the engine's record of them, ${path.join(state, "engine")}, is gone; ` +
      `delete them, messages included, with: ${commandLine({ state, stack }, "reset")}`,
  );
}

/**
 * Creates a state folder if it does not exist.
 *
 * @throws if it is not writable.
 */
export function prepareStateFolder(state: string): void {
  const probe = path.join(state, `.writable.${process.pid}`);
  try {
    mkdirSync(state, { recursive: true });
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the state folder ${state} cannot be written: ${reason}; name another one with --state <folder>`);
  }
}

/** Stops the clouds and deletes their data and the engine's state; returns the names of what it deleted. */
export async function reset(state: string): Promise<string[]> {
  await stopCloud(state);
  const found = [...cloudFolders, ...others].filter((name) => existsSync(path.join(state, name)));
  for (const name of found) rmSync(path.join(state, name), { recursive: true });
  if (existsSync(state) && readdirSync(state).length === 0) rmSync(state, { recursive: true });
  return found;
}
