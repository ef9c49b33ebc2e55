import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { findPython } from "../layers/python";
import { findUv } from "../layers/uv";

const run = promisify(execFile);

const script = "import debugpy, os; print(os.path.dirname(os.path.dirname(debugpy.__file__)))";

/**
 * Folder of a debugpy for a Python version: the environment variable DEBUGPY_PATH, otherwise one that uv installs into
 * its cache, like `uv run --with debugpy`.
 *
 * @throws if uv cannot install it.
 */
export async function findDebugpy(pythonVersion: string): Promise<string> {
  const { DEBUGPY_PATH } = process.env;
  if (DEBUGPY_PATH !== undefined && DEBUGPY_PATH !== "") return path.resolve(DEBUGPY_PATH);
  const [uv, { executable }] = await Promise.all([findUv(), findPython(pythonVersion)]);
  const flags = ["--quiet", "--no-project", "--isolated", "--python", executable, "--with", "debugpy"];
  try {
    const { stdout } = await run(uv, ["run", ...flags, "python", "-c", script]);
    return stdout.trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `uv could not install debugpy: ${reason}; install it (pip install debugpy) and name its folder in DEBUGPY_PATH`,
    );
  }
}
