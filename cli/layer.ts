import path from "node:path";

import { Command, InvalidArgumentError, Option } from "commander";

import { type Application, ApplicationError, readApplication } from "../contract/application";
import { projectFolder } from "../contract/form";
import { clouds as targets } from "../contract/clouds";
import { pythonVersions } from "../contract/pythons";
import type { AdvisorySource } from "../layers/audit";
import { build } from "../layers/build";
import { BuildError } from "../layers/build-error";
import type { Architecture, Target } from "../layers/bundle";
import { lockedFunctions } from "../layers/function-locks";
import { normalisedName } from "../layers/lock";
import { madeElsewhere } from "../layers/lock-forms";
import { onDemand } from "../layers/on-demand";
import type { comparisonForms } from "../layers/report";
import type { Strategy } from "../layers/strategy";
import type { UsedVersion } from "../operations/layer-versions/retention";
import { version } from "../package.json";

// Commands load their modules when they run, so that a build from the cache is almost as fast as the process start.

type ComparisonForm = keyof typeof comparisonForms;

const targetOption = () =>
  new Option("-t, --target <cloud...>", "clouds to do it for (default: those that every function can run on)").choices(
    targets,
  );
const requirementsOption = () =>
  new Option(
    "--requirements <folder>",
    "of <cloud>.in files that take the place of the application's own requirements",
  );
const applicationOption = () =>
  new Option("--application <folder>", "whose functions are meant").default("application");

interface LockFlags {
  readonly target?: Target[];
  readonly application: string;
  readonly requirements?: string;
}

interface BuildFlags extends LockFlags {
  readonly strategy: Strategy["kind"];
  readonly provided?: ReadonlyMap<string, string>;
  readonly architecture: Architecture;
  readonly pythonVersion: string;
  readonly bytecode: boolean;
  readonly prune: boolean;
  readonly keep?: string[];
  readonly keepSymbols?: string[];
  readonly verify?: true;
  readonly json?: true;
}

const program = new Command("layer")
  .description(
    "Builds the dependency layers and packages that the deployment uploads, the same bytes on every machine.",
  )
  .version(version)
  .showHelpAfterError("Options: npm run layer -- <command> --help")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command("build")
  .description("build the bundles from the locks, or take them from the cache")
  .addOption(targetOption())
  .addOption(
    new Option("--strategy <name>", "how packages are put into Lambda layers")
      .choices(["full", "hybrid", "split", "auto"] satisfies Strategy["kind"][])
      .default("full"),
  )
  .option("--provided <package==version...>", "packages in public layers, for strategy hybrid", pin)
  .addOption(new Option("--architecture <name>", "of the Lambda layer").choices(["x86_64", "arm64"]).default("x86_64"))
  .addOption(new Option("--python-version <version>").choices(pythonVersions).default("3.12"))
  .option("--no-bytecode", "add no bytecode: modules are compiled at each start of a function")
  .option("--no-prune", "keep tests, stubs and C sources that no program reads")
  .option("--verify", "read every byte of the cached bundles, to find damage")
  .option("--keep-symbols <package...>", "keep the debug symbols of these packages' native libraries")
  .option("--keep <path...>", "files to keep in any case, e.g. 'pandas/tests/**'")
  .addOption(applicationOption())
  .addOption(requirementsOption())
  .option("--json", "print the result as JSON")
  .action(async (flags: BuildFlags, command: Command) => {
    if ((flags.strategy === "hybrid") !== (flags.provided !== undefined)) {
      command.error("error: --provided and --strategy hybrid need each other");
    }
    const application = described(flags);
    const strategy = strategyOf(flags, application);
    const bundles = await build({ ...flags, application, targets: targetsOf(flags, application), strategy, progress });
    const text = flags.json
      ? JSON.stringify({ bundles })
      : await (await onDemand(() => import("../layers/report"))).bundleTable(bundles);
    process.stdout.write(`${text}\n`);
  });

program
  .command("lock")
  .description("resolve the requirements again and rewrite the locks")
  .addOption(targetOption())
  .addOption(applicationOption())
  .addOption(requirementsOption())
  .option("--upgrade [package...]", "upgrade these packages, or all, to the newest accepted version")
  .addOption(
    new Option(
      "--python-version <version>",
      "oldest Python to serve (default: as before; 3.12 for a new lock)",
    ).choices(pythonVersions),
  )
  .action(async (flags: LockFlags & { readonly upgrade?: true | string[]; readonly pythonVersion?: string }) => {
    const [{ checkUpgrade, relock }, { lockSummary }] = await onDemand(() =>
      Promise.all([import("../layers/relock"), import("../layers/report")]),
    );
    const upgrade = flags.upgrade === true ? "all" : flags.upgrade;
    const files = ownFiles(flags);
    if (flags.upgrade !== undefined && flags.upgrade !== true && files.length > 0) {
      await checkUpgrade(
        files.map(({ file }) => file),
        flags.upgrade,
      );
    }
    for (const { file, targets } of files) {
      progress(`Resolving the requirements of ${targets.join(", ")}`);
      const { before, after } = await relock(file, { ...flags, upgrade, sdists: sdistsOf(flags) });
      process.stdout.write(`${targets.join(", ")}: ${lockSummary(before, after)}\n`);
    }
  });

program
  .command("outdated")
  .description("show which locked packages have a newer version that the requirements accept; exit 1 where one has")
  .addOption(targetOption())
  .addOption(applicationOption())
  .addOption(requirementsOption())
  .action(async (flags: LockFlags) => {
    const [{ resolve }, { lockSummary, outdatedTable }] = await onDemand(() =>
      Promise.all([import("../layers/relock"), import("../layers/report")]),
    );
    for (const { file, targets } of ownFiles(flags)) {
      const { before, after } = await resolve(file, { upgrade: "all", sdists: sdistsOf(flags) });
      const current = lockSummary(before, after) === lockSummary(after, after);
      const names = targets.join(", ");
      process.stdout.write(current ? `${names}: up to date\n` : `${names}:\n${await outdatedTable(before, after)}\n`);
      if (!current) process.exitCode = 1;
    }
  });

program
  .command("audit")
  .description("report known vulnerabilities of everything that is locked; exit 1 where there is one, or no answer")
  .addOption(targetOption())
  .addOption(applicationOption())
  .addOption(requirementsOption())
  .addOption(
    new Option("--source <name>", "of advisories").choices(["pypi", "osv"] satisfies AdvisorySource[]).default("pypi"),
  )
  .action(async (flags: LockFlags & { readonly source: AdvisorySource }) => {
    const { audit } = await onDemand(() => import("../layers/audit"));
    const application = described(flags);
    for (const target of targetsOf(flags, application)) {
      const locked = await lockedFunctions(application, target, flags.requirements);
      const found = (await Promise.all(locked.map(({ lock }) => audit(lock, flags.source)))).flat();
      const lines = found.map(({ name, version, id, fixedIn }) => {
        return `${target}: ${name} ${version} has ${id}, fixed in ${fixedIn.join(", ") || "no version"}`;
      });
      process.stdout.write(`${lines.join("\n") || `${target}: no known vulnerability`}\n`);
      if (found.length > 0) process.exitCode = 1;
    }
  });

interface InspectFlags {
  readonly json?: true;
  readonly pruned?: true;
  readonly local?: string;
  readonly application: string;
}

program
  .command("inspect")
  .description("show what is inside a bundle")
  .argument(
    "[path-or-arn]",
    "zip that build has printed, its manifest, or a layer version (default: all the locks say)",
  )
  .option("--pruned", "list the files of the wheels that were left out, and why")
  .option("--json", "print the manifest as JSON")
  .addOption(applicationOption())
  .addOption(ofLocalCloud())
  .action(async (named: string | undefined, { json, pruned, local, ...flags }: InspectFlags) => {
    const file = named?.startsWith("arn:") ? await publishedFrom(named, local) : named;
    const [{ readManifest }, { manifestTable, prunedTable }] = await onDemand(() =>
      Promise.all([import("../layers/manifest"), import("../layers/report")]),
    );
    const files = file === undefined ? await builtFrom(described(flags)) : [file];
    const manifests = await Promise.all(files.map(readManifest));
    const texts = json
      ? [JSON.stringify(manifests)]
      : await Promise.all(manifests.map(pruned ? prunedTable : manifestTable));
    process.stdout.write(`${texts.join("\n\n")}\n`);
  });

program
  .command("diff")
  .description("list the packages in which two bundles differ")
  .argument("<before>", "zip that build has printed, or its manifest")
  .argument("<after>")
  .addOption(
    new Option("--format <name>").choices(["text", "json", "markdown"] satisfies ComparisonForm[]).default("text"),
  )
  .action(async (before: string, after: string, { format }: { format: ComparisonForm }) => {
    const [{ compare }, { readManifest }, { comparisonForms }] = await onDemand(() =>
      Promise.all([import("../layers/compare"), import("../layers/manifest"), import("../layers/report")]),
    );
    const comparison = compare(await readManifest(before), await readManifest(after));
    process.stdout.write(`${comparisonForms[format](comparison)}\n`);
  });

const scoped = (command: Command) =>
  command
    .option("-s, --stack <name>", "whose layers", "staging")
    .option("--region <name>", "where the layers are (default: where the stack is deployed)")
    .addOption(ofLocalCloud())
    .option("--json", "print them as JSON");

interface ScopeFlags {
  readonly stack: string;
  readonly region?: string;
  readonly local?: string;
  readonly json?: true;
}

scoped(program.command("versions"))
  .description("list the versions of a stack's layers, and the known stacks and functions that use each")
  .action(async (flags: ScopeFlags) => {
    const { listVersions, scope } = await layerVersions(flags);
    await printVersions(await listVersions(scope), flags);
  });

scoped(program.command("prune"))
  .description("delete a stack's older releases on every cloud, and older versions of its layers that nothing uses")
  .requiredOption("--keep <count>", "newest releases and versions of each layer that stay, used or not", count)
  .option("--dry-run", "only list what would be deleted")
  .action(async (flags: ScopeFlags & { readonly keep: number; readonly dryRun?: true }) => {
    const { pruneVersions, told, scope } = await layerVersions(flags);
    const done = flags.dryRun ? "Would delete" : "Deleted";
    // With --region only layers are pruned: the stack may no longer exist.
    if (flags.region === undefined) {
      const [{ releaseSource }, { pruneReleases }] = await onDemand(() =>
        Promise.all([import("./release-source"), import("../operations/releases/releases")]),
      );
      const source = await told(() => releaseSource(flags.stack, flags.local, progress));
      const pruned = await told(() => pruneReleases(source, { keep: flags.keep, dryRun: flags.dryRun ?? false }));
      for (const { cloud, fn, release } of pruned) progress(`${done} ${release.name} of ${fn.name} on ${cloud}`);
      if (!(await source.stack.clouds()).some(({ cloud }) => cloud === "aws")) {
        await printVersions([], flags);
        return;
      }
    }
    const versions = await pruneVersions(scope, flags);
    progress(`${done} ${versions.length} layer versions that nothing uses`);
    if (versions.length > 0 || flags.json) await printVersions(versions, flags);
  });

async function layerVersions(flags: ScopeFlags) {
  const [{ layerSource }, versions] = await onDemand(() =>
    Promise.all([import("./layer-versions"), import("../operations/layer-versions/versions")]),
  );
  const source = await layerSource(flags.local, flags.stack, progress);
  return { ...versions, scope: { ...source, stack: flags.stack, region: flags.region, progress } };
}

async function printVersions(versions: readonly UsedVersion[], { json }: ScopeFlags): Promise<void> {
  const { versionTable } = await onDemand(() => import("../operations/layer-versions/report"));
  process.stdout.write(`${json ? JSON.stringify(versions) : await versionTable(versions, new Date())}\n`);
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Expected a number of versions, e.g. 5.");
  return Number(text);
}

async function publishedFrom(arn: string, local: string | undefined): Promise<string> {
  const { publishedBundle, scope } = await layerVersions({ stack: "staging", local });
  return publishedBundle(arn, scope.registries);
}

function ofLocalCloud(): Option {
  return new Option("--local [folder]", "a local cloud's, by its state folder").preset(
    path.join(projectFolder, ".local"),
  );
}

/** The requirement files of the application, for builds without other options. */
async function builtFrom(application: Application): Promise<string[]> {
  const bundles = await build({
    application,
    targets: targetsOf({}, application),
    pythonVersion: "3.12",
    architecture: "x86_64",
    progress,
  });
  return bundles.map((bundle) => bundle.path);
}

/** The given clouds, or those for which every function has an entry point. */
function targetsOf({ target }: Pick<LockFlags, "target">, { functions }: Application): readonly Target[] {
  if (target !== undefined) return target;
  const everywhere = targets.filter((cloud) => functions.every(({ entryPoints }) => entryPoints[cloud] !== undefined));
  // If there is none, the build reports which function lacks one for which cloud.
  return everywhere.length > 0 ? everywhere : targets;
}

function described({ application }: Pick<LockFlags, "application">): Application {
  return readApplication(projectFolder, application);
}

/** Whether sources may be built; only the description of an application can forbid it. */
function sdistsOf(flags: LockFlags): boolean {
  return flags.requirements !== undefined || described(flags).layers.sdists;
}

/** Files of requirements whose locks this tool writes; for the others, reports the tool that does, with exit code 1. */
function ownFiles(flags: LockFlags) {
  return requirementFiles(flags).filter(({ file, targets }) => {
    const elsewhere = madeElsewhere(file);
    if (elsewhere === undefined) return true;
    progress(`${targets.join(", ")}: ${elsewhere}`);
    process.exitCode = 1;
    return false;
  });
}

/** Each file of requirements once, with its clouds. */
function requirementFiles({ requirements, ...flags }: LockFlags) {
  const files = new Map<string, Target[]>();
  const add = (file: string | undefined, target: Target) => {
    if (file === undefined) return;
    files.set(file, [...new Set([...(files.get(file) ?? []), target])]);
  };
  if (requirements !== undefined) {
    for (const target of flags.target ?? targets) add(path.join(requirements, `${target}.in`), target);
  } else {
    const application = described(flags);
    for (const target of targetsOf(flags, application)) {
      for (const fn of application.functions) add(fn.requirements[target], target);
    }
  }
  return [...files].map(([file, targets]) => ({ file, targets }));
}

function strategyOf({ strategy, provided = new Map() }: BuildFlags, { layers }: Application): Strategy {
  switch (strategy) {
    case "full":
    case "auto":
      return { kind: strategy };
    case "hybrid":
      return { kind: "hybrid", provided };
    case "split":
      return { kind: "split", groups: layers.groups };
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

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A reader such as head may close the pipe early.
  if (error.code === "EPIPE") process.exit();
  progress(`the output cannot be written: ${error.message}`);
  process.exit(1);
});

program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof BuildError || error instanceof ApplicationError)) throw error;
  progress(error.message);
  process.exitCode = 1;
});
