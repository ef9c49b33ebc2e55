import path from "node:path";

import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import type { Cloud } from "../contract/clouds";
import type { AwsOutputs, AzureOutputs, GcpOutputs, LayerOutputs } from "./outputs";

export interface SmokeCheckArgs {
  readonly cloud: Cloud;
  /** Address below which the API's status is at `/api/` and the messages at `/api/messages/`. */
  readonly address: pulumi.Input<string>;
  /** Where a failure's cause is looked for. */
  readonly outputs: AwsOutputs | AzureOutputs | GcpOutputs;
  /** The layers that the function has to have, by name. Default: none. */
  readonly layers?: Record<string, LayerOutputs>;
  /** Whatever the API's answers depend on: where any of it changes, the API is asked again. */
  readonly deployed: Record<string, unknown>;
  /** Seconds in which the API has to answer. Default: 300, in which a new role or host name is known everywhere. */
  readonly patience?: number;
}

const root = path.join(__dirname, "..");

/**
 * Asks the API, once it is deployed, for its status and for messages. Where it does not answer, or another version
 * does, the update fails with the cause, as far as the function's log tells it.
 *
 * A change shows as an update of this resource in the preview, and the next update repeats a check that failed.
 */
export function smokeCheck(name: string, args: SmokeCheckArgs, opts: pulumi.CustomResourceOptions): command.Command {
  const { cloud, address, outputs, layers = {}, deployed, patience = 300 } = args;
  return new command.Command(
    name,
    {
      create: "node --require tsx/cjs cli/smoke-check.ts",
      // Relative, or another checkout would see a change.
      dir: path.relative(process.cwd(), root) || undefined,
      environment: {
        CLOUD: cloud,
        ADDRESS: address,
        PATIENCE: String(patience),
        OUTPUTS: pulumi.jsonStringify({ [cloud]: outputs, layers }),
        DEPLOYED: pulumi.jsonStringify(deployed),
      },
      logging: command.Logging.None,
    },
    opts,
  );
}
