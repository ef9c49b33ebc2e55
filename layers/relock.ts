import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

import { BuildError } from "./build-error";
import type { Target } from "./bundle";
import { writeAtomically } from "./cache";
import { lockPath, requirementsHeader, requirementsPath } from "./lock";
import { findUv } from "./uv";

const run = promisify(execFile);

/** The oldest Python that the locks serve; a layer for a newer one comes from the same lock. */
const oldestPython = "3.12";

/**
 * Resolves a target's requirements and rewrites its lock: every platform's hashes, and no address of an index. What is
 * locked already stays, unless its requirement no longer accepts it.
 */
export async function relock(target: Target): Promise<void> {
  const requirements = requirementsPath(target);
  try {
    await run(await findUv(), [
      ...["pip", "compile", requirements, "--output-file", lockPath(target), "--quiet"],
      ...["--universal", "--python-version", oldestPython, "--only-binary", ":all:"],
      ...["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"],
    ]);
  } catch (error) {
    const reason = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new BuildError(`the requirements of ${target} could not be resolved:\n${reason}`);
  }
  const [header, pins] = [
    requirementsHeader(await readFile(requirements, "utf8")),
    await readFile(lockPath(target), "utf8"),
  ];
  await writeAtomically(lockPath(target), header + pins);
}
