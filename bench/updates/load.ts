/** A request that was made, and what came of it. */
export interface Asked {
  readonly url: string;
  /** Absent where there was no answer. */
  readonly status?: number;
  readonly error?: string;
  /** What release answered, where the answer says it. */
  readonly release?: string;
  /** Milliseconds until the answer. */
  readonly ms: number;
}

/** Asks each address 20 times a second, answered or not, until it is stopped. */
export function askSteadily(urls: readonly string[]): { stop: () => Promise<Asked[]> } {
  const asked: Promise<Asked>[] = [];
  const timer = setInterval(() => {
    for (const url of urls) asked.push(ask(url));
  }, 50);
  return {
    stop: () => {
      clearInterval(timer);
      return Promise.all(asked);
    },
  };
}

async function ask(url: string): Promise<Asked> {
  const started = performance.now();
  const ms = () => Math.round(performance.now() - started);
  try {
    const answer = await fetch(url);
    await answer.text();
    return { url, status: answer.status, release: answer.headers.get("x-release") ?? undefined, ms: ms() };
  } catch (error) {
    const { message, cause } = error as Error;
    return { url, error: cause instanceof Error ? cause.message : message, ms: ms() };
  }
}
