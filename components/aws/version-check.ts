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
  /** Requests that it has to answer. Absent: it runs on a schedule, and is asked whether it could. */
  readonly probes?: readonly Probe[];
  /** What its answers have to name as their release. Default: none. */
  readonly release?: pulumi.Input<string>;
  /**
   * Whether versions have snapshots: one whose snapshot could not be made is never asked, and published anew by the next check,
   * whose standard output is the number of the version that answered. Default: false.
   */
  readonly snapStart?: boolean;
  /** Whatever its answers depend on beside what the version keeps: where any of it changes, it is asked again. */
  readonly dependsOnToo: pulumi.Input<unknown>;
  /** Seconds in which it has to answer. Default: 300, in which a new role is known everywhere. */
  readonly timeoutSeconds?: number;
}

/**
 * Invokes a published version before it serves users. Where it does not answer, the update fails with the cause, and the
 * alias, which depends on this, stays where it is. The next update repeats a check that failed.
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
      // A digest: a configuration may hold values that do not belong into this resource's state.
      DEPENDS_ON_TOO: digestOf(dependsOnToo),
    },
    opts,
  );
}
