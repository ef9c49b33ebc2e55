import path from "node:path";

import type { Stack } from "@pulumi/pulumi/automation";
import { Command, InvalidArgumentError } from "commander";

import type { CloudAddress } from "../local/cloud";
import { changeWeather, cloudEnd, runningCloud, startCloud, stopCloud } from "../local/cloud-process";
import { findEngine } from "../local/engine";
import { localEnvironment } from "../local/inspected-clouds";
import { invokeByHand, type InvokeOptions } from "../local/invoke";
import { localStack } from "../local/stack";
import { addressTable } from "../local/summary";
import { UpdateLog } from "../local/update-log";
import { asDiagnose } from "./diagnose-command";

interface Flags {
  readonly stack: string;
  readonly state: string;
  readonly config: Readonly<Record<string, string>>;
  readonly weather?: string;
}

/** A failure that has been told; the exit code is all that is left of it. */
class ToldError extends Error {}

class InterruptedError extends Error {
  override message = "interrupted; what was deployed until then stays, and the next run goes on from there";
}

/** The user wants to end this. */
const interrupted = new AbortController();
/** The engine has to be told; a terminal's Ctrl-C it gets by itself, and at a second one it would drop everything. */
const terminated = new AbortController();

const cli = new Command("local")
  .description("Deploys the whole program onto this machine by the real Pulumi engine: no cloud account is needed.")
  .option("-s, --stack <name>", "which Pulumi.<name>.yaml", "staging")
  .option("-c, --config <path=value>", "a setting over it, e.g. aws.frontend=false", setting, {})
  .option(
    "--weather <seed>",
    "let the local clouds fail half-way and be late, by this seed; default: nothing goes wrong",
  )
  .option("--state <folder>", "where the local clouds keep everything", path.join(__dirname, "..", ".local"))
  .showHelpAfterError();

const flags = () => cli.opts<Flags>();

/** The running cloud, or a new one, with the weather that was asked for. */
async function cloudFor(attached: boolean): Promise<{ cloud: CloudAddress; wasRunning: boolean }> {
  const { state, weather } = flags();
  const report = weather === undefined ? {} : { seed: weather };
  const running = await runningCloud(state);
  if (running !== undefined) await changeWeather(running, report);
  return {
    cloud: running ?? (await startCloud(state, { attached, weather: report })),
    wasRunning: running !== undefined,
  };
}

cli
  .command("up", { isDefault: true })
  .description("deploy, then serve until Ctrl-C")
  .option("--detach", "return when it is serving; `stop` ends it")
  .option("--refresh", "look at what is really there first")
  .action(async ({ detach = false, refresh = false }: { detach?: boolean; refresh?: boolean }) => {
    const { state } = flags();
    const { cloud, wasRunning } = await cloudFor(!detach);
    try {
      if (cloud.failures.length > 0) throw new Error(`not everything can serve:\n${cloud.failures.join("\n")}`);
      const outputs = await update(cloud, "done", async (stack, onEvent) => {
        const result = await stack.up({ onEvent, refresh, signal: terminated.signal });
        return result.outputs;
      });
      process.stdout.write(addressTable(outputs));
    } catch (error) {
      if (!wasRunning) await stopCloud(state);
      throw error;
    }
    if (detach || wasRunning) return;
    process.stdout.write("Serving; Ctrl-C stops it.\n");
    interrupted.signal.addEventListener("abort", () => void stopCloud(state));
    await cloudEnd(cloud);
    if (!interrupted.signal.aborted)
      throw new Error(`the local cloud has ended; ${path.join(state, "cloud.log")} may say why`);
  });

cli
  .command("preview")
  .description("say what `up` would change")
  .option("--refresh", "look at what is really there first")
  .action(({ refresh = false }: { refresh?: boolean }) =>
    withCloud((cloud) =>
      update(cloud, "planned", (stack, onEvent) => stack.preview({ onEvent, refresh, signal: terminated.signal })),
    ),
  );

cli
  .command("outputs")
  .description("print what the stack tells other stacks")
  .option("--json", "as JSON")
  .action(async ({ json }: { json?: boolean }) => {
    const stack = await open();
    const outputs = await stack.outputs();
    const values = Object.fromEntries(Object.entries(outputs).map(([key, { value }]) => [key, value as unknown]));
    process.stdout.write(json ? `${JSON.stringify(values, null, 2)}\n` : addressTable(outputs));
  });

cli
  .command("invoke")
  .description("run a function now, e.g. one that has a schedule, and print what it gives back")
  .argument("<function>", "its name in the application's pyproject.toml")
  .option("--cloud <name>", "on this cloud alone")
  .option("--payload <json>", "what it is given; default: what a schedule gives it")
  .action((name: string, options: InvokeOptions) =>
    withCloud(async (cloud) => {
      const values = Object.entries(await (await open()).outputs());
      const outputs = Object.fromEntries(values.map(([key, { value }]) => [key, value as unknown]));
      for (const { cloud: on, result } of await invokeByHand(cloud, outputs, name, options)) {
        process.stdout.write(`${on}: ${result.failed ? "failed: " : ""}${result.payload}\n`);
        if (result.failed) process.exitCode = 1;
      }
    }),
  );

asDiagnose(cli.command("diagnose"), async () => {
  const { state, stack } = flags();
  return localEnvironment(await findEngine(progress), path.resolve(state), stack);
});

cli
  .command("stop")
  .description("end what `up --detach` left serving; everything that was deployed stays")
  .action(async () => {
    progress((await stopCloud(flags().state)) ? "Stopped." : "Nothing is running.");
  });

cli
  .command("destroy")
  .description("delete everything that was deployed here")
  .action(() =>
    withCloud((cloud) =>
      update(cloud, "done", (stack, onEvent) => stack.destroy({ onEvent, signal: terminated.signal })),
    ),
  );

/** The running cloud, or one for as long as `action` takes. */
async function withCloud(action: (cloud: CloudAddress) => Promise<unknown>): Promise<void> {
  const { state } = flags();
  const { cloud, wasRunning } = await cloudFor(true);
  try {
    await action(cloud);
  } finally {
    if (!wasRunning) await stopCloud(state);
  }
}

async function open(cloud?: CloudAddress): Promise<Stack> {
  const { stack, state, config } = flags();
  return localStack({ engine: await findEngine(progress), cloud, state: path.resolve(state), stack, settings: config });
}

/** Runs an operation of the engine, telling each change, and each error once. */
async function update<T>(
  cloud: CloudAddress,
  tense: "planned" | "done",
  operation: (stack: Stack, onEvent: UpdateLog["onEvent"]) => Promise<T>,
): Promise<T> {
  const stack = await open(cloud);
  const log = new UpdateLog(progress, tense);
  try {
    interrupted.signal.throwIfAborted();
    const result = await operation(stack, log.onEvent);
    interrupted.signal.throwIfAborted();
    return result;
  } catch (error) {
    if (interrupted.signal.aborted) throw new InterruptedError();
    if (log.errors.length === 0) throw error;
    for (const text of log.errors) process.stderr.write(`error: ${text}\n`);
    throw new ToldError();
  }
}

function setting(text: string, previous: Record<string, string>): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("expected <path>=<value>, e.g. aws.frontend=false");
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}

/** What went wrong, without the command line and the second copy of its output that the Automation API wraps it in. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^error: (.+)$/m.exec(message)?.[1] ?? message;
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

process.on("SIGINT", () => {
  interrupted.abort();
});
for (const signal of ["SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    terminated.abort();
    interrupted.abort();
  });
}

cli.parseAsync().catch((error: unknown) => {
  if (!(error instanceof ToldError)) process.stderr.write(`error: ${reason(error)}\n`);
  process.exitCode = error instanceof InterruptedError ? 130 : 1;
});
