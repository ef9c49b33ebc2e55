import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

import { findPython, pythonEnvironment } from "../../layers/python";

const deployed = "3.12";
const oldestMinor = 11;
const lock = path.join(__dirname, "requirements.lock");

/**
 * Runs a tool of the API's tests (`pytest`, `ruff`) with the given arguments, on the deployed Python version; every
 * package is checked against the lock.
 */
async function main(): Promise<void> {
  const found = await findPython(deployed);
  if (Number(found.version.split(".")[1]) < oldestMinor) {
    throw new Error(
      `the API needs Python 3.${oldestMinor} or newer, found ${found.version}; install Python ${deployed}`,
    );
  }
  if (!found.exact) console.error(`There is no Python ${deployed} here; the API is tested on ${found.version} instead`);

  const install = ["--require-hashes", "--requirement", lock];
  const python = await pythonEnvironment(found, readFileSync(lock, "utf8"), install);
  const tool = spawn(python, ["-m", ...process.argv.slice(2)], {
    cwd: path.join(__dirname, "..", ".."),
    stdio: "inherit",
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  tool.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
