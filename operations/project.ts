import { readFileSync } from "node:fs";
import path from "node:path";

import { projectFolder } from "../contract/form";

/** Name of the Pulumi project in Pulumi.yaml; a team that adopts this repository renames it. */
export const project = nameIn(readFileSync(path.join(projectFolder, "Pulumi.yaml"), "utf8"));

/**
 * Name of the project in a Pulumi.yaml.
 *
 * @param file its text.
 * @throws if the file has no name; the engine rejects it too.
 */
export function nameIn(file: string): string {
  const [, name] = /^name:\s*["']?([\w.-]+)/m.exec(file) ?? [];
  if (name === undefined) throw new Error("Pulumi.yaml has no name; expected a line like: name: my-project");
  return name;
}
