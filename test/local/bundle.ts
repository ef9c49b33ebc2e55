import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import type { BuildResult, Target } from "../../layers/bundle";
import { findPython } from "../../layers/python";

const run = promisify(execFile);

/** The application's own bundle for a cloud, built for the Python version of this machine. */
export async function bundleFor(target: Exclude<Target, "aws">) {
  const { version } = await findPython("3.12");
  const builder = ["--require", "./run-typescript.js", path.join("cli", "layer.ts"), "build", "--json"];
  const { stdout } = await run(process.execPath, [...builder, "--target", target, "--python-version", version], {
    cwd: path.join(__dirname, "..", ".."),
    maxBuffer: 16 * 1024 * 1024,
  });
  const { bundles } = JSON.parse(stdout) as BuildResult;
  for (const bundle of bundles) if ("pythonVersion" in bundle) return bundle;
  throw new Error(`the builder gave no bundle for ${target}`);
}
