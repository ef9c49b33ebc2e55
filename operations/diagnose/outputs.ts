import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";

const bundle = z.object({
  lockSha256: z.string(),
  pythonVersion: z.string(),
  packages: z.record(z.string(), z.string()),
});
const layer = bundle.extend({ arn: z.string(), version: z.string() });

const probe = z.object({ path: z.string(), status: z.number(), json: z.unknown().optional() });

/** The outputs of a function that are read; a stack of an older program has none. */
const deployedFunction = z.object({
  kind: z.enum(["http", "schedule"]),
  functionName: z.string(),
  logs: z.string(),
  variables: z.array(z.string()).default([]),
  tables: z.array(z.string()).default([]),
  url: z.url().optional(),
  probes: z.array(probe).default([]),
  /** Digest of each app setting's value, by its name; absent if a refresh reads settings back. */
  settings: z.record(z.string(), z.string()).optional(),
  /** Names of its dependency layers. Default: all. */
  layers: z.array(z.string()).optional(),
  /** Prefix of `x-release` in its responses; absent if the outputs do not have it. */
  release: z.string().optional(),
  /** The two apps that serve alternately behind Front Door's route; absent if there is only one app. */
  colours: z.object({ blue: z.string(), green: z.string() }).optional(),
});

/** The common outputs of a cloud; others are kept for each cloud's inspector. */
const cloudOutputs = z.looseObject({
  region: z.string(),
  /** Absent if no function answers requests. */
  apiUrl: z.url().optional(),
  frontendUrl: z.url().optional(),
  functionName: z.string(),
  functions: z.record(z.string(), deployedFunction).default({}),
  /** The cloud's name of each table, by its name in the description. */
  tables: z.record(z.string(), z.string()).default({}),
  /** In a stack of an older program: its only table. */
  messagesTable: z.string().optional(),
  logs: z.string(),
  version: z.string(),
  /** ARN of the topic for alarms; absent without alarms, or if no confirmation is needed. */
  alarmTopic: z.string().optional(),
  /** Whether the API is public; only on Google Cloud can it be private. */
  public: z.boolean().default(true),
  /** The function's package, if its dependencies are not in a layer. */
  package: bundle.optional(),
  /** Packages of each public layer of the function, by the layer's ARN. */
  publicLayers: z.record(z.string(), z.record(z.string(), z.string())).default({}),
});

const aws = cloudOutputs.extend({ functionArn: z.string(), accessLogs: z.string().optional() });
const azure = cloudOutputs.extend({
  subscriptionId: z.string(),
  resourceGroup: z.string(),
  storageAccount: z.string(),
  workspaceId: z.string(),
  frontDoorProfile: z.string().optional(),
  frontDoorEndpoint: z.string().optional(),
});
const gcp = cloudOutputs.extend({ project: z.string(), database: z.string().optional() });

/** The outputs of a stack of this program. */
export const stackOutputs = z.object({
  application: z.string().default("application"),
  layers: z.record(z.string(), layer).default({}),
  aws: aws.optional(),
  azure: azure.optional(),
  gcp: gcp.optional(),
});

/** The outputs of a stack that are read back. */
export type DeployedOutputs = z.output<typeof stackOutputs>;
export type LayerValues = z.output<typeof layer>;
/** Outputs of every cloud. */
export type CloudValues = z.output<typeof cloudOutputs>;
/** Outputs of one cloud. */
export type ValuesOf<C extends Cloud> = NonNullable<DeployedOutputs[C]>;

export type FunctionValues = z.output<typeof deployedFunction>;

/** The functions of a cloud by name, beginning with the first that answers requests. */
export function functionsOf({ functions, functionName, logs, apiUrl }: CloudValues): [string, FunctionValues][] {
  const known = Object.entries(functions);
  if (known.length > 0) return known.sort(([, a], [, b]) => Number(b.url === apiUrl) - Number(a.url === apiUrl));
  const status = { path: "/api/", status: 200 };
  return [["api", { kind: "http", functionName, logs, url: apiUrl, variables: [], tables: [], probes: [status] }]];
}

/** The tables of a cloud, by their names in the description. */
export function tablesOf({ tables, messagesTable }: CloudValues): Record<string, string> {
  if (Object.keys(tables).length > 0 || messagesTable === undefined) return tables;
  return { messages: messagesTable };
}

/** The clouds that a stack is on. */
export function cloudsOf(outputs: DeployedOutputs): Cloud[] {
  return clouds.filter((cloud) => outputs[cloud] !== undefined);
}

/**
 * Parses the output of `pulumi stack output --json`.
 *
 * @throws naming the missing outputs, if it is not a stack of this program.
 */
export function parseOutputs(stack: string, printed: unknown): DeployedOutputs {
  const result = stackOutputs.safeParse(printed);
  if (!result.success) {
    throw new Error(`stack ${stack} has other outputs than this program's:\n${z.prettifyError(result.error)}`);
  }
  if (cloudsOf(result.data).length === 0) {
    throw new Error(`stack ${stack} has no outputs of a cloud: nothing is deployed; deploy it first`);
  }
  return result.data;
}
