import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

/**
 * A hook that stops an update of a function which would send no request. If Google Cloud accepts a deployment and then
 * fails, the provider's state has the wanted configuration, so the next update has no change: the provider would report
 * success, with the old revision serving (terraform-provider-google#22565).
 *
 * @param name unique in the program, as the engine requires for every hook.
 * @param functionName in the application's description.
 */
export function refuseEmptyUpdate(name: string, functionName: string): pulumi.ResourceHook {
  const refuse: pulumi.ResourceHookFunction = ({ newInputs, oldOutputs }) => {
    if (!holds(oldOutputs, newInputs)) return;
    throw new Error(
      `${name}: its last deployment failed after Google Cloud had taken it, and nothing has changed since, so that nothing ` +
        `would be deployed now. ${deployAgain(functionName)}`,
    );
  };
  // The engine calls the hook outside of the program's async context, where the Automation API has no log.
  return new pulumi.ResourceHook(`${name}-deployment`, AsyncResource.bind(refuse));
}

/**
 * How to deploy a function again. A replacement would not do: without a reason to replace, the engine creates the new
 * function first, under the old one's name; and no request would be answered in between.
 */
export function deployAgain(functionName: string): string {
  const now = new Date().toISOString().replace(/\.\d+/, "");
  return (
    "Change what the failure named, and with it the release; or, where that lay outside the program, deploy it once more as " +
    `another release: pulumi config set --path functions.${functionName}.environment.DEPLOYED_AGAIN ${now}, then pulumi up ` +
    "(where a program of your own declares the function, any other variable of its environment does the same)"
  );
}

/** Whether a state contains everything that is wanted; further values belong to the cloud. */
function holds(state: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return state === wanted;
  if (typeof state !== "object" || state === null) return false;
  const known = new Map(Object.entries(state));
  return Object.entries(wanted).every(([key, value]) => holds(known.get(key), value));
}
