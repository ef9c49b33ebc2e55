import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

/**
 * Prints the next step after each failure of a cloud, since clouds and providers do not say that an update continues
 * from where it failed. The program calls it before it declares anything.
 */
export function tellNextStep(): void {
  // With mocks there is neither a stack nor an engine.
  if (pulumi.runtime.getStackResource() === undefined) return;
  const tell: pulumi.ErrorHookFunction = async () => {
    await sayNextStep();
    return false;
  };
  // The engine calls the hook outside of the program's async context, where the Automation API has no log.
  const hook = new pulumi.ErrorHook("next-step", AsyncResource.bind(tell));
  pulumi.runtime.registerStackTransformation(({ type, props, opts }) => {
    // Commands print their own causes and steps, and so do hooks that retry an operation.
    if (!ofClouds.test(type) || opts.hooks?.onError !== undefined) return undefined;
    return { props, opts: { ...opts, hooks: { ...opts.hooks, onError: [hook] } } };
  });
}

/**
 * Prints it after the final failure of an operation. The engine ends soon afterwards, so the call has to be awaited.
 */
export async function sayNextStep(): Promise<void> {
  await pulumi.log.error(
    "Completed changes stay: run the same command again to continue; if it fails again for the same reason, " +
      `fix that first; npm run diagnose -- -s ${pulumi.getStack()} shows more`,
  );
}

const ofClouds = /^(aws|azure-native|gcp):/;
