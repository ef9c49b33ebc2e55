import { z } from "zod";

import type { Probe } from "../contract/application";
import { onDemand } from "../layers/on-demand";
import { checkVersion, type PublishedVersion } from "../operations/version-check";
import { endWith } from "./end";

const environment = z.object({
  /** ARN, without a version. */
  FUNCTION: z.string(),
  VERSION: z.string(),
  /** Requests in JSON. Absent: the function runs on a schedule. */
  PROBES: z
    .string()
    .transform((text) => JSON.parse(text) as readonly Probe[])
    .optional(),
  RELEASE: z.string().optional(),
  /** Set if versions have snapshots: only the number of the verified version is printed. */
  SNAP_START: z.string().optional(),
  TIMEOUT_SECONDS: z.coerce.number().positive(),
  /** The state folder of the local clouds, if they run this. */
  LOCAL_CLOUD: z.string().optional(),
});

async function versionOf(arn: string, version: string, state: string | undefined): Promise<PublishedVersion> {
  if (state === undefined) {
    const { awsVersion } = await onDemand(() => import("../operations/aws-function"));
    return awsVersion(arn, version);
  }
  const { localVersion } = await onDemand(() => import("../local/aws-function"));
  return localVersion(state, arn, version);
}

async function main(): Promise<string> {
  const { FUNCTION, VERSION, PROBES, RELEASE, SNAP_START, TIMEOUT_SECONDS, LOCAL_CLOUD } = environment.parse(
    process.env,
  );
  const { number, said } = await checkVersion({
    functionName: FUNCTION.split(":")[6] ?? FUNCTION,
    version: await versionOf(FUNCTION, VERSION, LOCAL_CLOUD),
    probes: PROBES,
    release: RELEASE,
    // On local clouds nothing propagates.
    timeoutSeconds: LOCAL_CLOUD === undefined ? TIMEOUT_SECONDS : Math.min(TIMEOUT_SECONDS, 5),
  });
  return SNAP_START === undefined ? said : number;
}

void endWith(main());
