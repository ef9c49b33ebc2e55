import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import path from "node:path";

import { nodeArguments, projectFolder } from "../contract/form";
import { UnansweredError } from "../operations/unanswered-error";
import type {
  ChangeRequest,
  CloudAddress,
  CodeRequest,
  DataRequest,
  DeleteRequest,
  InvokeRequest,
  RevisionRequest,
  TrafficRequest,
} from "./control";
import { commandLine } from "./command-line";
import { CodeError, type Invoked } from "./data-plane";
import { isAlive } from "./process";
import { ResourceStore } from "./store";
import type { AskedCall, CallerReport } from "./caller";
import type { WeatherReport } from "./weather";

/** Milliseconds for the start of a cloud. */
const startTimeoutMs = 60_000;

/**
 * The running cloud of a state folder, if there is one. A cloud that is ending with its owner has ended when this
 * returns.
 */
export async function runningCloud(state: string): Promise<CloudAddress | undefined> {
  try {
    const address = JSON.parse(readFileSync(path.join(state, "cloud.json"), "utf8")) as CloudAddress;
    const answer = await fetch(controlUrl(address));
    // Only the cloud that wrote the file knows the token, so another program on its port is not mistaken for it.
    if (!answer.ok) return undefined;
    if (address.owner === undefined || isAlive(address.owner)) return address;
    await cloudEnd(address);
    return undefined;
  } catch {
    return undefined;
  }
}

/** @throws {UnansweredError} if none is running. */
export async function requireCloud(state: string): Promise<CloudAddress> {
  const address = await runningCloud(state);
  if (address !== undefined) return address;
  throw new UnansweredError(`the local clouds of ${state} do not run`, commandLine({ state }, "up --detach"));
}

export interface StartOptions {
  /** Whether the cloud ends with this process, even if this process is killed. */
  readonly attached: boolean;
  /** Faults to inject. Default: none. */
  readonly weather?: WeatherReport;
  /** Where commands run, as the engine runs them in the project's folder. Default: this project's. */
  readonly folder?: string;
}

/**
 * Starts a cloud on a state folder.
 *
 * @throws if it cannot start, e.g. because another one is starting there.
 */
export async function startCloud(state: string, options: StartOptions): Promise<CloudAddress> {
  const { attached, weather = {}, folder = projectFolder } = options;
  mkdirSync(state, { recursive: true });
  const log = path.join(state, "cloud.log");
  const output = openSync(log, "a");
  const { size: logged } = fstatSync(output);
  const child = spawn(
    process.execPath,
    [
      ...nodeArguments(path.join(__dirname, "cloud")),
      ...[state, "--weather", JSON.stringify(weather)],
      ...(attached ? ["--attached", String(process.pid)] : []),
    ],
    { cwd: folder, stdio: [attached ? "pipe" : "ignore", output, output], detached: true },
  );
  child.unref();
  closeSync(output);
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline;) {
    const address = await runningCloud(state);
    if (address?.pid === child.pid && address !== undefined) return address;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  const reason = readFileSync(log).subarray(logged).toString("utf8").trim();
  throw new Error(`the local cloud did not start: ${reason || "it took too long"}`);
}

/** Stops the cloud, and returns when all its processes have ended. */
export async function stopCloud(state: string): Promise<boolean> {
  const address = await runningCloud(state);
  if (address === undefined) return false;
  await fetch(controlUrl(address), { method: "DELETE" });
  await cloudEnd(address);
  return true;
}

/** Waits for the end of the cloud. */
export async function cloudEnd({ pid }: CloudAddress): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/**
 * Deletes resources that a killed engine created without recording them.
 *
 * @param known the ids that the engine knows, by URN.
 */
export async function forgetUnknown(address: CloudAddress, known: Readonly<Record<string, string[]>>): Promise<void> {
  const answer = await fetch(controlUrl(address), { method: "POST", body: JSON.stringify(known) });
  if (!answer.ok) throw new Error(`what an interrupted run left cannot be deleted: ${await answer.text()}`);
}

/**
 * Deletes a resource without a data plane, like the cloud's own API: in the running cloud, which has its state in
 * memory, or in the state folder if none is running.
 */
export async function deleteResource(state: string, request: DeleteRequest): Promise<void> {
  const running = await runningCloud(state);
  if (running === undefined) {
    new ResourceStore(path.join(state, request.cloud)).delete(request);
    return;
  }
  const answer = await fetch(`${controlUrl(running)}/resources`, { method: "DELETE", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`${request.id} cannot be deleted: ${await answer.text()}`);
}

/** Changes inputs of a resource in the running cloud, like the cloud's own API, without the engine. */
export async function changeResource(address: CloudAddress, request: ChangeRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/resources`, { method: "PATCH", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`${request.id} cannot be changed: ${await answer.text()}`);
}

/** Creates a resource in the running cloud, like the cloud's own API, or replaces an existing one. */
export async function putResource(address: CloudAddress, request: ChangeRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/resources`, { method: "PUT", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`${request.id} cannot be made: ${await answer.text()}`);
}

/** Distributes a function's requests over its revisions, by their shares. */
export async function sendTraffic(address: CloudAddress, request: TrafficRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/traffic`, { method: "PUT", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`the traffic of ${request.functionName} cannot be moved: ${await answer.text()}`);
}

export async function deleteRevision(address: CloudAddress, request: RevisionRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/traffic`, { method: "DELETE", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`${request.revision} cannot be deleted: ${await answer.text()}`);
}

/** Identifies the caller from now on. */
export async function changeCaller(address: CloudAddress, caller: CallerReport): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/caller`, { method: "PUT", body: JSON.stringify(caller) });
  if (!answer.ok) throw new Error(`who asks cannot be changed: ${await answer.text()}`);
}

/** Checks whether the caller may make a call; throws the cloud's error if not. */
export type Ask = (asked: AskedCall) => Promise<void>;

/** Checks against the caller of a state folder's clouds; without running clouds everything is allowed. */
export function asker(state: string): Ask {
  return async (asked) => {
    const running = await runningCloud(state);
    if (running === undefined) return;
    const answer = await fetch(`${controlUrl(running)}/asked`, { method: "PUT", body: JSON.stringify(asked) });
    if (answer.ok) return;
    throw new UnansweredError(await answer.text(), "ask as another identity: npm run local -- --identity deploy up");
  };
}

/** Performs an operation on the data of a table, like the cloud's command line. */
export async function operateOnData(address: CloudAddress, request: DataRequest): Promise<string> {
  const answer = await fetch(`${controlUrl(address)}/data`, { method: "PUT", body: JSON.stringify(request) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${request.operation}: ${text}`);
  return (JSON.parse(text) as { result: string }).result;
}

/** Changes the injected faults of the running cloud. */
export async function changeWeather(address: CloudAddress, weather: WeatherReport): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/weather`, { method: "PUT", body: JSON.stringify(weather) });
  if (!answer.ok) throw new Error(`the weather cannot be changed: ${await answer.text()}`);
}

/**
 * Invokes a function of a running cloud and waits for its end.
 *
 * @throws if it cannot be invoked.
 */
export async function invokeFunction(address: CloudAddress, request: InvokeRequest): Promise<Invoked> {
  const answer = await fetch(`${controlUrl(address)}/invoke`, { method: "POST", body: JSON.stringify(request) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${request.functionName} cannot be invoked: ${text}`);
  return JSON.parse(text) as Invoked;
}

/**
 * Replaces the code of a function in a running cloud, without the engine.
 *
 * @throws {CodeError} with the traceback if the code does not start; the previous code then continues to serve.
 */
export async function changeCode(address: CloudAddress, request: CodeRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/code`, { method: "PUT", body: JSON.stringify(request) });
  if (answer.ok) return;
  const text = await answer.text();
  throw answer.status === 422 ? new CodeError(text) : new Error(`${request.functionName} cannot be changed: ${text}`);
}

function controlUrl({ control, token }: CloudAddress): string {
  return `http://127.0.0.1:${control}/${token}`;
}
