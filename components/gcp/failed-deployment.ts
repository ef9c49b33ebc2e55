import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

/**
 * Stops an update of a function that would send nothing. A deployment that Google Cloud takes and then fails leaves what was
 * wanted in the provider's state, so the next update has nothing to change: the provider would call that done, with the old
 * revision serving (terraform-provider-google#22565).
 *
 * @param name unique in the program, as the engine asks of every hook.
 * @param consequence what users notice of the replacement that is advised.
 */
export function refuseEmptyUpdate(name: string, consequence: string): pulumi.ResourceHook {
  const refuse: pulumi.ResourceHookFunction = ({ urn, newInputs, oldOutputs }) => {
    if (!holds(oldOutputs, newInputs)) return;
    throw new Error(
      `${name}: its last deployment failed after Google Cloud had taken it, and nothing has changed since, so that nothing ` +
        `would be deployed now. Change what the failure named, and with it the release; or, where that lay outside the ` +
        `program, deploy it once more with: pulumi up --replace '${urn}' (${consequence})`,
    );
  };
  // The engine calls from outside of the program, where the Automation API knows no log.
  return new pulumi.ResourceHook(`${name}-deployment`, AsyncResource.bind(refuse));
}

/** Whether a state says of everything that is wanted that it is so; what it has beyond that is the cloud's. */
function holds(state: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return state === wanted;
  if (typeof state !== "object" || state === null) return false;
  const known = new Map(Object.entries(state));
  return Object.entries(wanted).every(([key, value]) => holds(known.get(key), value));
}
