import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { version } from "@pulumi/pulumi/version";
import { z } from "zod";

const manifest = z.object({ version: z.string() });

/**
 * Checks that a program and these components load the same copy of Pulumi's SDK. With two copies, resources of one are
 * unknown to the other, and the engine waits silently.
 *
 * @param folder of the program. Default: the working directory, in which Pulumi runs a program.
 * @throws naming both copies, and how to have one.
 */
export function requireOneSdk(folder = process.cwd()): void {
  const file = "@pulumi/pulumi/package.json";
  const ours = realpathSync(require.resolve(file));
  const load = createRequire(path.join(folder, "package.json"));
  let theirs: string;
  try {
    theirs = realpathSync(load.resolve(file));
  } catch {
    // Not run from the program's folder, so there is nothing to compare.
    return;
  }
  if (theirs === ours) return;
  const { version: other } = manifest.parse(load(file));
  throw new Error(
    `two copies of @pulumi/pulumi are installed: the program has ${other} in ${path.dirname(theirs)}, its components have ` +
      `${version} in ${path.dirname(ours)}; expected one that both load. Accept ${version} in package.json's dependencies ` +
      "of the program, then run: npm install && npm dedupe @pulumi/pulumi",
  );
}
