/** Seconds of several runs; machines are noisy, so only medians of the same run are compared. */
export interface Timing {
  readonly median: number;
  readonly runs: readonly number[];
}

export function timing(runs: readonly number[]): Timing {
  const sorted = [...runs].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? NaN, runs };
}

export async function timed<T>(action: () => Promise<T>): Promise<{ seconds: number; result: T }> {
  const started = performance.now();
  const result = await action();
  return { seconds: (performance.now() - started) / 1000, result };
}
