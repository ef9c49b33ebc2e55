import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { project as thisProject } from "../operations/project";
import { type StateResource, stateResource } from "../operations/stack-state";
import { defaultStack, type LocalStackName } from "./command-line";

const checkpointSchema = z.object({
  checkpoint: z.object({
    latest: z.object({ resources: z.array(stateResource).default([]) }).optional(),
  }),
});

const recordSchema = z.looseObject({
  kind: z.enum(["update", "preview", "refresh", "rename", "destroy", "import"]),
  message: z.string().default(""),
  environment: z.record(z.string(), z.string()).default({}),
  result: z.enum(["not-started", "in-progress", "succeeded", "failed"]),
  /** Seconds since 1970. */
  startTime: z.number(),
  endTime: z.number(),
  version: z.number().default(0),
  /** Number of resources, by operation. */
  resourceChanges: z.record(z.string(), z.number()).default({}),
});

/** The engine's record of an update. */
export type EngineRecord = z.output<typeof recordSchema>;

/** The state file of a local stack, once the engine has written it. */
export function stateFile({ state, stack = defaultStack, project = thisProject }: LocalStackName): string {
  return path.join(state, "engine", ".pulumi", "stacks", project, `${stack}.json`);
}

/**
 * The resources in the engine's state of a local stack, without starting an engine; empty if nothing was ever deployed.
 */
export function engineState(name: LocalStackName): readonly StateResource[] {
  const file = stateFile(name);
  if (!existsSync(file)) return [];
  return checkpointSchema.parse(JSON.parse(readFileSync(file, "utf8"))).checkpoint.latest?.resources ?? [];
}

/** Outputs of a local stack; empty if no update has succeeded. */
export function stackOutputs(name: LocalStackName): Readonly<Record<string, unknown>> {
  return engineState(name).find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
}

/** The engine's record of its last update of a local stack; undefined if there was none. */
export function lastRecord(name: LocalStackName): EngineRecord | undefined {
  const { state, stack = defaultStack, project = thisProject } = name;
  const folder = path.join(state, "engine", ".pulumi", "history", project, stack);
  if (!existsSync(folder)) return undefined;
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith(".history.json"))
    .sort()
    .at(-1);
  return newest === undefined
    ? undefined
    : recordSchema.parse(JSON.parse(readFileSync(path.join(folder, newest), "utf8")));
}
