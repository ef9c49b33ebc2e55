import { Command, InvalidArgumentError, Option } from "commander";

import { build } from "./build";
import { BuildError } from "./build-error";
import type { Architecture, Target } from "./bundle";
import { normalisedName, requirementsFolder } from "./lock";
import { relock } from "./relock";
import { bundleTable, changeSummary } from "./report";
import { readGroups, type Strategy } from "./strategy";

const targets = ["aws", "azure", "gcp"] as const satisfies Target[];

const targetOption = () =>
  new Option("-t, --target <cloud...>", "clouds to do it for").choices(targets).default([...targets]);
const requirementsOption = () =>
  new Option("--requirements <folder>", "where requirements and locks are").default(
    requirementsFolder,
    "layers/requirements",
  );

interface BuildFlags {
  readonly target: Target[];
  readonly strategy: Strategy["kind"];
  readonly provided?: ReadonlyMap<string, string>;
  readonly architecture: Architecture;
  readonly pythonVersion: string;
  readonly requirements: string;
  readonly json?: true;
}

const program = new Command("layer")
  .description(
    "Builds the dependency layers and packages that the deployment uploads, the same bytes on every machine.",
  )
  .showHelpAfterError("Options: npm run layer -- <command> --help")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command("build")
  .description("build what the locks say, from the cache where nothing changed")
  .addOption(targetOption())
  .addOption(
    new Option("--strategy <name>", "how packages are put into Lambda layers")
      .choices(["full", "hybrid", "split"] satisfies Strategy["kind"][])
      .default("full"),
  )
  .option("--provided <package==version...>", "what public layers carry, for strategy hybrid", pin)
  .addOption(new Option("--architecture <name>", "of the Lambda layer").choices(["x86_64", "arm64"]).default("x86_64"))
  .addOption(new Option("--python-version <version>").choices(["3.11", "3.12", "3.13"]).default("3.12"))
  .addOption(requirementsOption())
  .option("--json", "print the result as JSON")
  .action(async (flags: BuildFlags, command: Command) => {
    if ((flags.strategy === "hybrid") !== (flags.provided !== undefined)) {
      command.error("error: --provided and --strategy hybrid need each other");
    }
    const bundles = await build({ ...flags, targets: flags.target, strategy: await strategyOf(flags), progress });
    const text = flags.json ? JSON.stringify({ bundles }) : await bundleTable(bundles);
    process.stdout.write(`${text}\n`);
  });

program
  .command("lock")
  .description("resolve the requirements again and rewrite the locks")
  .addOption(targetOption())
  .addOption(requirementsOption())
  .option("--upgrade [package...]", "bring these packages, or all, to the newest version that is accepted")
  .action(async (flags: { target: Target[]; requirements: string; upgrade?: true | string[] }) => {
    progress(`Resolving the requirements of ${flags.target.join(", ")}`);
    const upgrade = flags.upgrade === true ? "all" : flags.upgrade;
    const results = await Promise.all(
      flags.target.map(async (target) => ({ target, ...(await relock(flags.requirements, target, { upgrade })) })),
    );
    for (const { target, before, after } of results) {
      process.stdout.write(`${target}: ${changeSummary(before, after)}\n`);
    }
  });

async function strategyOf({ strategy, provided = new Map(), requirements }: BuildFlags): Promise<Strategy> {
  switch (strategy) {
    case "full":
      return { kind: "full" };
    case "hybrid":
      return { kind: "hybrid", provided };
    case "split":
      return { kind: "split", groups: await readGroups(requirements, "aws") };
  }
}

function pin(text: string, earlier: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const [, name, version] = /^([A-Za-z0-9][\w.-]*)==([^=\s]+)$/.exec(text) ?? [];
  if (name === undefined || version === undefined) {
    throw new InvalidArgumentError("Expected a package and its version, e.g. pyjwt==2.15.1.");
  }
  return new Map([...earlier, [normalisedName(name), version]]);
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
