/** Results of the requests during other work. */
export interface Load {
  readonly asked: number;
  /** Responses other than 200, and failed requests. */
  readonly failed: readonly string[];
  /** Bodies of the responses, in order of arrival, without consecutive repetitions. */
  readonly bodies: readonly string[];
  /** Milliseconds of the slowest response. */
  readonly slowest: number;
}

/** Requests per second. */
const rate = 20;

/** Sends twenty requests per second to an address during `work`, whether or not they are answered. */
export async function underLoad<T>(url: string, work: () => Promise<T>): Promise<{ result: T; load: Load }> {
  const failed: string[] = [];
  const bodies: string[] = [];
  const pending = new Set<Promise<void>>();
  let asked = 0;
  let slowest = 0;
  const ask = async () => {
    const started = performance.now();
    asked += 1;
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) });
      const body = await answer.text();
      if (answer.status !== 200) failed.push(`${answer.status} ${body}`);
      else if (bodies.at(-1) !== body) bodies.push(body);
    } catch (error) {
      failed.push(String(error));
    }
    slowest = Math.max(slowest, performance.now() - started);
  };
  const timer = setInterval(() => {
    const request = ask().finally(() => pending.delete(request));
    pending.add(request);
  }, 1000 / rate);
  try {
    const result = await work();
    // Continue for a moment, to see whether the last change serves.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    clearInterval(timer);
    await Promise.all(pending);
    return { result, load: { asked, failed, bodies, slowest: Math.round(slowest) } };
  } finally {
    clearInterval(timer);
  }
}
