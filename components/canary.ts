import * as command from "@pulumi/command/local";
import type * as pulumi from "@pulumi/pulumi";

import { checkCommand } from "./check-command";
import { digestOf } from "./digest";

/** The canary of a new release. */
export interface CanaryArgs {
  /** Share of the requests for the new release: 1 to 50 percent. */
  readonly percentage: number;
  /** Duration in minutes. */
  readonly minutes: number;
  /**
   * Number of responses with status 500 or higher, and of failures, at which the previous release gets all requests
   * back.
   */
  readonly errors: number;
  /** Names of CloudWatch alarms that also end it. Default: none. */
  readonly alarms?: readonly string[];
}

/** A function with shared traffic. */
export interface CanaryFunction {
  readonly cloud: "aws" | "gcp";
  /** Name of the function on the cloud. */
  readonly functionName: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  /** Id of the project, on Google Cloud. */
  readonly project?: string;
  /** Changes with every deployment of the function. */
  readonly deployed: unknown;
}

/** The new release: its version number, or the release in its responses. */
export type Candidate = { readonly version: pulumi.Input<string> } | { readonly release: pulumi.Input<string> };

/**
 * Gives a new, verified release a share of the requests for some minutes. Without failures it gets all requests
 * afterwards. After failures or an interruption, the previous release gets all of them back, and the update fails with
 * the reason. The next update repeats the canary. Progress is printed while it runs.
 */
export function canary(
  name: string,
  fn: CanaryFunction,
  { percentage, minutes, errors, alarms }: CanaryArgs,
  candidate: Candidate,
  opts: pulumi.CustomResourceOptions,
): command.Command {
  const settings = {
    PERCENTAGE: String(percentage),
    MINUTES: String(minutes),
    ERRORS: String(errors),
    ...(alarms !== undefined && alarms.length > 0 && { ALARMS: JSON.stringify(alarms) }),
  };
  const isNew: Record<string, pulumi.Input<string>> = "version" in candidate
    ? { VERSION: candidate.version }
    : { RELEASE: candidate.release };
  return checkCommand(name, "canary", { ...described(fn), ...isNew, ...settings }, opts, command.Logging.Stdout);
}

/** Keeps all requests on the serving release while the next one is deployed, which would otherwise get them at once. */
export function trafficHold(name: string, fn: CanaryFunction, opts: pulumi.CustomResourceOptions): command.Command {
  return checkCommand(name, "canary", described(fn), opts);
}

function described({ cloud, functionName, region, project, deployed }: CanaryFunction) {
  return {
    CLOUD: cloud,
    FUNCTION: functionName,
    REGION: region,
    ...(project !== undefined && { PROJECT: project }),
    DEPLOYED: digestOf(deployed),
  };
}
