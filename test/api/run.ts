import { spawn } from "node:child_process";
import path from "node:path";

import { findPython, runtimeEnvironment } from "../../local/python";

/** Runs pytest, with the arguments given, on the Python that is deployed; every package is checked against the lock. */
async function main(): Promise<void> {
  const wanted = "3.12";
  const found = await findPython(wanted);
  if (!found.exact) console.error(`There is no Python ${wanted} here; the API is tested on ${found.version} instead`);
  const python = await runtimeEnvironment(found, path.join(__dirname, "requirements.lock"));
  const pytest = spawn(python, ["-m", "pytest", ...process.argv.slice(2)], {
    cwd: path.join(__dirname, "..", ".."),
    stdio: "inherit",
  });
  pytest.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}

void main();
