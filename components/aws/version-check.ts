import type * as command from "@pulumi/command/local";
import type * as pulumi from "@pulumi/pulumi";

import type { Probe } from "../../contract/application";
import { checkCommand } from "../check-command";
import { digestOf } from "../digest";

export interface VersionCheckArgs {
  /** ARN without a version. */
  readonly functionArn: pulumi.Input<string>;
  /** Number of the published version. */
  readonly version: pulumi.Input<string>;
  /** Requests that it has to answer. Absent for a function on a schedule, which is probed by an event. */
  readonly probes?: readonly Probe[];
  /** The release that its responses have to name. Default: not checked. */
  readonly release?: pulumi.Input<string>;
  /**
   * Whether versions have snapshots: a version whose snapshot failed is never invoked, but published again by the next
   * check, whose standard output is the number of the version that answered. Default: false.
   */
  readonly snapStart?: boolean;
  /** Values beside the version's own on which its responses depend: a change of any of them repeats the check. */
  readonly dependsOnToo: pulumi.Input<unknown>;
  /** Seconds in which it has to answer. Default: 300, enough for a new role to propagate. */
  readonly timeoutSeconds?: number;
}

/**
 * Invokes a published version before it serves users. If it does not answer, the update fails with the cause, and the
 * alias, which depends on this resource, does not move. The next update repeats a failed check.
 */
export function versionCheck(
  name: string,
  args: VersionCheckArgs,
  opts: pulumi.CustomResourceOptions,
): command.Command {
  const { functionArn, version, probes, release, snapStart, dependsOnToo, timeoutSeconds = 300 } = args;
  return checkCommand(
    name,
    "version-check",
    {
      FUNCTION: functionArn,
      VERSION: version,
      ...(probes && { PROBES: JSON.stringify(probes) }),
      ...(release !== undefined && { RELEASE: release }),
      ...(snapStart === true && { SNAP_START: "true" }),
      TIMEOUT_SECONDS: String(timeoutSeconds),
      // Only a digest, since the configuration may contain values that do not belong in this resource's state.
      DEPENDS_ON_TOO: digestOf(dependsOnToo),
    },
    opts,
  );
}
