import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";

const bundle = z.object({
  lockSha256: z.string(),
  pythonVersion: z.string(),
  packages: z.record(z.string(), z.string()),
});
const layer = bundle.extend({ arn: z.string(), version: z.string() });

/** What is read of a cloud's outputs; the rest is kept, since each cloud's inspector needs some of its own. */
const cloudOutputs = z.looseObject({
  region: z.string(),
  apiUrl: z.url(),
  frontendUrl: z.url().optional(),
  functionName: z.string(),
  messagesTable: z.string(),
  logs: z.string(),
  version: z.string(),
  /** Whether anyone may call the API; only Google Cloud's can be closed. */
  public: z.boolean().default(true),
  /** What the function is deployed from, where its packages are in no layer. */
  package: bundle.optional(),
  /** Packages of each layer of others that the function has, by the layer's ARN. */
  publicLayers: z.record(z.string(), z.record(z.string(), z.string())).default({}),
});

const aws = cloudOutputs.extend({ functionArn: z.string(), accessLogs: z.string() });
const azure = cloudOutputs.extend({
  subscriptionId: z.string(),
  resourceGroup: z.string(),
  storageAccount: z.string(),
  workspaceId: z.string(),
});
const gcp = cloudOutputs.extend({ project: z.string(), database: z.string() });

/** The outputs of a stack of this program. */
export const stackOutputs = z.object({
  application: z.string().default("application"),
  layers: z.record(z.string(), layer).default({}),
  aws: aws.optional(),
  azure: azure.optional(),
  gcp: gcp.optional(),
});

/** The outputs of a stack as they are read back, as far as they are looked at. */
export type DeployedOutputs = z.output<typeof stackOutputs>;
export type LayerValues = z.output<typeof layer>;
/** What every cloud gives. */
export type CloudValues = z.output<typeof cloudOutputs>;
/** What one cloud gives. */
export type ValuesOf<C extends Cloud> = NonNullable<DeployedOutputs[C]>;

/** The clouds that a stack is on. */
export function cloudsOf(outputs: DeployedOutputs): Cloud[] {
  return clouds.filter((cloud) => outputs[cloud] !== undefined);
}

/**
 * Reads what `pulumi stack output --json` printed.
 *
 * @throws where it is no stack of this program, naming what is missing.
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
