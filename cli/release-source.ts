import path from "node:path";

import { Option } from "commander";

import { onDemand } from "../layers/on-demand";
import { awsReleases } from "../operations/releases/aws";
import type { ReleaseSource } from "../operations/releases/releases";
import { ReleasedStack } from "../operations/releases/stack";

const checkout = path.join(__dirname, "..");

/** The same option for each command that asks a local cloud instead of the clouds themselves. */
export const localOption = () =>
  new Option("--local [folder]", "a stack on the local clouds, by their state folder").preset(
    path.join(checkout, ".local"),
  );

/** The clouds themselves and the backend that pulumi is signed in to, or the local clouds of a state folder. */
export async function releaseSource(
  stack: string,
  local: string | undefined,
  progress: (line: string) => void,
): Promise<ReleaseSource> {
  if (local === undefined) {
    return {
      stack: new ReleasedStack(stack, { command: "pulumi", cwd: checkout }),
      port: (cloud, region) => (cloud === "aws" ? awsReleases(region) : undefined),
    };
  }
  const state = path.resolve(local);
  const [{ localAwsReleases }, { runningCloud }, { findEngine }, { debugProviders, localWorkspace }] = await onDemand(
    () =>
      Promise.all([
        import("../local/aws-releases"),
        import("../local/cloud-process"),
        import("../local/engine"),
        import("../local/stack"),
      ]),
  );
  const engine = await findEngine(progress);
  const workspace = await localWorkspace({ engine, state, stack });
  const env = { ...workspace.envVars, PULUMI_DEBUG_PROVIDERS: debugProviders(await runningCloud(state)) };
  return {
    stack: new ReleasedStack(stack, { command: engine.command, cwd: workspace.workDir, env }),
    port: (cloud) => (cloud === "aws" ? localAwsReleases(state) : undefined),
  };
}
