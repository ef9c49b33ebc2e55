import * as command from "@pulumi/command/local";
import type * as pulumi from "@pulumi/pulumi";

import { checkCommand } from "./check-command";
import { digestOf } from "./digest";

/** What a new release has to pass before it has all requests. */
export interface CanaryArgs {
  /** Of the requests, that it has at first: 1 to 50. */
  readonly percentage: number;
  /** Minutes in which it has them. */
  readonly minutes: number;
  /** Answers of status 500 and more, and failures, from which on the release before has all requests again. */
  readonly errors: number;
  /** Names of CloudWatch's alarms that take it back too. Default: none. */
  readonly alarms?: readonly string[];
}

/** A function whose traffic is shared. */
export interface CanaryFunction {
  readonly cloud: "aws" | "gcp";
  /** The cloud's name of it. */
  readonly functionName: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  /** Id of the project, on Google Cloud. */
  readonly project?: string;
  /** Everything by which one deployment of it differs from another. */
  readonly deployed: unknown;
}

/** Which release is new: by its version's number, or by what its answers name. */
export type Candidate = { readonly version: pulumi.Input<string> } | { readonly release: pulumi.Input<string> };

/**
 * Gives a new release, which was verified, a share of the requests for some minutes. Where it fails at none, it has all of
 * them afterwards; where it does, or where this is interrupted, the release before has all again, and the update fails with
 * the reason. The next update repeats it. What happens is told while it does.
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

/** Lets what serves have all requests while the next release is deployed, which would have them at once otherwise. */
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
