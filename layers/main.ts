import { Command, Option } from "commander";

import { build } from "./build";
import { BuildError } from "./build-error";
import type { Architecture, Bundle, Target } from "./bundle";

const targets = ["aws", "azure", "gcp"] as const satisfies Target[];

const targetOption = () =>
  new Option("-t, --target <cloud...>", "clouds to build for").choices(targets).default([...targets]);

interface BuildFlags {
  readonly target: Target[];
  readonly architecture: Architecture;
  readonly pythonVersion: string;
  readonly json?: true;
}

const program = new Command("layer")
  .description(
    "Builds the dependency layers and packages that the deployment uploads, the same bytes on every machine.",
  )
  .showHelpAfterError();

program
  .command("build")
  .description("build what the locks say, from the cache where nothing changed")
  .addOption(targetOption())
  .addOption(new Option("--strategy <strategy>").choices(["full"]).default("full"))
  .addOption(new Option("--architecture <name>", "of the Lambda layer").choices(["x86_64", "arm64"]).default("x86_64"))
  .addOption(new Option("--python-version <version>").choices(["3.12", "3.13"]).default("3.12"))
  .option("--json", "print the result as JSON")
  .action(async ({ target, architecture, pythonVersion, json }: BuildFlags) => {
    const bundles = await build({ targets: target, architecture, pythonVersion, progress });
    process.stdout.write(json ? `${JSON.stringify({ bundles })}\n` : await table(bundles));
  });

program
  .command("lock")
  .description("resolve the requirements again and rewrite the locks")
  .addOption(targetOption())
  .action(async ({ target }: { target: Target[] }) => {
    const { relock } = await import("./relock");
    for (const each of target) {
      progress(`Resolving the requirements of ${each}`);
      await relock(each);
    }
  });

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function table(bundles: readonly Bundle[]): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const rows = new Table({ head: ["target", "kind", "packages", "MB", "sha256", "path"], style: { head: [] } });
  for (const bundle of bundles) {
    const packages = "packages" in bundle ? String(bundle.packages.length) : "";
    const size = (bundle.size / 1_000_000).toFixed(2);
    rows.push([bundle.target, bundle.kind, packages, size, bundle.sha256.slice(0, 12), bundle.path]);
  }
  return `${rows.toString()}\n`;
}

program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
