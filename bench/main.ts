import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import path from "node:path";

import { Argument, Command, InvalidArgumentError, Option } from "commander";

import { chart } from "./chart";
import { deployments } from "./deployments";
import { largeBuilds } from "./large-sets";
import { layerBuilds, processStart } from "./layer-builds";
import { developerLoop, loopMarkdown } from "./loop";
import { deploymentsMarkdown, markdown, type Results } from "./report";
import { type CloudResults, updatesMarkdown } from "./updates/report";
import { problemsOf } from "./updates/deployment";
import { runUpdates } from "./updates/run";
import { faulty, fine } from "./updates/updates";
import { crossAll, type Crossed } from "./weather/cross";
import { crossedMarkdown, type CrossedResults, type LifeResults, livesMarkdown } from "./weather/report";
import { live } from "./weather/seeds";
import { type Cloud, clouds } from "../contract/clouds";
import { settingFlag } from "../local/command-line";

interface Flags {
  readonly rounds: number;
  readonly output: string;
  readonly only?: Part;
  readonly config?: Readonly<Record<string, string>>;
}

/** Parts that can be measured separately; the others keep their earlier results. */
const parts = ["layers", "large", "deployments"] as const;
type Part = (typeof parts)[number];

const defaultOutput = path.join(__dirname, "..", "docs", "benchmarks");

const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}`;
const today = () => new Date().toISOString().slice(0, 10);

const updates = new Command("updates")
  .description("Updates, sound ones and others, on local clouds whose API and frontend are asked all the while.")
  .addArgument(new Argument("[clouds...]", "where").choices(clouds).default(clouds))
  .option("--output <folder>", "for table and figures", defaultOutput)
  .action(async (chosen: readonly Cloud[], { output }: Pick<Flags, "output">) => {
    const file = path.join(output, "updates.json");
    mkdirSync(output, { recursive: true });
    for (const cloud of chosen) {
      const [before = 0] = loadavg();
      const run = await runUpdates(cloud, [...fine, ...faulty], progress).catch((error: unknown) => {
        progress(`${cloud}: ended before its last row, and stays as it was measured before: ${String(error)}`);
        return undefined;
      });
      if (run?.every((outcome) => problemsOf(outcome).length === 0) !== true) process.exitCode = 1;
      if (run === undefined) continue;
      const [after = 0] = loadavg();
      const outcomes = run.map(({ errors: _, ...told }) => told);
      const measured: CloudResults = { cloud, date: today(), machine, load: [before, after], outcomes };
      const earlier = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as CloudResults[]) : [];
      const results = clouds.flatMap((each) =>
        each === cloud ? [measured] : earlier.filter((other) => other.cloud === each),
      );
      writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
      writeFileSync(path.join(output, "updates.md"), updatesMarkdown(results));
    }
    if (existsSync(file)) process.stdout.write(readFileSync(path.join(output, "updates.md"), "utf8"));
  });

const loop = new Command("loop")
  .description("Previews, the start of `npm run local`, and edits, as a developer waits for them.")
  .option("--rounds <count>", "of every measurement", count, 3)
  .option("--output <folder>", "for the table", defaultOutput)
  .action(async ({ rounds, output }: Pick<Flags, "rounds" | "output">) => {
    const text = loopMarkdown({ date: today(), machine, ...(await developerLoop(rounds, progress)) });
    mkdirSync(output, { recursive: true });
    writeFileSync(path.join(output, "loop.md"), text);
    process.stdout.write(text);
  });

const seeds = new Command("seeds")
  .description("Stacks' lives on local clouds whose faults and delays follow from a seed: up, two changes, destroy.")
  .addArgument(new Argument("[clouds...]", "where").choices(clouds).default(clouds))
  .option("--first <seed>", "a whole number; the next lives have the ones after it", count, 1)
  .option("--count <lives>", "on each cloud", count, 100)
  .option("--output <folder>", "for the table, beside lives under other seeds that are there", defaultOutput)
  .action(async (chosen: readonly Cloud[], { first, count: lives, output }: SeedFlags) => {
    const file = path.join(output, "seeds.json");
    for (let seed = first; seed < first + lives; seed += 1) {
      for (const cloud of chosen) {
        const life = await live(cloud, String(seed), progress);
        const { changes, again, configured, seconds, problems } = life;
        const verdict = problems.length === 0 ? "survived" : `DID NOT SURVIVE: ${problems.join("; ")}`;
        progress(
          `${cloud} ${seed}, ${changes.join(", ")}: ${verdict}; ${again} again, ${configured} with a setting, ${seconds.toFixed(0)} s`,
        );
        mkdirSync(output, { recursive: true });
        // Other runs may have added results meanwhile.
        const others = (existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as LifeResults).lives : []).filter(
          (other) => other.cloud !== cloud || other.seed !== life.seed,
        );
        const results: LifeResults = { date: today(), machine, lives: [...others, life] };
        writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
        writeFileSync(path.join(output, "seeds.md"), livesMarkdown(results));
        if (problems.length > 0) process.exitCode = 1;
      }
    }
    process.stdout.write(readFileSync(path.join(output, "seeds.md"), "utf8"));
  });

const settings = new Command("settings")
  .description("Every setting from its default to another value and back, on a living stack under bad weather.")
  .addArgument(new Argument("[clouds...]", "where").choices(clouds).default(clouds))
  .option("--seed <seed>", "what faults and delays follow from", "1")
  .option("--only <settings...>", "names of settings")
  .option("--output <folder>", "for the table, beside other clouds' settings that are there", defaultOutput)
  .action(async (chosen: readonly Cloud[], { seed, only, output }: SettingFlags) => {
    const file = path.join(output, "settings.json");
    mkdirSync(output, { recursive: true });
    const add = (one: Crossed) => {
      const before = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as CrossedResults).crossed : [];
      const others = before.filter(({ cloud, name }) => cloud !== one.cloud || name !== one.name);
      const results: CrossedResults = { date: today(), machine, seed, crossed: [...others, one] };
      writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
      writeFileSync(path.join(output, "settings.md"), crossedMarkdown(results));
      if (one.problems.length > 0) process.exitCode = 1;
    };
    for (const cloud of chosen) await crossAll(cloud, seed, progress, add, only);
    process.stdout.write(readFileSync(path.join(output, "settings.md"), "utf8"));
  });

interface SettingFlags {
  readonly seed: string;
  readonly only?: readonly string[];
  readonly output: string;
}

interface SeedFlags {
  readonly first: number;
  readonly count: number;
  readonly output: string;
}

new Command("bench")
  .enablePositionalOptions()
  .addCommand(updates)
  .addCommand(loop)
  .addCommand(seeds)
  .addCommand(settings)
  .description("Measures the layer builder beside others, and the engine and the API on this machine, in one run.")
  .option("--rounds <count>", "of every measurement", count, 3)
  .option("--output <folder>", "for table, figures and chart", defaultOutput)
  .addOption(new Option("--only <part>", "to measure, beside the results that are there").choices(parts))
  .option(
    "-c, --config <path=value>",
    "deploy with this setting, e.g. application=examples/shop, and print what that takes: nothing else is measured, and no file is written",
    settingFlag,
  )
  .action(async ({ rounds, output, only, config }: Flags) => {
    if (config !== undefined) {
      if (only !== undefined && only !== "deployments") {
        throw new Error(`--only ${only} measures sets of requirements of its own; leave out --config, or --only`);
      }
      process.stdout.write(deploymentsMarkdown(await deployments(rounds, config, progress)));
      return;
    }
    const file = path.join(output, "results.json");
    const wanted = (part: Part) => only === undefined || only === part;
    const earlier = only === undefined ? {} : (JSON.parse(readFileSync(file, "utf8")) as Partial<Results>);
    const results: Results = {
      date: today(),
      machine,
      node: process.versions.node,
      builds: wanted("layers") ? await layerBuilds(rounds, progress) : (earlier.builds ?? []),
      large: wanted("large") ? await largeBuilds(rounds, progress) : (earlier.large ?? []),
      processStart: await processStart(rounds),
      deployments: wanted("deployments") ? await deployments(rounds, {}, progress) : (earlier.deployments ?? []),
    };
    mkdirSync(output, { recursive: true });
    writeFileSync(path.join(output, "README.md"), markdown(results));
    writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
    writeFileSync(path.join(output, "layers.svg"), chart(results.builds));
    process.stdout.write(markdown(results));
  })
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });

function count(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("Expected how many times, e.g. 3.");
  return Number(text);
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
