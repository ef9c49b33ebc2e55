import { existsSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Stack } from "@pulumi/pulumi/automation";

import type { Cloud } from "../contract/clouds";
import type { CallerReport } from "../local/caller";
import type { CloudAddress } from "../local/control";
import { changeCaller, changeWeather, cloudEnd, runningCloud, startCloud, stopCloud } from "../local/cloud-process";
import { commandLine } from "../local/command-line";
import { readApplication } from "../contract/application";
import { projectFolder } from "../contract/form";
import { checkedSettings, deploysApplication } from "../local/configuration";
import { onDemand } from "../layers/on-demand";
import { findEngine } from "../local/engine";
import { invokeByHand, type InvokeOptions } from "../local/invoke";
import { Progress } from "../local/progress";
import { isShown, type LocalLogEvent, logLine, LogReader } from "../local/log-reader";
import { localStack, lockedStack } from "../local/stack";
import { checkEngineRecord, prepareStateFolder, reset as resetFolder } from "../local/state-folder";
import { addressTable } from "../local/summary";
import { UpdateLog } from "../local/update-log";
import { identitiesStack, tokenOf } from "../local/identities";
import { bytesOf, pruneCacheDaily } from "../operations/cache";
import { megabytes } from "./cache";
import type { Subject } from "./local-subject";
import { InterruptedError, ToldError } from "./verb-error";

/** The user wants to end this. */
const interrupted = new AbortController();
/** Cancels the engine. It receives a terminal's Ctrl-C itself, and a second signal would make it abort at once. */
const terminated = new AbortController();

process.on("SIGINT", () => {
  interrupted.abort();
});
for (const signal of ["SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    terminated.abort();
    interrupted.abort();
  });
}

const progress = new Progress();

/** Interval of `logs --follow` in milliseconds. */
const logInterval = 200;

const cacheVerb = "npm run local -- cache";

export interface UpOptions {
  /** Whether to return when it serves. */
  readonly detach: boolean;
  readonly refresh: boolean;
  /** Whether to serve saved edits; if requested explicitly, also with clouds that are already running. */
  readonly watch: "asked" | "default" | "off";
  /** Name of the function that a debugger may attach to, or true for all. Default: none. */
  readonly debug?: string | true;
}

export async function up(subject: Subject, { detach, refresh, watch, debug }: UpOptions): Promise<void> {
  check(subject);
  const { state } = subject;
  const { cloud, wasRunning } = await cloudFor(subject, { attached: !detach });
  try {
    if (cloud.failures.length > 0) {
      const anew = `to delete everything and start again: ${commandLine(subject, "reset")}`;
      throw new Error(`not everything can serve:\n${cloud.failures.join("\n")}\n${anew}`);
    }
    const outputs = await update(subject, cloud, "done", async (stack, onEvent) => {
      const result = await stack.up({ onEvent, refresh, signal: terminated.signal });
      return result.outputs;
    });
    process.stdout.write(addressTable(outputs));
    if (cloud.console !== undefined) process.stdout.write(`console http://127.0.0.1:${cloud.console}/\n`);
    const pruned = pruneCacheDaily();
    if (pruned.length > 0) {
      progress.tell(`Deleted ${megabytes(bytesOf(pruned))} of unused entries of the cache; see: ${cacheVerb}`);
    }
  } catch (error) {
    if (!wasRunning) await stopCloud(state);
    throw error;
  }
  // The functions' sources are unknown for other programs.
  const watches = deploysApplication() && (watch !== "off" || debug !== undefined);
  const stays = !wasRunning || watch === "asked" || debug !== undefined;
  if (detach || !stays) {
    progress.tell(`Serving in the background (process ${cloud.pid}); to stop it: ${commandLine(subject, "stop")}`);
    if (!detach) progress.tell(`To serve what you save there: ${commandLine(subject, "up --watch")}`);
    return;
  }
  const ends = wasRunning ? "Ctrl-C ends this, and the clouds go on" : "Ctrl-C stops it";
  process.stdout.write(`Serving; logs follow here. ${ends}.\n`);
  if (!wasRunning) interrupted.signal.addEventListener("abort", () => void stopCloud(state));
  const reader = new LogReader(state);
  reader.next();
  const following = setInterval(() => {
    printEvents(reader.next().filter(isShown));
  }, logInterval);
  const endWatch = watches ? await watched(subject, cloud, debug) : undefined;
  await (wasRunning ? Promise.race([cloudEnd(cloud), interruption()]) : cloudEnd(cloud));
  await endWatch?.();
  clearInterval(following);
  if (!interrupted.signal.aborted)
    throw new Error(`the local cloud has ended; ${path.join(state, "cloud.log")} may say why`);
}

/** The user wants to end this. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    if (interrupted.signal.aborted) resolve();
    interrupted.signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

async function watched(
  subject: Subject,
  cloud: CloudAddress,
  debug: string | true | undefined,
): Promise<() => Promise<void>> {
  const { watchAndServe } = await onDemand(() => import("./local-watch"));
  const stop = () => {
    interrupted.abort();
  };
  if (debug === undefined) return watchAndServe(subject, cloud, progress, { stop });
  const { findDebugpy } = await onDemand(() => import("../local/debugpy"));
  const pythonVersion = checkedSettings({ stack: subject.stack, settings: subject.config }).pythonVersion;
  const debugpy = await progress.during("Looking for debugpy", () => findDebugpy(pythonVersion));
  return watchAndServe(subject, cloud, progress, {
    stop,
    debug: { debugpy, function: debug === true ? undefined : debug },
  });
}

export async function preview(subject: Subject, { refresh }: { refresh: boolean }): Promise<void> {
  check(subject);
  await withCloud(subject, (cloud) =>
    update(subject, cloud, "planned", (stack, onEvent) =>
      stack.preview({ onEvent, refresh, signal: terminated.signal }),
    ),
  );
}

export async function outputs(subject: Subject, { json }: { json: boolean }): Promise<void> {
  const found = existsSync(path.join(subject.state, "engine")) ? await (await open(subject)).outputs() : {};
  if (Object.keys(found).length === 0) {
    const next = commandLine(subject, "up --detach");
    throw new Error(`stack ${subject.stack} has no outputs: no update of it has succeeded; deploy it with: ${next}`);
  }
  const values = Object.fromEntries(Object.entries(found).map(([key, { value }]) => [key, value as unknown]));
  process.stdout.write(json ? `${JSON.stringify(values, null, 2)}\n` : addressTable(found));
}

export async function invoke(subject: Subject, name: string, options: InvokeOptions): Promise<void> {
  await withCloud(subject, async (cloud) => {
    const values = Object.entries(await (await open(subject)).outputs());
    const found = Object.fromEntries(values.map(([key, { value }]) => [key, value as unknown]));
    for (const { cloud: on, result } of await invokeByHand(cloud, found, name, options)) {
      process.stdout.write(`${on}: ${result.failed ? "failed: " : ""}${result.payload}\n`);
      if (result.failed) process.exitCode = 1;
    }
  });
}

export async function logs(
  subject: Subject,
  {
    follow = false,
    cloud,
    function: name,
    lines,
    all = false,
  }: { follow?: boolean; cloud?: Cloud; function?: string; lines: number; all?: boolean },
): Promise<void> {
  const reader = new LogReader(subject.state, { cloud, name });
  const next = () => reader.next().filter((event) => all || isShown(event));
  const known = next();
  printEvents(lines === 0 ? [] : known.slice(-lines));
  if (known.length === 0 && !follow) progress.tell(`Nothing is logged yet in ${subject.state}.`);
  while (follow && !interrupted.signal.aborted) {
    await sleep(logInterval);
    printEvents(next());
  }
}

function printEvents(events: readonly LocalLogEvent[]): void {
  for (const event of events) process.stdout.write(`${logLine(event)}\n`);
}

export async function drill(subject: Subject, name: string): Promise<void> {
  check(subject);
  const { drill: practise } = await onDemand(() => import("./local-drill"));
  await withCloud(subject, async (cloud) => {
    const engine = await findEngine(progress.tell);
    await practise(subject, cloud, name, {
      engine,
      tell: progress.tell,
      async deploy({ refresh, settings = {} }) {
        const changed = { ...subject, config: { ...subject.config, ...settings } };
        await update(changed, cloud, "done", (stack, onEvent) =>
          stack.up({ onEvent, refresh, signal: terminated.signal }),
        );
      },
    });
  });
}

export async function stop({ state }: Subject): Promise<void> {
  progress.tell((await stopCloud(state)) ? "Stopped." : "Nothing is running.");
}

export async function destroy(subject: Subject): Promise<void> {
  checkEngineRecord(subject);
  await withCloud(subject, (cloud) =>
    update(subject, cloud, "done", (stack, onEvent) => stack.destroy({ onEvent, signal: terminated.signal })),
  );
}

export async function reset({ state }: Subject): Promise<void> {
  const found = await resetFolder(state);
  progress.tell(found.length === 0 ? `Nothing is in ${state}.` : `Deleted ${found.join(", ")} of ${state}.`);
}

/** Reports errors that are known before anything starts. */
function check({ stack, state, config: settings }: Subject): void {
  if (deploysApplication()) readApplication(projectFolder, checkedSettings({ stack, settings }).application);
  checkEngineRecord({ stack, state });
  prepareStateFolder(state);
}

/** The running cloud, or a new one, with the requested weather. */
async function cloudFor(
  { state, weather, ...subject }: Subject,
  { attached }: { attached: boolean },
): Promise<{ cloud: CloudAddress; wasRunning: boolean }> {
  const running = await runningCloud(state);
  if (running !== undefined) await changeWeather(running, weather);
  const starting = () => startCloud(state, { attached, weather });
  const cloud = running ?? (await progress.during("Starting the local clouds", starting));
  await changeCaller(cloud, await callerOf({ ...subject, state }, cloud));
  return { cloud, wasRunning: running !== undefined };
}

/** One of the stack's identities from `bootstrap/`, which an administrator deploys first. */
async function callerOf(
  { state, stack, config: settings, identity }: Omit<Subject, "weather">,
  cloud: CloudAddress,
): Promise<CallerReport> {
  if (identity === undefined) return {};
  await changeCaller(cloud, {});
  const engine = await findEngine(progress.tell);
  await progress.during("Deploying the identities of bootstrap/", async () => {
    const identities = await identitiesStack({ engine, cloud, state, stack, settings });
    await identities.up();
  });
  const region = checkedSettings({ stack, settings }).aws?.region;
  return { token: tokenOf(identity, stack), ...(region !== undefined && { region }) };
}

/** The running cloud, or one for the duration of `action`. */
async function withCloud(subject: Subject, action: (cloud: CloudAddress) => Promise<unknown>): Promise<void> {
  const { cloud, wasRunning } = await cloudFor(subject, { attached: true });
  try {
    await action(cloud);
  } finally {
    if (!wasRunning) await stopCloud(subject.state);
  }
}

async function open({ stack, state, config }: Subject, cloud?: CloudAddress): Promise<Stack> {
  const engine = await findEngine(progress.tell);
  return localStack({ engine, cloud, state: path.resolve(state), stack, settings: config });
}

/** Runs an operation of the engine, and reports each change, and each error once. */
async function update<T>(
  subject: Subject,
  cloud: CloudAddress,
  tense: "planned" | "done",
  operation: (stack: Stack, onEvent: UpdateLog["onEvent"]) => Promise<T>,
): Promise<T> {
  const log = new UpdateLog(progress.tell, tense);
  try {
    // Without a cached engine it is built first, which takes minutes.
    await findEngine(progress.tell);
    return await progress.during("Running the program in the engine", async () => {
      const stack = await open(subject, cloud);
      interrupted.signal.throwIfAborted();
      const result = await operation(stack, log.onEvent);
      interrupted.signal.throwIfAborted();
      return result;
    });
  } catch (error) {
    if (interrupted.signal.aborted) throw new InterruptedError();
    if ([...log.errors, String(error)].some((text) => text.includes("stack is currently locked"))) {
      throw new Error(lockedStack(subject));
    }
    if (log.errors.length === 0) throw error;
    for (const text of log.errors) process.stderr.write(`error: ${text}\n`);
    throw new ToldError();
  }
}
