import { z } from "zod";

import type { Cloud } from "../contract/clouds";
import { version } from "../package.json";

export interface SmokeCheck {
  readonly cloud: Cloud;
  /** Without a slash at its end. */
  readonly address: string;
  /** Seconds in which the API has to answer. */
  readonly patience: number;
  /** Why the API does not serve, asked once it has failed: a line or more for each cause that was found since a time. */
  readonly explain: (since: Date) => Promise<readonly string[]>;
}

const status = (cloud: Cloud) =>
  z.object({ status: z.literal("ok"), provider: z.literal(cloud), version: z.literal(version) });

/** What is wrong with an answer. */
class WrongAnswerError extends Error {
  constructor(
    message: string,
    /** Whether time may mend it: a role or an address that is not known everywhere yet. */
    readonly passing: boolean,
  ) {
    super(message);
  }
}

/** Milliseconds that one answer may take, a cold start included: what an HTTP API waits. */
const answerPatience = 30_000;
/** Answers of status 500 in a row that are no coincidence: the function fails, and goes on to. */
const hopeless = 3;

/**
 * Asks an API for its status and for messages until it serves what was deployed.
 *
 * @returns what it answered, for a reader.
 * @throws with the last answer and its causes, where it does not serve in time.
 */
export async function smokeCheck({ cloud, address, patience, explain }: SmokeCheck): Promise<string> {
  const started = new Date();
  const deadline = started.getTime() + patience * 1_000;
  let failures = 0;
  for (let delay = 500; ; delay = Math.min(delay * 2, 15_000)) {
    try {
      return await ask(address, cloud);
    } catch (error) {
      if (!(error instanceof WrongAnswerError)) throw error;
      failures = error.passing ? 0 : failures + 1;
      if (failures >= hopeless || Date.now() + delay > deadline) {
        throw new Error([error.message, ...(await explain(started))].join("\n"));
      }
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

/** @throws {WrongAnswerError} where the API does not serve, or is not what was deployed. */
async function ask(address: string, cloud: Cloud): Promise<string> {
  const started = performance.now();
  const found = status(cloud).safeParse(await get(`${address}/api/`));
  if (!found.success) {
    throw new WrongAnswerError(
      `GET ${address}/api/ answers as something else than version ${version} on ${cloud}:\n${z.prettifyError(found.error)}`,
      true,
    );
  }
  const messages = z.array(z.object({ id: z.string() })).safeParse(await get(`${address}/api/messages/?limit=1`));
  if (!messages.success) {
    throw new WrongAnswerError(`GET ${address}/api/messages/ answers no list of messages`, true);
  }
  return `version ${version} serves on ${cloud}, asked in ${Math.round(performance.now() - started)} ms`;
}

/** The body of a 200. */
async function get(url: string): Promise<unknown> {
  let answer: Response;
  let body: string;
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(answerPatience) });
    body = await answer.text();
  } catch (error) {
    const { message, cause } = error as Error;
    throw new WrongAnswerError(`GET ${url}: ${cause instanceof Error ? cause.message : message}`, true);
  }
  if (answer.status !== 200) {
    throw new WrongAnswerError(`GET ${url} answers ${answer.status}: ${body.slice(0, 500)}`, answer.status !== 500);
  }
  try {
    return JSON.parse(body);
  } catch {
    throw new WrongAnswerError(`GET ${url} answers 200 with what is not JSON: ${body.slice(0, 200)}`, true);
  }
}
