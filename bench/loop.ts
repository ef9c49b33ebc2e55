import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { type Cloud, clouds } from "../contract/clouds";
import { stopCloud } from "../local/cloud-process";
import { findEngine } from "../local/engine";
import { engineState, stackOutputs } from "../local/engine-state";
import { type Timing, timing } from "./timing";

const checkout = path.join(__dirname, "..");
const loader = path.join(checkout, "run-typescript.js");

/** Previews of one program without a change, each in a new process. */
export interface Previews {
  readonly program: string;
  /** Of the stack, without components. */
  readonly resources: number;
  readonly seconds: Timing;
}

/** Waiting times of a developer, in seconds. */
export interface Loop {
  readonly date: string;
  readonly machine: string;
  /** The first is of an empty program. */
  readonly previews: readonly Previews[];
  /** From the command to its first line, and until it serves, without a change. */
  readonly start: { readonly firstLine: Timing; readonly serving: Timing };
  /** The first response of each cloud after that. */
  readonly firstAnswer: Readonly<Record<Cloud, number>>;
  /** From a save until the new code answers. */
  readonly saved: Readonly<Record<Cloud, Timing>>;
}

type Measured = Omit<Loop, "date" | "machine">;

/** Function counts of the applications whose previews show the cost of each further resource. */
const counts = [1, 5, 20] as const;

/** Measures previews, starts and edits on the command line. */
export async function developerLoop(rounds: number, progress: (line: string) => void): Promise<Measured> {
  const folder = mkdtempSync(path.join(tmpdir(), "loop-"));
  // Inside the project, which applications require, and not hidden, as hidden folders are not watched.
  const applications = path.join(checkout, path.basename(folder));
  const states: string[] = [];
  const stack = async (name: string, settings: readonly string[]) => {
    const state = path.join(folder, name.replaceAll(" ", "-"));
    states.push(state);
    progress(`up: ${name}`);
    await local(state, settings, "up", "--detach");
    return { name, state, settings, runs: [] as number[] };
  };
  try {
    writeFileSync(path.join(folder, "empty.js"), empty);
    const board = path.join(applications, "board");
    mkdirSync(applications, { recursive: true });
    cpSync(path.join(checkout, "application"), board, { recursive: true });
    const own = [`application=${path.relative(checkout, board)}`];
    const stacks = [await stack("three clouds", own)];
    for (const count of counts) {
      const application = functionsOf(count, path.join(applications, `functions-${count}`));
      const settings = [`application=${path.relative(checkout, application)}`, "clouds=[aws]"];
      stacks.push(await stack(`${count} functions on AWS`, settings));
    }
    const engine = path.dirname(path.dirname((await findEngine(progress)).command));
    const nothing: number[] = [];
    // Alternating, so that a busy machine affects all.
    for (let round = 0; round < rounds; round += 1) {
      progress(`previews ${round + 1} of ${rounds}`);
      nothing.push(await run([path.join(folder, "empty.js"), folder, engine]));
      for (const { state, settings, runs } of stacks) runs.push(await local(state, settings, "preview"));
    }
    const previews = stacks.map(({ name, state, runs }) => {
      const own = engineState({ state }).filter(({ type }) => !/^(pulumi|multicloud):/.test(type));
      return { program: name, resources: own.length, seconds: timing(runs) };
    });
    const [state = ""] = states;
    progress("start and edits");
    const rest = await edits(state, own, path.join(board, "api", "app.py"), rounds);
    return { previews: [{ program: "nothing", resources: 0, seconds: timing(nothing) }, ...previews], ...rest };
  } finally {
    for (const state of states) await stopCloud(state);
    for (const each of [folder, applications]) rmSync(each, { recursive: true, force: true });
  }
}

/** Lower bound of a preview: an empty program with the SDK and the engine. */
const empty = `
const { LocalWorkspace, PulumiCommand } = require(${JSON.stringify(path.join(checkout, "node_modules/@pulumi/pulumi/automation"))});
(async () => {
  const workDir = process.argv[2];
  const envVars = { PULUMI_BACKEND_URL: "file://" + workDir, PULUMI_CONFIG_PASSPHRASE: "", PULUMI_SKIP_UPDATE_CHECK: "1" };
  const options = { workDir, envVars, pulumiCommand: await PulumiCommand.get({ root: process.argv[3], skipVersionCheck: true }) };
  const program = async () => {};
  const stack = await LocalWorkspace.createOrSelectStack({ stackName: "empty", projectName: "empty", program }, options);
  await stack.preview();
})();
`;

/** An application with a number of functions, without packages. */
function functionsOf(count: number, folder: string): string {
  cpSync(path.join(checkout, "examples", "plain"), folder, { recursive: true });
  const description = path.join(folder, "pyproject.toml");
  const [head = ""] = readFileSync(description, "utf8").split("[tool.multicloud.functions");
  const functions = Array.from({ length: count }, (_, index) => {
    const routes = index === 0 ? "" : `routes = ["/f${index}/*"]\nhealth = "/f${index}/"\n`;
    return `[tool.multicloud.functions.f${index}]\nhandler = { aws = "hello:handler" }\nrequirements = "requirements.in"\n${routes}`;
  });
  writeFileSync(description, [head.trimEnd(), ...functions].join("\n\n"));
  return folder;
}

async function edits(state: string, settings: readonly string[], file: string, rounds: number) {
  const [firstLine, serving]: [number[], number[]] = [[], []];
  const saved: Record<Cloud, number[]> = { aws: [], azure: [], gcp: [] };
  const firstAnswer: Record<Cloud, number> = { aws: NaN, azure: NaN, gcp: NaN };
  const source = readFileSync(file, "utf8");
  for (let round = 0; round < rounds; round += 1) {
    await stopCloud(state);
    const started = performance.now();
    const child = start(state, settings, "up", "--watch");
    const told = listen(child);
    await until(child, () => told() !== "");
    firstLine.push(since(started));
    await until(child, () => told().includes("what you save is served"));
    serving.push(since(started));
    const urls = addresses(state);
    for (const cloud of clouds) {
      const asked = performance.now();
      await (await fetch(urls[cloud])).text();
      firstAnswer[cloud] = since(asked);
    }
    const edited = performance.now();
    writeFileSync(file, source.replace('"status": "ok"', `"status": "ok", "round": "${round}"`));
    await Promise.all(
      clouds.map(async (cloud) => {
        await until(child, async () => (await (await fetch(urls[cloud])).text()).includes(`"round":"${round}"`));
        saved[cloud].push(since(edited));
      }),
    );
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("close", resolve));
  }
  return {
    start: { firstLine: timing(firstLine), serving: timing(serving) },
    firstAnswer,
    saved: { aws: timing(saved.aws), azure: timing(saved.azure), gcp: timing(saved.gcp) },
  };
}

function addresses(state: string): Record<Cloud, string> {
  const outputs = stackOutputs({ state });
  const urlOf = (cloud: Cloud) => `${(outputs[cloud] as { apiUrl: string }).apiUrl}/api/`;
  return { aws: urlOf("aws"), azure: urlOf("azure"), gcp: urlOf("gcp") };
}

const since = (started: number) => (performance.now() - started) / 1000;

function start(state: string, settings: readonly string[], ...verb: readonly string[]): ChildProcess {
  const config = settings.flatMap((setting) => ["--config", setting]);
  const args = ["--require", loader, path.join(checkout, "cli", "local.ts"), "--state", state, ...config, ...verb];
  return spawn(process.execPath, args, { cwd: checkout, stdio: ["ignore", "pipe", "pipe"] });
}

function listen(child: ChildProcess): () => string {
  let text = "";
  for (const output of [child.stdout, child.stderr]) output?.on("data", (data: Buffer) => (text += data.toString()));
  return () => text;
}

/** @throws with its output, if the process ends before. */
async function until(child: ChildProcess, condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    if (child.exitCode !== null) throw new Error(`npm run local has ended with ${child.exitCode}`);
    await sleep(5);
  }
}

async function local(state: string, settings: readonly string[], ...verb: readonly string[]): Promise<number> {
  return ended(start(state, settings, ...verb));
}

function run(args: readonly string[]): Promise<number> {
  return ended(spawn(process.execPath, args, { cwd: checkout, stdio: ["ignore", "pipe", "pipe"] }));
}

/** Seconds until a process has ended. */
async function ended(child: ChildProcess): Promise<number> {
  const started = performance.now();
  const told = listen(child);
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(told());
  return since(started);
}

/** The results as a Markdown document. */
export function loopMarkdown({ date, machine, previews, start, firstAnswer, saved }: Loop): string {
  const [nothing, ...programs] = previews;
  const base = nothing?.seconds.median ?? NaN;
  const [few, many] = [programs.at(1), programs.at(-1)];
  const growth =
    few === undefined || many === undefined
      ? NaN
      : (1000 * (many.seconds.median - few.seconds.median)) / (many.resources - few.resources);
  const s = (value: number) => `${value.toFixed(2)} s`;
  return [
    "# What a developer waits for",
    "",
    `Written by \`npm run bench -- loop\` on ${date}: ${machine}. Medians; compare within this run only.`,
    "",
    "## A preview without a change, by `npm run local -- preview`",
    "",
    "| program | resources | seconds | times the program that declares nothing |",
    "| --- | ---: | ---: | ---: |",
    `| nothing, by the Automation API of \`@pulumi/pulumi\` alone | 0 | ${s(base)} | 1 |`,
    ...programs.map(({ program, resources, seconds }) => {
      return `| ${program} | ${resources} | ${s(seconds.median)} | ${(seconds.median / base).toFixed(2)} |`;
    }),
    "",
    `Each further resource takes ${growth.toFixed(1)} ms.`,
    "",
    "## `npm run local` where nothing has changed, and an edit",
    "",
    "| what | seconds |",
    "| --- | ---: |",
    `| first line | ${s(start.firstLine.median)} |`,
    `| serving | ${s(start.serving.median)} |`,
    ...clouds.map((cloud) => `| first answer, ${cloud} | ${s(firstAnswer[cloud])} |`),
    ...clouds.map((cloud) => `| from a save until the new code answers, ${cloud} | ${s(saved[cloud].median)} |`),
    "",
  ].join("\n");
}
