import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";
import {
  type ConsoleModel,
  type ConsoleRelease,
  consoleRelease,
  consoleUpdate,
  graphsOf,
} from "../../operations/console/model";
import { packedIn } from "../../operations/console/packed";
import { project } from "../../operations/project";
import type { ReleasePort } from "../../operations/releases/port";
import { type StateResource, withoutSecrets } from "../../operations/stack-state";
import { localAwsReleases } from "../aws-releases";
import { localAzureReleases } from "../azure-releases";
import { deployedFunctions } from "../deployed-functions";
import { engineState, lastRecord } from "../engine-state";
import { localGcpReleases } from "../gcp-releases";

const cloudOutputs = z.looseObject({
  region: z.string().optional(),
  apiUrl: z.string().optional(),
  frontendUrl: z.string().optional(),
  version: z.string().optional(),
});

/** Names of the stacks in a state folder, the most recently changed first. */
export function stacksIn(state: string): string[] {
  const folder = path.join(state, "engine", ".pulumi", "stacks", project);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => ({ name: name.replace(/\.json$/, ""), at: statSync(path.join(folder, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at)
    .map(({ name }) => name);
}

/** The console's data about a stack on the local clouds. */
export async function consoleModel(state: string, stack: string): Promise<ConsoleModel> {
  const resources = engineState({ state, stack }).map(withoutSecrets);
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  const graphs = graphsOf(resources);
  const record = lastRecord({ state, stack });
  const [packed, releases] = await Promise.all([packedIn(resources), releasesOf(state, resources, outputs)]);
  return {
    project,
    stack,
    clouds: clouds.flatMap((cloud) => {
      const graph = graphs[cloud];
      if (graph === undefined) return [];
      const { region, apiUrl, frontendUrl, version } = cloudOutputs.catch({}).parse(outputs[cloud]);
      return [{ cloud, region, apiUrl, frontendUrl, version, graph }];
    }),
    releases,
    packed,
    lastUpdate:
      record &&
      consoleUpdate(
        { ...record, startTime: new Date(record.startTime * 1000), endTime: new Date(record.endTime * 1000) },
        resources,
      ),
  };
}

async function releasesOf(
  state: string,
  resources: readonly StateResource[],
  outputs: Readonly<Record<string, unknown>>,
): Promise<ConsoleRelease[]> {
  const ports: Readonly<Record<Cloud, () => ReleasePort>> = {
    aws: () => localAwsReleases(state),
    azure: () => localAzureReleases(state, resources),
    gcp: () => localGcpReleases(state),
  };
  const all = deployedFunctions(outputs).map(async ({ cloud, name, functionName }): Promise<ConsoleRelease[]> => {
    const kept = await ports[cloud]().releases({ name, functionName, probes: [] });
    return kept.map((release) => consoleRelease(cloud, name, release));
  });
  return (await Promise.all(all)).flat();
}
