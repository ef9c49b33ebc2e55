import { AsyncResource } from "node:async_hooks";
import path from "node:path";

import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import { nodeArguments } from "../../contract/form";
import { regionOf } from "./arn";

const root = path.join(__dirname, "..", "..");

/**
 * Keeps the code of a function of release 3.0.0 serving, whose API calls `$LATEST`. Before the first update publishes
 * versions, the hook publishes the current code as a version and lets the API call it, until the alias refers to a
 * verified version. Otherwise users would reach the new code before it has been probed.
 *
 * @param name unique in the program, as the engine requires for every hook.
 */
export function keepFormerVersion(name: string): pulumi.ResourceHook {
  const keep: pulumi.ResourceHookFunction = async ({ oldInputs, oldOutputs }) => {
    const { publish } = { publish: false, ...oldInputs };
    const { name: functionName, arn } = { name: "", arn: "", ...oldOutputs };
    if (publish || arn === "") return;
    await command.run({
      command: ["node", ...nodeArguments("cli/former-version", "./run-typescript.js")].join(" "),
      dir: path.relative(process.cwd(), root) || undefined,
      environment: { FUNCTION: functionName, REGION: regionOf(arn) },
      logging: command.Logging.None,
    });
  };
  // The engine calls the hook outside of the program's async context, where the Automation API knows no engine.
  return new pulumi.ResourceHook(`${name}-former-version`, AsyncResource.bind(keep));
}
