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
  // A verb of `local` needs no name before it, but `diagnose` is the one of real clouds.
  const command = Object.hasOwn(commands, first) ? commands[process.argv.splice(2, 1)[0] ?? ""] : commands.local;
  // Files that a command names are the project's, from wherever in it this is called.
  process.chdir(projectFolder);
  if (command !== undefined) await onDemand(command);
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
