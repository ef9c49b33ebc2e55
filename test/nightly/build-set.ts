import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { readApplication } from "../../contract/application";
import { build } from "../../layers/build";
import type { Target } from "../../layers/bundle";

/** Builds in a separate process, and prints the time and memory it used. */
async function main(): Promise<void> {
  const [target, requirements] = process.argv.slice(2) as [Target, string];
  // An application without imports: only the requirements are built.
  const folder = path.join(requirements, "app");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, "pyproject.toml"),
    '[project]\nname = "app"\nversion = "1"\n[tool.multicloud.functions.api]\nhandler = "main:handler"\nrequirements = "requirements.in"\n',
  );
  writeFileSync(path.join(folder, "main.py"), "def handler(event, context):\n    return None\n");
  writeFileSync(path.join(folder, "requirements.in"), "");
  const begin = process.hrtime.bigint();
  const bundles = await build({
    targets: [target],
    pythonVersion: "3.12",
    architecture: "x86_64",
    application: readApplication(requirements, "app"),
    requirements,
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
  process.stdout.write(JSON.stringify({ bundles, seconds, cpuSeconds, megabytes: maxRSS / 1024 }));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
