import { AsyncResource } from "node:async_hooks";
import path from "node:path";

import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import { nodeArguments } from "../../contract/form";
import { regionOf } from "./arn";

const root = path.join(__dirname, "..", "..");

/**
 * Keeps serving what a function of release 3.0.0 served, whose API calls `$LATEST`: before its first update publishes versions,
 * what it is now becomes one, and the API calls that, until the alias names a version that was verified. Otherwise users would
 * call the new code before it has been asked.
 *
 * @param name unique in the program, as the engine asks of every hook.
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
  // The engine calls from outside of the program, where the Automation API knows no engine.
  return new pulumi.ResourceHook(`${name}-former-version`, AsyncResource.bind(keep));
}
