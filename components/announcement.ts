import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

/**
 * Says in each preview and update what users notice while a resource goes from one state to another, where the steps of the
 * preview do not show it.
 *
 * @param name unique in the program, as the engine asks of every hook.
 * @param notice by the inputs before and after; undefined where users notice nothing. Values that a preview does not know are
 *   absent.
 */
export function announcement(
  name: string,
  notice: (from: object, to: object) => string | undefined,
): pulumi.ResourceHook {
  const tell: pulumi.ResourceHookFunction = async ({ oldInputs, newInputs }) => {
    const told = notice({ ...oldInputs }, { ...newInputs });
    if (told !== undefined) await pulumi.log.warn(told);
  };
  // The engine calls from outside of the program, where the Automation API knows no log.
  return new pulumi.ResourceHook(`${name}-announcement`, AsyncResource.bind(tell), { onDryRun: true });
}
