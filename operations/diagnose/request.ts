import { performance } from "node:perf_hooks";

/** A response with its whole body. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** The release that answered, if the response names it. */
  readonly release?: string;
  readonly body: string;
  readonly milliseconds: number;
}

/** A server did not answer: its name is unknown, it does not listen, or the time limit was reached. */
export class NoAnswerError extends Error {}

/** @throws {NoAnswerError} */
export async function request(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Answer> {
  const started = performance.now();
  try {
    const answer = await fetch(url, { redirect: "manual", ...init });
    const body = await answer.text();
    return {
      status: answer.status,
      contentType: answer.headers.get("content-type") ?? "",
      release: answer.headers.get("x-release") ?? undefined,
      body,
      milliseconds: performance.now() - started,
    };
  } catch (error) {
    if (init.signal.aborted) {
      throw new NoAnswerError(`no answer in ${Math.round((performance.now() - started) / 100) / 10} s`);
    }
    throw new NoAnswerError(causeOf(error));
  }
}

/** `fetch failed` has no details; the system's message is in its cause. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? cause.message || ("code" in cause ? String(cause.code) : cause.name) : error.message;
}
