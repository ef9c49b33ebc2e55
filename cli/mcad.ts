import { projectFolder } from "../contract/form";
import { onDemand } from "../layers/on-demand";

const commands: Readonly<Record<string, () => Promise<unknown>>> = {
  local: () => import("./local"),
  layer: () => import("./layer"),
  diagnose: () => import("./diagnose"),
  releases: () => import("./releases"),
  rollback: () => import("./rollback"),
  "preview-comment": () => import("./preview-comment"),
};

async function main(): Promise<void> {
  const [, , first = ""] = process.argv;
  // Verbs of `local` need no prefix, except that `diagnose` is the one for real clouds.
  const command = Object.hasOwn(commands, first) ? commands[process.argv.splice(2, 1)[0] ?? ""] : commands.local;
  // Paths in arguments are relative to the project, wherever in it this is called.
  process.chdir(projectFolder);
  if (command !== undefined) await onDemand(command);
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
