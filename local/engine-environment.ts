import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import type { CloudAddress } from "./control";
import { isAlive } from "./process";

// Environment of the engine on this machine. Separate from the Automation API, which is slow to load.

/** Folder of the engine's backend in a state folder. */
export const backendOf = (state: string) => path.join(state, "engine");

/** The engine's working directory, with copies of the project file and the stack's configuration. */
export const workDirectory = (state: string) => path.join(state, "project");

/** Value of PULUMI_DEBUG_PROVIDERS that connects the engine to a running cloud's providers. */
export function debugProviders(cloud?: CloudAddress): string {
  return Object.entries(cloud?.providers ?? {})
    .map(([name, port]) => `${name}:${port}`)
    .join(",");
}

/** @param cloud absent for operations without providers, such as reading outputs. */
export function engineVariables(state: string, cloud?: CloudAddress): Record<string, string> {
  return {
    // Metadata would be a second state file, which a killed engine could leave incomplete.
    PULUMI_BACKEND_URL: `file://${backendOf(state)}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE: "local",
    PULUMI_DEBUG_PROVIDERS: debugProviders(cloud),
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_SKIP_UPDATE_CHECK: "1",
  };
}

/** A killed engine leaves its lock behind; remove locks whose process has ended. */
export function removeStaleLocks(state: string): void {
  const folder = path.join(backendOf(state), ".pulumi", "locks");
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".json")) continue;
    const lock = path.join(folder, name);
    const { pid } = JSON.parse(readFileSync(lock, "utf8")) as { pid: number };
    if (!isAlive(pid)) rmSync(lock);
  }
}
