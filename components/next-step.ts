import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

/**
 * Lets each failure of a cloud be followed by what to do: clouds and providers say what went wrong, and not that an update goes
 * on from where it failed. To be called by the program before it declares anything.
 */
export function tellNextStep(): void {
  // With mocks there is neither stack nor engine.
  if (pulumi.runtime.getStackResource() === undefined) return;
  const tell: pulumi.ErrorHookFunction = async () => {
    await sayNextStep();
    return false;
  };
  // The engine calls from outside of the program, where the Automation API knows no log.
  const hook = new pulumi.ErrorHook("next-step", AsyncResource.bind(tell));
  pulumi.runtime.registerStackTransformation(({ type, props, opts }) => {
    // Commands name their causes and steps themselves, and so do hooks that repeat an operation.
    if (!ofClouds.test(type) || opts.hooks?.onError !== undefined) return undefined;
    return { props, opts: { ...opts, hooks: { ...opts.hooks, onError: [hook] } } };
  });
}

/** Says it where an operation has failed for good; the engine ends soon after, so that it has to be waited for. */
export async function sayNextStep(): Promise<void> {
  await pulumi.log.error(
    "What was done stays: run the same command again, which goes on from there; where it fails again for the same reason, " +
      `mend that first, and npm run diagnose -- -s ${pulumi.getStack()} tells more`,
  );
}

const ofClouds = /^(aws|azure-native|gcp):/;
