import { readFileSync } from "node:fs";
import path from "node:path";

import { parse } from "yaml";

/** Settings of a stack, nested as in Pulumi.<stack>.yaml. */
export type Configuration = Record<string, unknown>;

interface Project {
  readonly name: string;
  readonly config: Record<string, { readonly default: unknown }>;
}

const project = parse(readFileSync(path.join(__dirname, "..", "Pulumi.yaml"), "utf8")) as Project;

/**
 * The configuration as the engine passes it to the program: Pulumi.yaml's defaults, overridden by the stack's values,
 * as text.
 */
export function engineConfiguration(stack: Configuration = {}): Record<string, string> {
  const defaults = Object.entries(project.config).map(([key, { default: value }]) => [key, value] as const);
  const merged: Configuration = { ...Object.fromEntries(defaults), ...stack };
  return Object.fromEntries(
    Object.entries(merged).map(([key, value]) => [
      `${project.name}:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

export const projectName = project.name;
