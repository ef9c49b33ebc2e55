import { createHash } from "node:crypto";
import path from "node:path";

import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import type { Probe } from "../../contract/application";

export interface VersionCheckArgs {
  /** ARN without a version. */
  readonly functionArn: pulumi.Input<string>;
  /** Number of the published version. */
  readonly version: pulumi.Input<string>;
  /** Requests that it has to answer. Absent: it runs on a schedule, and is asked whether it could. */
  readonly probes?: readonly Probe[];
  /** What its answers have to name as their release. Default: none. */
  readonly release?: pulumi.Input<string>;
  /** Whatever its answers depend on beside what the version keeps: where any of it changes, it is asked again. */
  readonly dependsOnToo: pulumi.Input<unknown>;
  /** Seconds in which it has to answer. Default: 300, in which a new role is known everywhere. */
  readonly timeoutSeconds?: number;
}

const root = path.join(__dirname, "..", "..");

/**
 * Invokes a published version before it serves users. Where it does not answer, the update fails with the cause, and the
 * alias, which depends on this, stays where it is. The next update repeats a check that failed.
 */
export function versionCheck(
  name: string,
  args: VersionCheckArgs,
  opts: pulumi.CustomResourceOptions,
): command.Command {
  const { functionArn, version, probes, release, dependsOnToo, timeoutSeconds = 300 } = args;
  return new command.Command(
    name,
    {
      create: "node --require tsx/cjs cli/version-check.ts",
      // Relative, or another checkout would see a change.
      dir: path.relative(process.cwd(), root) || undefined,
      environment: {
        FUNCTION: functionArn,
        VERSION: version,
        ...(probes && { PROBES: JSON.stringify(probes) }),
        ...(release !== undefined && { RELEASE: release }),
        TIMEOUT_SECONDS: String(timeoutSeconds),
        // A digest: a configuration may hold values that do not belong into this resource's state.
        DEPENDS_ON_TOO: pulumi
          .jsonStringify(dependsOnToo)
          .apply((text) => createHash("sha256").update(text).digest("hex")),
      },
      logging: command.Logging.None,
    },
    opts,
  );
}
