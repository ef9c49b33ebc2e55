import type * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import type { Probe, PythonFunction } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import { checkCommand } from "./check-command";
import { digestOf } from "./digest";
import type { AwsOutputs, AzureOutputs, GcpOutputs, LayerOutputs } from "./outputs";

export interface SmokeCheckArgs {
  readonly cloud: Cloud;
  /** Address that the probes' paths are below, without a slash at its end. */
  readonly address: pulumi.Input<string>;
  /** Header fields of each request. Default: none. */
  readonly headers?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Whose identity token each request has, on Google Cloud: that of who deploys. Default: none. */
  readonly identity?: "caller";
  /** Requests that have to be answered as they say, several times in a row. */
  readonly probes: readonly Probe[];
  /** What every answer's `x-release` begins with. Default: any release is accepted. */
  readonly release?: pulumi.Input<string>;
  /** Where the cause of a failure is looked up. */
  readonly outputs: AwsOutputs | AzureOutputs | GcpOutputs;
  /** The layers that the function has to have, by name. Default: none. */
  readonly layers?: Record<string, LayerOutputs>;
  /** What the API's answers depend on: a change of any of it repeats the check. */
  readonly deployed: Record<string, unknown>;
  /** Seconds in which the API has to answer. Default: 300, in which a new role or host name propagates. */
  readonly timeoutSeconds?: number;
}

/** What the adapter of a function on a schedule answers, without running it. */
const scheduledProbe: Probe = { path: "/multicloud/probe", status: 200, json: { status: "ok" } };

/** Requests that a function has to answer, where requests reach it. */
export function probesOf(description: PythonFunction): readonly Probe[] {
  return description.kind === "http" ? description.probes : [scheduledProbe];
}

/** Says that a smoke check asks no API, and what is asked before it serves in its place. */
export function tellNoApi(instead: string, application: pulumi.Resource): void {
  void pulumi.log.info(`No function answers requests, so the smoke check asks no API; ${instead}`, application);
}

/**
 * Sends a deployed function its probes. Where it does not answer, or another release answers, the update fails with the cause
 * that the function's log shows.
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
      // A digest: a function's configuration may hold values that do not belong into this resource's state.
      DEPLOYED: digestOf(deployed),
    },
    opts,
  );
}
