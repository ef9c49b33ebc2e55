import { AsyncResource } from "node:async_hooks";

import * as pulumi from "@pulumi/pulumi";

/**
 * A hook that prints in each preview and update what users notice while a resource changes, if the preview's steps do
 * not show it.
 *
 * @param name unique in the program, as the engine requires for every hook.
 * @param notice returns the message from the inputs before and after; undefined if users notice nothing. Values that
 * are unknown in a preview are absent.
 */
export function announcement(
  name: string,
  notice: (from: object, to: object) => string | undefined,
): pulumi.ResourceHook {
  const announce: pulumi.ResourceHookFunction = async ({ oldInputs, newInputs }) => {
    const message = notice({ ...oldInputs }, { ...newInputs });
    if (message !== undefined) await pulumi.log.warn(message);
  };
  // The engine calls the hook outside of the program's async context, where the Automation API has no log.
  return new pulumi.ResourceHook(`${name}-announcement`, AsyncResource.bind(announce), { onDryRun: true });
}
