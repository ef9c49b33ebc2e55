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

/** Milliseconds that a cloud may take to start. */
const startTimeoutMs = 60_000;

/** The cloud that runs on a state folder, where one does. One that is about to end with its owner has ended on return. */
export async function runningCloud(state: string): Promise<CloudAddress | undefined> {
  try {
    const address = JSON.parse(readFileSync(path.join(state, "cloud.json"), "utf8")) as CloudAddress;
    const answer = await fetch(controlUrl(address));
    // Only the cloud that wrote the file knows the token: another program on its port is not taken for it.
    if (!answer.ok) return undefined;
    if (address.owner === undefined || isAlive(address.owner)) return address;
    await cloudEnd(address);
    return undefined;
  } catch {
    return undefined;
  }
}

/** @throws {UnansweredError} where none runs. */
export async function requireCloud(state: string): Promise<CloudAddress> {
  const address = await runningCloud(state);
  if (address !== undefined) return address;
  throw new UnansweredError(`the local clouds of ${state} do not run`, commandLine({ state }, "up --detach"));
}

export interface StartOptions {
  /** Whether it ends with this process, however this one ends. */
  readonly attached: boolean;
  /** What goes wrong. Default: nothing. */
  readonly weather?: WeatherReport;
  /** Where commands run, as the engine runs them in the project's folder. Default: this project's. */
  readonly folder?: string;
}

/**
 * Starts a cloud on a state folder.
 *
 * @throws where it cannot start, e.g. because another one is starting there.
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

/** Stops the cloud, and returns when everything that it started has ended. */
export async function stopCloud(state: string): Promise<boolean> {
  const address = await runningCloud(state);
  if (address === undefined) return false;
  await fetch(controlUrl(address), { method: "DELETE" });
  await cloudEnd(address);
  return true;
}

/** Returns when the cloud has ended, by whatever. */
export async function cloudEnd({ pid }: CloudAddress): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/**
 * Deletes what a killed engine created and never heard of.
 *
 * @param known the ids that the engine knows of each URN in question.
 */
export async function forgetUnknown(address: CloudAddress, known: Readonly<Record<string, string[]>>): Promise<void> {
  const answer = await fetch(controlUrl(address), { method: "POST", body: JSON.stringify(known) });
  if (!answer.ok) throw new Error(`what an interrupted run left cannot be deleted: ${await answer.text()}`);
}

/**
 * Deletes a resource that does nothing by itself, as a cloud's own API does: in the running cloud, which has its state in
 * memory, or in the state folder where none runs.
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

/** Changes inputs of a resource in the running cloud, as the cloud's own API does: the engine hears nothing of it. */
export async function changeResource(address: CloudAddress, request: ChangeRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/resources`, { method: "PATCH", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`${request.id} cannot be changed: ${await answer.text()}`);
}

/** Makes a resource in the running cloud, as the cloud's own API does, or puts it in the place of one that is there. */
export async function putResource(address: CloudAddress, request: ChangeRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/resources`, { method: "PUT", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`${request.id} cannot be made: ${await answer.text()}`);
}

/** Sends a function's requests to its revisions, by their shares. */
export async function sendTraffic(address: CloudAddress, request: TrafficRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/traffic`, { method: "PUT", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`the traffic of ${request.functionName} cannot be moved: ${await answer.text()}`);
}

export async function deleteRevision(address: CloudAddress, request: RevisionRequest): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/traffic`, { method: "DELETE", body: JSON.stringify(request) });
  if (!answer.ok) throw new Error(`${request.revision} cannot be deleted: ${await answer.text()}`);
}

/** Says who asks the clouds from now on. */
export async function changeCaller(address: CloudAddress, caller: CallerReport): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/caller`, { method: "PUT", body: JSON.stringify(caller) });
  if (!answer.ok) throw new Error(`who asks cannot be changed: ${await answer.text()}`);
}

/** Asks whether a call may be made; throws as its cloud refuses it. */
export type Ask = (asked: AskedCall) => Promise<void>;

/** Of who asks the clouds of a state folder; those that do not run refuse nothing. */
export function asker(state: string): Ask {
  return async (asked) => {
    const running = await runningCloud(state);
    if (running === undefined) return;
    const answer = await fetch(`${controlUrl(running)}/asked`, { method: "PUT", body: JSON.stringify(asked) });
    if (answer.ok) return;
    throw new UnansweredError(await answer.text(), "ask as another identity: npm run local -- --identity deploy up");
  };
}

/** Does something with the data of a table, as an operator does by the cloud's command line. */
export async function operateOnData(address: CloudAddress, request: DataRequest): Promise<string> {
  const answer = await fetch(`${controlUrl(address)}/data`, { method: "PUT", body: JSON.stringify(request) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${request.operation}: ${text}`);
  return (JSON.parse(text) as { result: string }).result;
}

/** Makes other things go wrong in the running cloud from now on. */
export async function changeWeather(address: CloudAddress, weather: WeatherReport): Promise<void> {
  const answer = await fetch(`${controlUrl(address)}/weather`, { method: "PUT", body: JSON.stringify(weather) });
  if (!answer.ok) throw new Error(`the weather cannot be changed: ${await answer.text()}`);
}

/**
 * Invokes a function of a running cloud and waits for its end.
 *
 * @throws where it cannot be invoked.
 */
export async function invokeFunction(address: CloudAddress, request: InvokeRequest): Promise<Invoked> {
  const answer = await fetch(`${controlUrl(address)}/invoke`, { method: "POST", body: JSON.stringify(request) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${request.functionName} cannot be invoked: ${text}`);
  return JSON.parse(text) as Invoked;
}

/**
 * Serves a function of a running cloud from other code, without the engine.
 *
 * @throws {CodeError} with the traceback, where the code does not start; what served goes on.
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
