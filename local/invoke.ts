import { z } from "zod";

import { type Cloud, clouds } from "../contract/clouds";
import { liveAlias } from "../operations/releases/aws";
import type { CloudAddress } from "./cloud";
import { invokeFunction } from "./cloud-process";
import type { Invoked } from "./data-plane";

/** Of a stack's outputs, what leads to a cloud's functions. */
const functionsOf = z.partialRecord(
  z.enum(clouds),
  z.looseObject({ functions: z.record(z.string(), z.looseObject({ functionName: z.string() })).default({}) }),
);

/** The providers of the local clouds, by the clouds' names. */
const providers: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

export interface InvokeOptions {
  /** One of the stack's clouds. Default: each of them. */
  readonly cloud?: string;
  /** What the function is given, in JSON. Default: what a schedule gives it. */
  readonly payload?: string;
}

/**
 * Invokes a function of a stack by hand, on each cloud that it is on.
 *
 * @param name the function's name in the application's description.
 * @param outputs of the stack.
 * @throws where no cloud has such a function.
 */
export async function invokeByHand(
  address: CloudAddress,
  outputs: Readonly<Record<string, unknown>>,
  name: string,
  { cloud: wanted, payload }: InvokeOptions,
): Promise<{ readonly cloud: Cloud; readonly result: Invoked }[]> {
  const deployed = functionsOf.parse(
    Object.fromEntries(clouds.flatMap((cloud) => (cloud in outputs ? [[cloud, outputs[cloud]]] : []))),
  );
  const on = clouds.filter((cloud) => cloud in deployed && (wanted === undefined || cloud === wanted));
  const found = on.flatMap((cloud) => {
    const functionName = deployed[cloud]?.functions[name]?.functionName;
    return functionName === undefined ? [] : [{ cloud, functionName }];
  });
  if (found.length === 0) {
    const known = clouds.flatMap((cloud) =>
      Object.keys(deployed[cloud]?.functions ?? {}).map((each) => `${each} on ${cloud}`),
    );
    const where = wanted === undefined ? "" : ` on ${wanted}`;
    throw new Error(`the stack has no function ${name}${where}; it has ${known.join(", ") || "none: deploy it first"}`);
  }
  return Promise.all(
    found.map(async ({ cloud, functionName }) => {
      // On AWS what serves is the alias's version.
      const qualifier = cloud === "aws" ? liveAlias : undefined;
      const result = await invokeFunction(address, { cloud: providers[cloud], functionName, qualifier, payload });
      return { cloud, result };
    }),
  );
}
