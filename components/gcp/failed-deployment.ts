import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

/**
 * Stops an update of a function that would send nothing. A deployment that Google Cloud takes and then fails leaves what was
 * wanted in the provider's state, so the next update has nothing to change: the provider would call that done, with the old
 * revision serving (terraform-provider-google#22565).
 *
 * @param name unique in the program, as the engine asks of every hook.
 * @param functionName as the application's description has it.
 */
export function refuseEmptyUpdate(name: string, functionName: string): pulumi.ResourceHook {
  const refuse: pulumi.ResourceHookFunction = ({ newInputs, oldOutputs }) => {
    if (!holds(oldOutputs, newInputs)) return;
    throw new Error(
      `${name}: its last deployment failed after Google Cloud had taken it, and nothing has changed since, so that nothing ` +
        `would be deployed now. ${deployAgain(functionName)}`,
    );
  };
  // The engine calls from outside of the program, where the Automation API knows no log.
  return new pulumi.ResourceHook(`${name}-deployment`, AsyncResource.bind(refuse));
}

/**
 * How a function is deployed once more. A replacement would not do: the engine makes the new one first where the provider
 * sees nothing that forces it, under the name that the old one has; and no request would be answered in between.
 */
export function deployAgain(functionName: string): string {
  const now = new Date().toISOString().replace(/\.\d+/, "");
  return (
    "Change what the failure named, and with it the release; or, where that lay outside the program, deploy it once more as " +
    `another release: pulumi config set --path functions.${functionName}.environment.DEPLOYED_AGAIN ${now}, then pulumi up ` +
    "(where a program of your own declares the function, any other variable of its environment does the same)"
  );
}

/** Whether a state says of everything that is wanted that it is so; what it has beyond that is the cloud's. */
function holds(state: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return state === wanted;
  if (typeof state !== "object" || state === null) return false;
  const known = new Map(Object.entries(state));
  return Object.entries(wanted).every(([key, value]) => holds(known.get(key), value));
}
