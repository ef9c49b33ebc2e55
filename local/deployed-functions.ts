import { z } from "zod";

import { type Cloud, clouds } from "../contract/clouds";

/** The outputs of a stack that name a cloud's functions. */
const functionsOf = z.partialRecord(
  z.enum(clouds),
  z.looseObject({ functions: z.record(z.string(), z.looseObject({ functionName: z.string() })).default({}) }),
);

/** The providers of the local clouds, by cloud. */
export const providers: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

export interface DeployedFunction {
  readonly cloud: Cloud;
  /** Name in the application's description. */
  readonly name: string;
  /** Name on the cloud. */
  readonly functionName: string;
}

/** The functions in a stack's outputs. */
export function deployedFunctions(outputs: Readonly<Record<string, unknown>>): DeployedFunction[] {
  const deployed = functionsOf.parse(
    Object.fromEntries(clouds.flatMap((cloud) => (cloud in outputs ? [[cloud, outputs[cloud]]] : []))),
  );
  return clouds.flatMap((cloud) =>
    Object.entries(deployed[cloud]?.functions ?? {}).map(([name, { functionName }]) => ({ cloud, name, functionName })),
  );
}
