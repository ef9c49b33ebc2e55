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
 * The configuration as the engine hands it to the program: Pulumi.yaml's defaults under the stack's own values, each
 * value as text. A dotted key of Pulumi.yaml is a path, as the engine has it.
 */
export function engineConfiguration(stack: Configuration = {}): Record<string, string> {
  const merged: Configuration = {};
  for (const [key, { default: value }] of Object.entries(project.config)) {
    const [first = key, second] = key.split(".");
    if (second === undefined) merged[first] = value;
    else merged[first] = { ...(merged[first] as Configuration | undefined), [second]: value };
  }
  for (const [key, value] of Object.entries(stack)) {
    const known = merged[key];
    merged[key] = isObject(known) && isObject(value) ? { ...known, ...value } : value;
  }
  return Object.fromEntries(
    Object.entries(merged).map(([key, value]) => [
      `${project.name}:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

function isObject(value: unknown): value is Configuration {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const projectName = project.name;
