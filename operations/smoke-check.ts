import type { Probe } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import { isWithin } from "./probe";

export interface SmokeCheck {
  readonly cloud: Cloud;
  /** Without a slash at its end. */
  readonly address: string;
  /** Header fields of each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests that have to be answered as they say; at least one. */
  readonly probes: readonly Probe[];
  /** What every answer's `x-release` has to begin with. Absent: whatever it is. */
  readonly release?: string;
  /** Seconds in which the API has to answer. */
  readonly timeoutSeconds: number;
  /** Why the API does not serve, asked once it has failed: a line or more for each cause that was found since a time. */
  readonly explain: (since: Date) => Promise<readonly string[]>;
}

/** What is wrong with an answer. */
class WrongAnswerError extends Error {
  constructor(
    message: string,
    /** Whether time may mend it: a role or an address that is not known everywhere yet, or an instance of the release before. */
    readonly transient: boolean,
  ) {
    super(message);
  }
}

/** Milliseconds that one answer may take, a cold start included: what an HTTP API waits. */
const answerTimeout = 30_000;
/** Answers of status 500 in a row after which the check gives up: the function fails, and goes on to. */
const maximumConsecutiveFailures = 3;
/** Rounds of all probes in a row that have to succeed: one answer may come from an instance that is about to be replaced. */
const rounds = 3;

/**
 * Asks an API's probes until it serves what was deployed, several times in a row.
 *
 * @returns what it answered, for a reader.
 * @throws with the last answer and its causes, where it does not serve in time.
 */
export async function smokeCheck(check: SmokeCheck): Promise<string> {
  const { cloud, probes, release, timeoutSeconds, explain } = check;
  const started = new Date();
  const deadline = started.getTime() + timeoutSeconds * 1_000;
  let failures = 0;
  for (let delay = 500; ; delay = Math.min(delay * 2, 15_000)) {
    try {
      const asked = performance.now();
      for (let round = 0; round < rounds; round += 1) {
        for (const probe of probes) await ask(check, probe);
      }
      const milliseconds = Math.round((performance.now() - asked) / (rounds * probes.length));
      return `release ${release ?? "of any kind"} serves on ${cloud}, ${milliseconds} ms an answer`;
    } catch (error) {
      if (!(error instanceof WrongAnswerError)) throw error;
      failures = error.transient ? 0 : failures + 1;
      if (failures >= maximumConsecutiveFailures || Date.now() + delay > deadline) {
        throw new Error([error.message, ...(await explain(started))].join("\n"));
      }
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

/** @throws {WrongAnswerError} where the answer is another than the probe accepts, or another release's. */
async function ask({ address, headers, release }: SmokeCheck, probe: Probe): Promise<void> {
  const url = `${address}${probe.path}`;
  let answer: Response;
  let body: string;
  try {
    answer = await fetch(url, { headers, signal: AbortSignal.timeout(answerTimeout), redirect: "manual" });
    body = await answer.text();
  } catch (error) {
    const { message, cause } = error as Error;
    throw new WrongAnswerError(`GET ${url}: ${cause instanceof Error ? cause.message : message}`, true);
  }
  if (answer.status !== probe.status) {
    throw new WrongAnswerError(
      `GET ${url} answers ${answer.status}, not ${probe.status}: ${body.slice(0, 500)}`,
      answer.status !== 500,
    );
  }
  const found = answer.headers.get("x-release") ?? "";
  if (release !== undefined && !found.startsWith(release)) {
    throw new WrongAnswerError(`GET ${url} answers as release ${found || "(none)"}, not as ${release}`, true);
  }
  if (probe.json === undefined) return;
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new WrongAnswerError(
      `GET ${url} answers ${answer.status} with what is not JSON: ${body.slice(0, 200)}`,
      true,
    );
  }
  if (!isWithin(probe.json, json)) {
    throw new WrongAnswerError(
      `GET ${url} answers ${body.slice(0, 200)}, which does not contain ${JSON.stringify(probe.json)}`,
      true,
    );
  }
}
