import { z } from "zod";

import type { Probe } from "../contract/application";
import { clouds } from "../contract/clouds";
import { onDemand } from "../layers/on-demand";
import type { Commands } from "../operations/diagnose/check";
import { smokeCheck } from "../operations/smoke-check";
import { endWith } from "./end";
import { identityHeaders } from "./identity";

// Most checks succeed, so the modules that explain a failure are loaded after one, and those of the local clouds only there.

const environment = z.object({
  CLOUD: z.enum(clouds),
  ADDRESS: z.url().transform((address) => address.replace(/\/$/, "")),
  /** Header fields of each request, in JSON. */
  HEADERS: z
    .string()
    .transform((text) => JSON.parse(text) as Record<string, string>)
    .optional(),
  /** Set if each request has an identity token of the user. */
  IDENTITY: z.literal("caller").optional(),
  /** The probes of the function, in JSON. */
  PROBES: z.string().transform((text) => JSON.parse(text) as Probe[]),
  /** The expected release. */
  RELEASE: z.string().optional(),
  /** Time limit in seconds. */
  PATIENCE: z.coerce.number().positive(),
  /** The stack's outputs, in JSON. */
  OUTPUTS: z.string(),
  /** The state folder of the local clouds, if they run this. */
  LOCAL_CLOUD: z.string().optional(),
});

/** In a deployment the stack is selected. */
const pulumiCommands: Commands = {
  deploy: "pulumi up",
  redeploy: "pulumi up --refresh",
  reconcile: "pulumi refresh",
  cancel: "pulumi cancel",
};

async function explain(
  { CLOUD: cloud, OUTPUTS, LOCAL_CLOUD: state }: z.output<typeof environment>,
  since: Date,
): Promise<string[]> {
  const [{ causesOf }, { stackOutputs }] = await onDemand(() =>
    Promise.all([import("../operations/diagnose/failure"), import("../operations/diagnose/outputs")]),
  );
  const outputs = stackOutputs.parse(JSON.parse(OUTPUTS));
  if (state === undefined) {
    const { vendorClouds } = await onDemand(() => import("../operations/diagnose/vendors"));
    return causesOf({ cloud, outputs, clouds: vendorClouds(outputs), commands: pulumiCommands, since });
  }
  const { localClouds, localCommands } = await onDemand(() => import("../local/inspected-clouds"));
  return causesOf({
    cloud,
    outputs,
    clouds: localClouds(outputs, { state }),
    commands: localCommands({ state }),
    since,
  });
}

async function main(): Promise<string> {
  const given = environment.parse(process.env);
  const { CLOUD: cloud, ADDRESS: address, PROBES: probes, RELEASE: release, PATIENCE, LOCAL_CLOUD } = given;
  // On local clouds nothing propagates; only an instance has to start, which takes some seconds on a busy machine.
  const timeoutSeconds = LOCAL_CLOUD === undefined ? PATIENCE : Math.min(PATIENCE, 15);
  const explained = (since: Date) => explain(given, since);
  const headers = { ...given.HEADERS, ...(await identityHeaders(given.IDENTITY, address, LOCAL_CLOUD)) };
  return smokeCheck({ cloud, address, headers, probes, release, timeoutSeconds, explain: explained });
}

void endWith(main());
