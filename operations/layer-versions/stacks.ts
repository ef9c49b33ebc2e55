import type { Workspace } from "@pulumi/pulumi/automation";
import { z } from "zod";

import { BuildError, reasonOf } from "../../layers/build-error";
import { pulumiCli } from "../vendor-cli";
import type { Consumer } from "./registry";

/** The parts of a stack's state that are read; its outputs are in the resource `pulumi:pulumi:Stack`. */
const deploymentSchema = z.object({
  resources: z
    .array(z.looseObject({ type: z.string(), outputs: z.record(z.string(), z.unknown()).default({}) }))
    .default([]),
});

const exportSchema = z.object({
  deployment: deploymentSchema.nullish().transform((found) => found ?? { resources: [] }),
});

/** ARN of a layer version, in any partition. */
const layerVersionArn = /arn:[\w-]+:lambda:[\w-]+:\d{12}:layer:[\w-]+:\d+/g;

/** A stack in the engine's backend. */
export interface KnownStack extends Consumer {
  readonly outputs: Readonly<Record<string, unknown>>;
}

/**
 * Every stack of the backend, including those of other projects. A stack uses each layer version that one of its resources
 * or outputs names, or that it has read from another stack. Nothing is decrypted.
 *
 * @throws {BuildError} for a stack that cannot be read, because its layer versions are unknown.
 */
export async function knownStacks(workspace: Workspace, progress: (line: string) => void): Promise<KnownStack[]> {
  const summaries = await workspace.listStacks({ all: true }).catch((error: unknown) => {
    throw new BuildError(`the stacks cannot be listed: ${engineReason(error)}; for details run: pulumi stack ls --all`);
  });
  const stacks: KnownStack[] = [];
  for (const { name } of summaries) {
    progress(`Reading stack ${name}`);
    stacks.push(await read(workspace, name));
  }
  return stacks;
}

async function read(workspace: Workspace, name: string): Promise<KnownStack> {
  try {
    const { pulumiCommand, workDir: cwd, envVars: env } = workspace;
    // The Automation API would decrypt secrets, which needs other teams' keys.
    const exported = await pulumiCli({ command: pulumiCommand.command, cwd, env }).run(
      "stack",
      "export",
      "--stack",
      name,
    );
    // A stack that was never updated has no deployment.
    const { resources } = exportSchema.parse(JSON.parse(exported)).deployment;
    return {
      name: `stack ${name}`,
      layerArns: [...new Set(JSON.stringify(resources).match(layerVersionArn) ?? [])],
      outputs: resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {},
    };
  } catch (error) {
    throw new BuildError(
      `stack ${name} cannot be read, so the layers that it uses are unknown: ${engineReason(error)}; for details run: ` +
        `pulumi stack export --stack ${name}`,
    );
  }
}

/** The engine's error message, without the command line and the repeated output around it. */
function engineReason(error: unknown): string {
  const message = reasonOf(error);
  return /^error: (.+)$/m.exec(message)?.[1] ?? message;
}
