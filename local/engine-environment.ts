import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import type { CloudAddress } from "./control";
import { isAlive } from "./process";

// What the engine needs on this machine. Apart from the Automation API, which takes longer to load than a rollback may.

/** Where the engine keeps the stacks of a state folder. */
export const backendOf = (state: string) => path.join(state, "engine");

/** Where the engine runs: a project file and the stack's configuration, copies of the checkout's. */
export const workDirectory = (state: string) => path.join(state, "project");

/** What leads the engine to the providers of a running cloud. */
export function debugProviders(cloud?: CloudAddress): string {
  return Object.entries(cloud?.providers ?? {})
    .map(([name, port]) => `${name}:${port}`)
    .join(",");
}

/** @param cloud absent for what needs no provider, such as reading the outputs. */
export function engineVariables(state: string, cloud?: CloudAddress): Record<string, string> {
  return {
    // The metadata of a state file are a second file, which a killed engine leaves half-written.
    PULUMI_BACKEND_URL: `file://${backendOf(state)}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE: "local",
    PULUMI_DEBUG_PROVIDERS: debugProviders(cloud),
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_SKIP_UPDATE_CHECK: "1",
  };
}

/** An engine that was killed leaves its lock behind, and nothing else would ever take it away. */
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
