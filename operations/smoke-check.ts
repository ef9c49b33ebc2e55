import type { Probe } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import { isWithin } from "./probe";

export interface SmokeCheck {
  readonly cloud: Cloud;
  /** Without a trailing slash. */
  readonly address: string;
  /** Header fields of each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests with their expected responses; at least one. */
  readonly probes: readonly Probe[];
  /** Required prefix of `x-release` in each response. Default: any. */
  readonly release?: string;
  /** Time limit in seconds. */
  readonly timeoutSeconds: number;
  /** Called after a failure: lines for each cause since a time. */
  readonly explain: (since: Date) => Promise<readonly string[]>;
}

/** A wrong response. */
class WrongAnswerError extends Error {
  constructor(
    message: string,
    /** Whether a retry may succeed: a role or an address is still propagating, or an instance has the previous release. */
    readonly transient: boolean,
  ) {
    super(message);
  }
}

/** Time limit of one response in milliseconds, including a cold start: the timeout of an HTTP API. */
const answerTimeout = 30_000;
/**
 * The response of an HTTP API that may not invoke its function yet: a new permission propagates within minutes. The
 * function's own responses have its release; one that crashed has been refused before, by the check of its version.
 */
const gatewayFailure = '{"message":"Internal Server Error"}';
/** Consecutive responses with status 500 after which the check fails. */
const maximumConsecutiveFailures = 3;
/** Required consecutive rounds of all probes: one response may come from an instance that is being replaced. */
const rounds = 3;

/**
 * Sends an API's probes until it serves the deployed release several times in a row.
 *
 * @returns the result as text.
 * @throws with the last response and its causes, if it does not serve in time.
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

/** @throws {WrongAnswerError} if the probe does not accept the response, or if it is from another release. */
async function ask({ cloud, address, headers, release }: SmokeCheck, probe: Probe): Promise<void> {
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
  const found = answer.headers.get("x-release") ?? "";
  if (answer.status !== probe.status) {
    const isGateway = cloud === "aws" && release !== undefined && found === "" && body === gatewayFailure;
    throw new WrongAnswerError(
      `GET ${url} answers ${answer.status}, not ${probe.status}: ${body.slice(0, 500)}`,
      answer.status !== 500 || isGateway,
    );
  }
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
