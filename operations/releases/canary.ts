import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import type { EngineResource, KeptRelease, ReleasedFunction, ReleasePort, Told } from "./port";

/** What became of the requests that a release has had. */
export interface Answers {
  readonly asked: number;
  /** Answers of status 500 and more, and requests that the function failed at. */
  readonly failed: number;
}

/** What a cloud does to let a release have a share of the requests only. */
export interface CanaryPort extends Pick<ReleasePort, "releases" | "serve"> {
  /** Gives a share of the requests, from 0 to 1, to `candidate` and the others to `serving`. */
  split(fn: ReleasedFunction, serving: KeptRelease, candidate: KeptRelease, share: number): Promise<void>;
  /** What a release has answered since a time. */
  answers(fn: ReleasedFunction, release: KeptRelease, since: Date): Promise<Answers>;
  /** Names of those alarms that fire now. */
  firing(alarms: readonly string[]): Promise<readonly string[]>;
  /** Notes of a release that it went back, or that it did not this time. Safe to repeat. */
  noteRefused(fn: ReleasedFunction, release: KeptRelease, isRefused: boolean): Promise<void>;
}

export interface Canary {
  readonly port: CanaryPort;
  readonly fn: ReleasedFunction;
  /** Whether a release is the one that is new. */
  readonly isNew: (release: KeptRelease) => boolean;
  /** Of the requests, that the new release has at first. */
  readonly percentage: number;
  /** Seconds in which it has them. */
  readonly seconds: number;
  /** Failed answers from which on it goes back. */
  readonly errors: number;
  /** Names of alarms that let it go back too. */
  readonly alarms: readonly string[];
  /** Seconds after which the cloud knows what was answered, and between two looks. */
  readonly pace: { readonly known: number; readonly between: number };
  /** The time that answers are counted from, no earlier than now. */
  readonly countedFrom: (now: Date) => Date;
  readonly progress: (line: string) => void;
  /** Ends it: the release before has all requests again. */
  readonly signal?: AbortSignal;
}

/** A new release went back, or could not be watched: the one before it has all requests. */
export class CanaryError extends Error {}

/** A new release failed at requests, or an alarm fired. */
class RefusedError extends Error {}

const described = ({ name, release }: KeptRelease) => (release === "" ? name : `${release} (${name})`);

/** The release that most requests go to. */
function most(releases: readonly KeptRelease[]): KeptRelease | undefined {
  return releases.filter(({ share }) => share > 0).sort((one, other) => other.share - one.share)[0];
}

/**
 * Gives a new release a share of the requests for a time, and all of them where it fails at none.
 *
 * @returns what became of it, for a reader.
 * @throws {CanaryError} with the reason, where the release before has all requests again.
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
    if (fired.size > 0) progress(`${fn.name}: ${[...fired].join(", ")} fired before, and is looked at once it is over`);
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
          failed >= errors ? `failed at ${failed} of ${asked} requests` : `was refused by the alarm ${alarm}`;
        throw new RefusedError(`release ${described(candidate)} ${cause} while it had ${share}.`);
      }
      if (isLast && asked === 0 && candidate.refused === true) {
        throw new CanaryError(`release ${described(candidate)} went back before, and no request reached it since.`);
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
    // The requests first: what is noted matters later, and to no request that comes now.
    if (error instanceof RefusedError) await port.noteRefused(fn, candidate, true).catch(() => undefined);
    throw failure;
  }
}

/** Lets the release that most requests go to have all of them, whatever is deployed next. */
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
 * What the engine's state is told of the command that shared a function's requests (components/canary.ts), once another
 * release serves: that it was the one the command let serve. So the next update begins with a share again.
 *
 * @param served how the command's environment names that release.
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
