import type { Workspace } from "@pulumi/pulumi/automation";
import { z } from "zod";

import { BuildError, reasonOf } from "../../layers/build-error";
import { pulumiCli } from "../vendor-cli";
import type { Consumer } from "./registry";

/** What is read of a stack's state: outputs are those of its resource `pulumi:pulumi:Stack`. */
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

/** A stack that the engine's backend knows. */
export interface KnownStack extends Consumer {
  readonly outputs: Readonly<Record<string, unknown>>;
}

/**
 * Every stack of the backend, those of other projects among them: a stack uses each layer version that a resource or an
 * output of it names, or that it has read from another stack. Nothing of a stack is decrypted for that.
 *
 * @throws {BuildError} for a stack that cannot be read: what it uses is not known then.
 */
export async function knownStacks(workspace: Workspace, progress: (line: string) => void): Promise<KnownStack[]> {
  const summaries = await workspace.listStacks({ all: true }).catch((error: unknown) => {
    throw new BuildError(`the stacks cannot be listed: ${engineReason(error)}; see what says: pulumi stack ls --all`);
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
    // Not by the Automation API, which decrypts what is secret: that takes another team's key, and is not needed here.
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
      `stack ${name} cannot be read, so what it uses is unknown: ${engineReason(error)}; see what says: ` +
        `pulumi stack export --stack ${name}`,
    );
  }
}

/** What the engine says, without the command line and the second copy of its output around it. */
function engineReason(error: unknown): string {
  const message = reasonOf(error);
  return /^error: (.+)$/m.exec(message)?.[1] ?? message;
}
