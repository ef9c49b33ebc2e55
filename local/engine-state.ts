import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { project } from "../operations/project";
import { defaultStack, type LocalStackName } from "./command-line";

const resourceSchema = z.looseObject({
  urn: z.string(),
  type: z.string(),
  id: z.string().default(""),
  /** URN of the component that it belongs to. */
  parent: z.string().optional(),
  /** URNs of what it needs. */
  dependencies: z.array(z.string()).default([]),
  inputs: z.record(z.string(), z.unknown()).default({}),
  outputs: z.record(z.string(), z.unknown()).default({}),
  created: z.string().optional(),
  modified: z.string().optional(),
});

/** A resource as the engine knows it; secrets are in its own encryption. */
export type EngineStateResource = z.output<typeof resourceSchema>;

const checkpointSchema = z.object({
  checkpoint: z.object({
    latest: z.object({ resources: z.array(resourceSchema).default([]) }).optional(),
  }),
});

/** What the engine's own state says of a local stack, without an engine: empty where nothing was ever deployed. */
export function engineState({ state, stack = defaultStack }: LocalStackName): readonly EngineStateResource[] {
  const file = path.join(state, "engine", ".pulumi", "stacks", project, `${stack}.json`);
  if (!existsSync(file)) return [];
  return checkpointSchema.parse(JSON.parse(readFileSync(file, "utf8"))).checkpoint.latest?.resources ?? [];
}

/** Outputs of a local stack; none where no update has succeeded. */
export function stackOutputs(name: LocalStackName): Readonly<Record<string, unknown>> {
  return engineState(name).find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
}
