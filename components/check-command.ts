import path from "node:path";

import * as command from "@pulumi/command/local";
import type * as pulumi from "@pulumi/pulumi";

import { nodeArguments } from "../contract/form";

const root = path.join(__dirname, "..");

/**
 * Runs one of the programs in `cli/` as a resource, so that the update fails if the program fails.
 *
 * A change of its environment is an update of this resource in the preview, and the next update repeats a failed check.
 *
 * @param program the file's name, without its extension.
 * @param logging which output a user sees while it runs. Default: none.
 */
export function checkCommand(
  name: string,
  program: "canary" | "smoke-check" | "version-check",
  environment: Readonly<Record<string, pulumi.Input<string>>>,
  opts: pulumi.CustomResourceOptions,
  logging: command.Logging = command.Logging.None,
): command.Command {
  return new command.Command(
    name,
    {
      create: ["node", ...nodeArguments(`cli/${program}`, "./run-typescript.js")].join(" "),
      // Relative, so that another checkout sees no change.
      dir: path.relative(process.cwd(), root) || undefined,
      environment,
      logging,
    },
    opts,
  );
}
