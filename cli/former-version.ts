import { z } from "zod";

import { onDemand } from "../layers/on-demand";

const environment = z.object({
  /** Its name. */
  FUNCTION: z.string(),
  REGION: z.string(),
  /** The state folder of the local clouds, where they run this. */
  LOCAL_CLOUD: z.string().optional(),
});

async function main(): Promise<void> {
  const { FUNCTION, REGION, LOCAL_CLOUD: state } = environment.parse(process.env);
  if (state === undefined) {
    const { keepFormerVersion } = await onDemand(() => import("../operations/former-version"));
    return keepFormerVersion(FUNCTION, REGION);
  }
  const { keepLocalFormerVersion } = await onDemand(() => import("../local/aws-function"));
  return keepLocalFormerVersion(state, FUNCTION);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
