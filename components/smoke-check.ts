import type * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import type { Probe, PythonFunction } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import { checkCommand } from "./check-command";
import { digestOf } from "./digest";
import type { AwsOutputs, AzureOutputs, GcpOutputs, LayerOutputs } from "./outputs";

export interface SmokeCheckArgs {
  readonly cloud: Cloud;
  /** Base address of the probes' paths, without a trailing slash. */
  readonly address: pulumi.Input<string>;
  /** Header fields of each request. Default: none. */
  readonly headers?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Whose identity token each request has, on Google Cloud: the deploying identity's. Default: none. */
  readonly identity?: "caller";
  /** Requests that have to get the expected response, several times in a row. */
  readonly probes: readonly Probe[];
  /** Prefix of every response's `x-release`. Default: any release is accepted. */
  readonly release?: pulumi.Input<string>;
  /** Outputs for finding the cause of a failure. */
  readonly outputs: AwsOutputs | AzureOutputs | GcpOutputs;
  /** The function's expected layers, by name. Default: none. */
  readonly layers?: Record<string, LayerOutputs>;
  /** What the API's responses depend on: a change repeats the check. */
  readonly deployed: Record<string, unknown>;
  /** Seconds in which the API has to answer. Default: 300, enough for a new role or host name to propagate. */
  readonly timeoutSeconds?: number;
}

/** The response of the adapter of a function on a schedule, without running it. */
const scheduledProbe: Probe = { path: "/multicloud/probe", status: 200, json: { status: "ok" } };

/** The probes of a function that receives requests. */
export function probesOf(description: PythonFunction): readonly Probe[] {
  return description.kind === "http" ? description.probes : [scheduledProbe];
}

/** Prints that the smoke check probes no API, and what is checked instead. */
export function tellNoApi(instead: string, application: pulumi.Resource): void {
  void pulumi.log.info(`No function answers requests, so the smoke check asks no API; ${instead}`, application);
}

/**
 * Sends a deployed function its probes. If it does not answer, or another release answers, the update fails with the
 * cause in the function's log.
 */
export function smokeCheck(name: string, args: SmokeCheckArgs, opts: pulumi.CustomResourceOptions): command.Command {
  const {
    cloud,
    address,
    headers,
    identity,
    probes,
    release,
    outputs,
    layers = {},
    deployed,
    timeoutSeconds = 300,
  } = args;
  return checkCommand(
    name,
    "smoke-check",
    {
      CLOUD: cloud,
      ADDRESS: address,
      PROBES: JSON.stringify(probes),
      ...(identity !== undefined && { IDENTITY: identity }),
      ...(headers !== undefined && { HEADERS: pulumi.jsonStringify(headers) }),
      ...(release !== undefined && { RELEASE: release }),
      PATIENCE: String(timeoutSeconds),
      OUTPUTS: pulumi.jsonStringify({ [cloud]: outputs, layers }),
      // Only a digest, since a function's configuration may contain values that do not belong in this resource's state.
      DEPLOYED: digestOf(deployed),
    },
    opts,
  );
}
