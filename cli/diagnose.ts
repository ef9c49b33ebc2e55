import { Command } from "commander";

import { projectFolder } from "../contract/form";
import type { Environment } from "../operations/diagnose/diagnose";
import { InspectedStack } from "../operations/diagnose/stack";
import { vendorClouds } from "../operations/diagnose/vendors";
import { project } from "../operations/project";
import { version } from "../package.json";
import { asDiagnose } from "./diagnose-command";
import { progress, releaseSource } from "./release-source";

/** The stack of the `pulumi` on the PATH, in the backend that it is signed in to. */
async function deployedEnvironment(name: string): Promise<Environment> {
  const stack = new InspectedStack(name, { command: "pulumi", cwd: projectFolder });
  const outputs = await stack.outputs(`npm run deploy -- -s ${name}`);
  return {
    project,
    stack,
    outputs,
    clouds: vendorClouds(outputs),
    commands: {
      deploy: `npm run deploy -- -s ${name}`,
      redeploy: `npm run deploy -- -s ${name} --refresh`,
      reconcile: `pulumi refresh -s ${name}, which asks what became of each`,
      cancel: `wait for it; if it no longer runs: pulumi cancel -s ${name}`,
    },
  };
}

const command = new Command("diagnose")
  .requiredOption("-s, --stack <name>", "stack to look at; `npm run local -- diagnose` looks at the local one")
  .version(version)
  .showHelpAfterError("See: npm run diagnose -- --help")
  // 1 means findings.
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

const stackName = () => command.opts<{ stack: string }>().stack;
void asDiagnose(
  command,
  () => deployedEnvironment(stackName()),
  () => releaseSource(stackName(), undefined, progress),
  { isLive: true },
).parseAsync();
