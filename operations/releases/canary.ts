import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import type { EngineResource, KeptRelease, ReleasedFunction, ReleasePort, Told } from "./port";

/** Results of the requests to a release. */
export interface Answers {
  readonly asked: number;
  /** Responses with status 500 and above, and failed invocations. */
  readonly failed: number;
}

/** A cloud's operations for a canary release. */
export interface CanaryPort extends Pick<ReleasePort, "releases" | "serve"> {
  /** Routes a share of the requests, from 0 to 1, to `candidate` and the others to `serving`. */
  split(fn: ReleasedFunction, serving: KeptRelease, candidate: KeptRelease, share: number): Promise<void>;
  /** Results of a release since a time. */
  answers(fn: ReleasedFunction, release: KeptRelease, since: Date): Promise<Answers>;
  /** Names of the alarms that are firing. */
  firing(alarms: readonly string[]): Promise<readonly string[]>;
  /** Marks a release as rejected by its canary phase, or removes the mark. Idempotent. */
  noteRefused(fn: ReleasedFunction, release: KeptRelease, isRefused: boolean): Promise<void>;
}

export interface Canary {
  readonly port: CanaryPort;
  readonly fn: ReleasedFunction;
  /** Identifies the new release. */
  readonly isNew: (release: KeptRelease) => boolean;
  /** Initial share of the requests for the new release, in percent. */
  readonly percentage: number;
  /** Duration of the canary phase in seconds. */
  readonly seconds: number;
  /** Number of failed responses that rejects the release. */
  readonly errors: number;
  /** Names of alarms that reject the release too. */
  readonly alarms: readonly string[];
  /** Delay of the cloud's metrics, and polling interval, in seconds. */
  readonly pace: { readonly known: number; readonly between: number };
  /** Start of the counted responses, not before `now`. */
  readonly countedFrom: (now: Date) => Date;
  readonly progress: (line: string) => void;
  /** Aborts the canary: the previous release gets all requests again. */
  readonly signal?: AbortSignal;
}

/** A new release was rejected, or could not be watched: the previous one has all requests. */
export class CanaryError extends Error {}

/** Requests to the new release failed, or an alarm fired. */
class RefusedError extends Error {}

const described = ({ name, release }: KeptRelease) => (release === "" ? name : `${release} (${name})`);

/** The release with the largest share of requests. */
function most(releases: readonly KeptRelease[]): KeptRelease | undefined {
  return releases.filter(({ share }) => share > 0).sort((one, other) => other.share - one.share)[0];
}

/**
 * Routes a share of the requests to a new release for a time, and then all of them if it is not rejected.
 *
 * @returns the result as text.
 * @throws {CanaryError} with the reason, if the previous release has all requests again.
 */
export async function watchCanary(canary: Canary): Promise<string> {
  const { port, fn, isNew, percentage, errors, alarms, progress } = canary;
  const releases = await port.releases(fn);
  const candidate = releases.find(isNew);
  if (candidate === undefined) {
    const known = releases.map(described).join(", ") || "none";
    throw new CanaryError(`${fn.name}: the new release is not there; there are ${known}`);
  }
  const serving = most(releases.filter((each) => each !== candidate));
  if (serving === undefined || candidate.share === 1) {
    return `${fn.name}: no other release than ${described(candidate)} serves, so it has all requests`;
  }
  const share = `${percentage} % of the requests`;
  const back = async (reason: string) => {
    const told = await port.serve(fn, serving).then(
      () => `Release ${described(serving)} has all requests again.`,
      (error: unknown) =>
        `Release ${described(serving)} could not be given all requests again: ${messageOf(error)}\n` +
        "Give them by hand: npm run rollback -- -s STACK",
    );
    return new CanaryError(`${fn.name}: ${reason}\n${told}`);
  };
  try {
    const fired = new Set(await port.firing(alarms));
    if (fired.size > 0)
      progress(`${fn.name}: ${[...fired].join(", ")} was firing before, and counts only once it has ended`);
    await port.split(fn, serving, candidate, percentage / 100);
    const from = canary.countedFrom(new Date());
    const until = from.getTime() + canary.seconds * 1000;
    progress(`${fn.name}: release ${described(candidate)} has ${share} for ${timeOf(canary.seconds)}`);
    for (let isLast = false; ;) {
      const { asked, failed } = await port.answers(fn, candidate, from);
      const firing = await port.firing(alarms);
      const alarm = firing.find((name) => !fired.has(name));
      for (const name of fired) if (!firing.includes(name)) fired.delete(name);
      if (failed >= errors || alarm !== undefined) {
        const cause =
          failed >= errors ? `failed at ${failed} of ${asked} requests` : `was rejected by the alarm ${alarm}`;
        throw new RefusedError(`release ${described(candidate)} ${cause} while it had ${share}.`);
      }
      if (isLast && asked === 0 && candidate.refused === true) {
        throw new CanaryError(
          `release ${described(candidate)} was rejected before, and no request has reached it since.`,
        );
      }
      if (isLast) {
        await port.noteRefused(fn, candidate, false);
        await port.serve(fn, candidate);
        const learnt = asked === 0 ? "no request reached it" : `${asked} requests, ${failed} of them failed`;
        return `${fn.name}: release ${described(candidate)} had ${share}: ${learnt}; it has all of them now`;
      }
      const left = until + canary.pace.known * 1000 - Date.now();
      isLast = left <= canary.pace.between * 1000;
      await pause(Math.min(left, canary.pace.between * 1000), canary.signal);
    }
  } catch (error) {
    const failure = await back(messageOf(error));
    // Requests are moved first; the mark matters only to later updates.
    if (error instanceof RefusedError) await port.noteRefused(fn, candidate, true).catch(() => undefined);
    throw failure;
  }
}

/** Routes all requests to the release with the largest share, before another release is deployed. */
export async function holdTraffic(port: Pick<CanaryPort, "releases" | "serve">, fn: ReleasedFunction): Promise<string> {
  const serving = most(await port.releases(fn));
  if (serving === undefined) return `${fn.name}: nothing serves yet`;
  await port.serve(fn, serving);
  return `${fn.name}: release ${described(serving)} has all requests until the next one is known to serve`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function timeOf(seconds: number): string {
  const [count, unit] = seconds % 60 === 0 ? [seconds / 60, "minute"] : [seconds, "second"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(Math.max(0, milliseconds), undefined, { signal }).catch(() => {
    throw new Error("it was interrupted; the next update repeats it.");
  });
}

const canaryInputs = z.looseObject({ environment: z.looseObject({ FUNCTION: z.string(), PERCENTAGE: z.string() }) });

/**
 * The new state of a function's canary command (components/canary.ts) after a rollback: it names the release that serves
 * now, so that the next update begins with a share again.
 *
 * @param served the release's name in the command's environment.
 */
export function canaryTold(
  { functionName }: ReleasedFunction,
  served: Readonly<Record<string, string>>,
  { type, inputs, outputs }: EngineResource,
): Told | undefined {
  const parsed = type === "command:local:Command" ? canaryInputs.safeParse(inputs) : undefined;
  if (parsed?.data?.environment.FUNCTION !== functionName) return undefined;
  const environment = { ...parsed.data.environment, ...served };
  return { inputs: { ...inputs, environment }, outputs: { ...outputs, environment } };
}
