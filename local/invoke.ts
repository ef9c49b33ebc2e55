import type { Cloud } from "../contract/clouds";
import { liveAlias } from "../operations/releases/aws";
import type { CloudAddress } from "./control";
import { invokeFunction } from "./cloud-process";
import type { Invoked } from "./data-plane";
import { deployedFunctions, providers } from "./deployed-functions";

export interface InvokeOptions {
  /** One of the stack's clouds. Default: all of them. */
  readonly cloud?: string;
  /** Payload in JSON. Default: the event of a schedule. */
  readonly payload?: string;
}

/**
 * Invokes a function of a stack by hand, on each of its clouds.
 *
 * @param name the function's name in the application's description.
 * @param outputs of the stack.
 * @throws if no cloud has such a function.
 */
export async function invokeByHand(
  address: CloudAddress,
  outputs: Readonly<Record<string, unknown>>,
  name: string,
  { cloud: wanted, payload }: InvokeOptions,
): Promise<{ readonly cloud: Cloud; readonly result: Invoked }[]> {
  const all = deployedFunctions(outputs);
  const found = all.filter((each) => each.name === name && (wanted === undefined || each.cloud === wanted));
  if (found.length === 0) {
    const known = all.map((each) => `${each.name} on ${each.cloud}`).join(", ");
    const where = wanted === undefined ? "" : ` on ${wanted}`;
    throw new Error(`the stack has no function ${name}${where}; it has ${known || "none: deploy it first"}`);
  }
  return Promise.all(
    found.map(async ({ cloud, functionName }) => {
      // On AWS the alias's version serves.
      const qualifier = cloud === "aws" ? liveAlias : undefined;
      const result = await invokeFunction(address, { cloud: providers[cloud], functionName, qualifier, payload });
      return { cloud, result };
    }),
  );
}
