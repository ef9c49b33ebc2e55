import { noEntryPoints } from "../../layers/application-files";
import { build } from "../../layers/build";
import type { Target } from "../../layers/bundle";

/** Builds in a process of its own, which tells what that took. */
async function main(): Promise<void> {
  const [target, requirements] = process.argv.slice(2) as [Target, string];
  const begin = process.hrtime.bigint();
  const bundles = await build({
    targets: [target],
    pythonVersion: "3.12",
    architecture: "x86_64",
    entryPoints: noEntryPoints,
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
