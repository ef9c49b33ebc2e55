/** What was asked while something else happened. */
export interface Load {
  readonly asked: number;
  /** Answers other than 200, and requests without one. */
  readonly failed: readonly string[];
  /** Bodies of the answers, in the order in which they came, each once in a row. */
  readonly bodies: readonly string[];
  /** Milliseconds that the slowest answer took. */
  readonly slowest: number;
}

/** Requests a second. */
const rate = 20;

/** Asks an address twenty times a second for as long as `work` takes, whether or not the answers come. */
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
    // Whether what was changed last serves.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    clearInterval(timer);
    await Promise.all(pending);
    return { result, load: { asked, failed, bodies, slowest: Math.round(slowest) } };
  } finally {
    clearInterval(timer);
  }
}
