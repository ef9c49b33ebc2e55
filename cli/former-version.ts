import { z } from "zod";

import { onDemand } from "../layers/on-demand";
import { endWith } from "./end";

const environment = z.object({
  /** Its name. */
  FUNCTION: z.string(),
  REGION: z.string(),
  /** The state folder of the local clouds, if they run this. */
  LOCAL_CLOUD: z.string().optional(),
});

async function main(): Promise<undefined> {
  const { FUNCTION, REGION, LOCAL_CLOUD: state } = environment.parse(process.env);
  if (state === undefined) {
    const { keepFormerVersion } = await onDemand(() => import("../operations/former-version"));
    await keepFormerVersion(FUNCTION, REGION);
    return;
  }
  const { keepLocalFormerVersion } = await onDemand(() => import("../local/aws-function"));
  await keepLocalFormerVersion(state, FUNCTION);
}

void endWith(main());
