import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";
import { project } from "../../operations/project";
import type { ReleasePort } from "../../operations/releases/port";
import { localAwsReleases } from "../aws-releases";
import { localAzureReleases } from "../azure-releases";
import { deployedFunctions } from "../deployed-functions";
import { engineState, type EngineStateResource, lastRecord } from "../engine-state";
import { localGcpReleases } from "../gcp-releases";
import { type Graph, graphOf, kindOf } from "./graph";
import { type Packed, packedIn } from "./packed";
import { nameIn } from "../../contract/urn";

/** An available version of a function. */
interface ConsoleRelease {
  readonly cloud: Cloud;
  readonly function: string;
  readonly name: string;
  readonly release: string;
  /** Share of the traffic, from 0 to 1. */
  readonly share: number;
  readonly publishedAt: string;
}

/** A change in the last update. */
interface ConsoleChange {
  readonly urn: string;
  readonly name: string;
  readonly kind: string;
  readonly how: "created" | "updated";
}

/** The console's data about a stack, read from files. */
export interface ConsoleModel {
  readonly project: string;
  readonly stack: string;
  readonly clouds: readonly {
    readonly cloud: Cloud;
    readonly region?: string;
    readonly apiUrl?: string;
    readonly frontendUrl?: string;
    readonly version?: string;
    readonly graph: Graph;
  }[];
  readonly releases: readonly ConsoleRelease[];
  readonly packed: readonly Packed[];
  /** Absent if there was none. */
  readonly lastUpdate?: {
    readonly kind: string;
    readonly result: string;
    readonly startedAt: string;
    readonly seconds: number;
    readonly changes: readonly ConsoleChange[];
    readonly unchanged: number;
  };
}

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
  const root = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  const outputs = root?.outputs ?? {};
  const [packed, releases] = await Promise.all([packedIn(resources), releasesOf(state, resources, outputs)]);
  return {
    project,
    stack,
    clouds: clouds.flatMap((cloud) => {
      const component = resources.find(({ parent, type, urn }) => {
        return parent === root?.urn && type.startsWith(`multicloud:${cloud}:`) && nameIn(urn) === cloud;
      });
      if (component === undefined) return [];
      const { region, apiUrl, frontendUrl, version } = cloudOutputs.catch({}).parse(outputs[cloud]);
      return [{ cloud, region, apiUrl, frontendUrl, version, graph: graphOf(resources, component.urn) }];
    }),
    releases,
    packed,
    lastUpdate: lastUpdate(state, stack, resources),
  };
}

/** The engine's marker of a secret. */
const secretSignature = "4dabf18193072939515e22adb298388d";

function withoutSecrets(resource: EngineStateResource): EngineStateResource {
  return { ...resource, inputs: shown(resource.inputs), outputs: shown(resource.outputs) };
}

function shown(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const text = JSON.stringify(values, (_, value: unknown) =>
    typeof value === "object" && value !== null && secretSignature in value && "ciphertext" in value
      ? "[secret]"
      : value,
  );
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}

async function releasesOf(
  state: string,
  resources: readonly EngineStateResource[],
  outputs: Readonly<Record<string, unknown>>,
): Promise<ConsoleRelease[]> {
  const ports: Readonly<Record<Cloud, () => ReleasePort>> = {
    aws: () => localAwsReleases(state),
    azure: () => localAzureReleases(state, resources),
    gcp: () => localGcpReleases(state),
  };
  const all = deployedFunctions(outputs).map(async ({ cloud, name, functionName }): Promise<ConsoleRelease[]> => {
    const kept = await ports[cloud]().releases({ name, functionName, probes: [] });
    return kept.map(({ name: version, release, share, publishedAt }) => {
      return { cloud, function: name, name: version, release, share, publishedAt: publishedAt.toISOString() };
    });
  });
  return (await Promise.all(all)).flat();
}

/** The engine's record of its last update, and its messages. */
function lastUpdate(
  state: string,
  stack: string,
  resources: readonly EngineStateResource[],
): ConsoleModel["lastUpdate"] {
  const record = lastRecord({ state, stack });
  if (record === undefined) return undefined;
  const { kind, result, startTime, endTime } = record;
  const since = (time: string | undefined) => time !== undefined && Date.parse(time) >= startTime * 1000;
  const own = resources.filter(({ type }) => !type.startsWith("multicloud:") && !type.startsWith("pulumi:"));
  const changed = own.filter(({ modified }) => since(modified));
  return {
    kind,
    result,
    startedAt: new Date(startTime * 1000).toISOString(),
    seconds: endTime - startTime,
    changes: changed.map(({ urn, type, created }) => {
      return { urn, name: nameIn(urn), kind: kindOf(type), how: since(created) ? "created" : "updated" };
    }),
    unchanged: own.length - changed.length,
  };
}
