import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { z } from "zod";

import { findPython, pythonEnvironment } from "../../../layers/python";
import type { ApiCall, TemplateResource } from "./translation";

/** The part of a template that is checked. */
export interface Template {
  readonly region: string;
  readonly resources: Readonly<Record<string, TemplateResource>>;
}

const finding = z.object({
  /** Logical id; empty for a finding about the whole template. */
  resource: z.string(),
  /** Path within the resource. */
  at: z.string(),
  /** Rule of cfn-lint, e.g. `E3030`. */
  rule: z.string(),
  message: z.string(),
});

const judgement = z.object({
  /** Findings of each template. */
  templates: z.array(z.array(finding)),
  /** Errors of each call against botocore's model. */
  calls: z.array(z.array(z.string())),
  /** Permissions of the handlers of CloudFormation types, by type name. */
  handlers: z.record(z.string(), z.array(z.string())),
});

/** Checks templates and calls with AWS's own models. */
export async function judge(request: {
  readonly templates: readonly Template[];
  readonly calls: readonly ApiCall[];
  /** CloudFormation types for whose handlers to return the permissions. Default: none. */
  readonly handlers?: readonly string[];
}): Promise<z.output<typeof judgement>> {
  const lock = path.join(__dirname, "judge.lock");
  const install = ["--require-hashes", "--requirement", lock];
  const python = await pythonEnvironment(await findPython("3.12"), await readFile(lock, "utf8"), install);
  const child = spawn(python, [path.join(__dirname, "judge.py")]);
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
  }
  child.stdin.end(JSON.stringify(request));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  if (code !== 0) throw new Error(`judge.py failed:\n${output.stderr}`);
  return judgement.parse(JSON.parse(output.stdout));
}
