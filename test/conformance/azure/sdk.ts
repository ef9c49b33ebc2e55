import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { json } from "node:stream/consumers";

import { z } from "zod";

import { findPython, pythonEnvironment } from "../../../layers/python";
import type { CallSchema } from "../calls";
import type { Model, Operation } from "./models";

/** The schemas of the management SDK's calls, by operation. */
export async function callSchemas(models: readonly Model[]): Promise<ReadonlyMap<Operation, CallSchema>> {
  const operations = models.flatMap(({ operation }) => operation ?? []);
  const lock = path.join(__dirname, "models.lock");
  const python = await pythonEnvironment(await findPython("3.12"), readFileSync(lock, "utf8"), [
    ...["--require-hashes", "--requirement", lock],
  ]);
  const reader = spawn(python, [path.join(__dirname, "models.py")], { stdio: ["pipe", "pipe", "inherit"] });
  reader.stdin.end(JSON.stringify(operations));
  const schemas = answer.parse(await json(reader.stdout));
  return new Map(operations.map((operation, index) => [operation, schemas[index] ?? {}]));
}

const answer = z.array(z.record(z.string(), z.unknown()));

/** Templates of a call's parameters: the properties of the same names. */
export function parametersOf(schema: CallSchema): Record<string, string> {
  const { properties } = callSchema.parse(schema);
  return Object.fromEntries(Object.keys(properties.parameters.properties).map((name) => [name, `{${name}}`]));
}

const callSchema = z.object({
  properties: z.object({ parameters: z.object({ properties: z.record(z.string(), z.unknown()) }) }),
});
