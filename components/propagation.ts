import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

import { sayNextStep } from "./next-step";

export interface PropagationArgs {
  /** The cloud's error until the change has propagated. */
  readonly error: RegExp;
  /** Printed after the last attempt, e.g. what to check. */
  readonly advice: string;
  /** Attempts after the first. Default: 10. */
  readonly attempts?: number;
  /** Seconds between attempts. Default: 30, which with ten attempts is the five minutes that IAM changes usually take. */
  readonly delaySeconds?: number;
}

/**
 * Retries a step that failed because a role or an API, granted or enabled a moment ago, has not propagated yet. Every
 * other error fails at once, and so does a create that was accepted before it failed: the engine would create the
 * existing resource again, be rejected, and forget it (pulumi/pulumi#24683). The next update continues from there.
 *
 * ```ts
 * new Blob(name, args, { hooks: retryWhilePropagating(name, { error: /AuthorizationFailed/, advice: "..." }) });
 * ```
 *
 * @param name unique in the program, as the engine requires for every hook.
 */
export function retryWhilePropagating(name: string, args: PropagationArgs): pulumi.ResourceHookBinding {
  const { error, advice, attempts = 10, delaySeconds = 30 } = args;
  const retry: pulumi.ErrorHookFunction = async ({ failedOperation, errors: [latest = "", ...earlier] }) => {
    if (!error.test(latest)) {
      await sayNextStep(latest);
      return false;
    }
    if (failedOperation === "create" && wasAccepted(latest)) {
      void pulumi.log.error(`${name}: it was accepted and failed later; run the update again to continue; ${advice}`);
      return false;
    }
    if (earlier.length >= attempts) {
      void pulumi.log.error(`${name}: still refused after ${attempts * delaySeconds} seconds; ${advice}`);
      return false;
    }
    void pulumi.log.info(`${name}: not everywhere yet, trying again in ${delaySeconds} seconds`);
    await new Promise((resolve) => setTimeout(resolve, delaySeconds * 1000));
    return true;
  };
  // The engine calls the hook outside of the program's async context, where the Automation API has no log.
  const hook = new pulumi.ErrorHook(`${name}-propagation`, AsyncResource.bind(retry));
  return { onError: [hook] };
}

/** Whether the resource exists in spite of the error: the engine then lists the provider's reasons. */
function wasAccepted(error: string): boolean {
  return /^\d+ errors? occurred:/.test(error);
}
