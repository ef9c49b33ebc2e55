import { LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation";

import program from "../../../index";

/** Previews the program in an existing stack; the test runs it in a checkout without development dependencies. */
async function preview([engine = "", workDir = "", stackName = ""]: readonly string[]): Promise<void> {
  const pulumiCommand = await PulumiCommand.get({ root: engine, skipVersionCheck: true });
  const run = async () => ({ ...(await program()) });
  const workspace = { workDir, pulumiCommand };
  const stack = await LocalWorkspace.selectStack({ stackName, projectName: "", program: run }, workspace);
  const { changeSummary } = await stack.preview();
  process.stdout.write(`${JSON.stringify(changeSummary)}\n`);
}

void preview(process.argv.slice(2));
