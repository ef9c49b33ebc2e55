import { existsSync } from "node:fs";
import path from "node:path";

import { type Command, Option } from "commander";

import { projectFolder } from "../contract/form";
import { onDemand } from "../layers/on-demand";
import { awsReleases } from "../operations/releases/aws";
import { azureReleases } from "../operations/releases/azure";
import { gcpReleases } from "../operations/releases/gcp";
import type { ReleasePort } from "../operations/releases/port";
import type { ReleaseSource } from "../operations/releases/releases";
import { type ReleasedCloud, ReleasedStack } from "../operations/releases/stack";
import { UnansweredError } from "../operations/unanswered-error";
import { version } from "../package.json";

/** The option of commands that can use a local cloud instead of the real ones. */
export const localOption = () =>
  new Option("--local [folder]", "a stack on the local clouds, by their state folder").preset(
    path.join(projectFolder, ".local"),
  );

/** Writes progress to standard error. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs a command. A failure is printed with its next step and exits with 1, an error in the command line with 2. */
export function runCommand(command: Command): void {
  command.version(version).exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  command.parseAsync().catch((error: unknown) => {
    const next = error instanceof UnansweredError ? `\nnext: ${error.next}` : "";
    progress(`error: ${error instanceof Error ? error.message : String(error)}${next}`);
    process.exitCode = 1;
  });
}

/** The real clouds and pulumi's backend, or the local clouds of a state folder. */
export async function releaseSource(
  stack: string,
  local: string | undefined,
  progress: (line: string) => void,
): Promise<ReleaseSource> {
  return local === undefined
    ? { stack: new ReleasedStack(stack, { command: "pulumi", cwd: projectFolder }), port: vendorReleases, progress }
    : localReleases(stack, path.resolve(local), progress);
}

function vendorReleases({ cloud, region, project, subscriptionId, resources }: ReleasedCloud): ReleasePort {
  if (cloud === "aws") return awsReleases(region);
  return cloud === "azure" ? azureReleases(subscriptionId, resources) : gcpReleases({ project, region });
}

/** Without the Automation API, which takes seconds to load. */
async function localReleases(stack: string, state: string, progress: (line: string) => void): Promise<ReleaseSource> {
  const [aws, azure, gcp, { asker, runningCloud }, engine, { cachedEngine }, { commandLine }] = await onDemand(() =>
    Promise.all([
      import("../local/aws-releases"),
      import("../local/azure-releases"),
      import("../local/gcp-releases"),
      import("../local/cloud-process"),
      import("../local/engine-environment"),
      import("../local/engine-version"),
      import("../local/command-line"),
    ]),
  );
  const cwd = engine.workDirectory(state);
  if (!existsSync(path.join(cwd, `Pulumi.${stack}.yaml`))) {
    throw new UnansweredError(`nothing is deployed in ${state} as stack ${stack}`, commandLine({ state, stack }, "up"));
  }
  engine.removeStaleLocks(state);
  const command = (await cachedEngine()) ?? (await otherEngine(progress));
  const env = engine.engineVariables(state, await runningCloud(state));
  const ask = asker(state);
  const ports = {
    aws: () => aws.localAwsReleases(state, ask),
    azure: ({ resources }: ReleasedCloud) => azure.localAzureReleases(state, resources, ask),
    gcp: () => gcp.localGcpReleases(state, ask),
  };
  return {
    stack: new ReleasedStack(stack, { command, cwd, env }),
    port: (found) => ports[found.cloud](found),
    progress,
  };
}

async function otherEngine(progress: (line: string) => void): Promise<string> {
  const { findEngine } = await onDemand(() => import("../local/engine"));
  return (await findEngine(progress)).command;
}
