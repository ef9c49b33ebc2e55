import { type Lambda, ThrottledError } from "./lambda";

/** Milliseconds before Lambda retries a failed event (Lambda developer guide, "Asynchronous invocation"). */
const retries = [60_000, 120_000];

/** Lambda's asynchronous invocations: a failed event is retried twice. */
export class AsynchronousInvocations {
  /** Timers of pending retries. */
  readonly #repeats = new Set<NodeJS.Timeout>();

  constructor(private readonly lambda: Lambda) {}

  /**
   * Runs an event for the first time, and returns when that run has ended.
   *
   * @param target name or ARN of the function, with or without a version or an alias.
   * @throws if there is no such function.
   */
  async send(target: string, event: string, attempt = 0): Promise<void> {
    let failed: boolean;
    try {
      const result = await this.lambda.invoke(target, Buffer.from(event));
      failed = result.functionError !== undefined;
    } catch (error) {
      if (!(error instanceof ThrottledError)) throw error;
      failed = true;
    }
    const delay = retries[attempt];
    if (!failed || delay === undefined) return;
    const repeat = setTimeout(() => {
      this.#repeats.delete(repeat);
      this.send(target, event, attempt + 1).catch(console.error);
    }, delay);
    this.#repeats.add(repeat);
  }

  close(): void {
    for (const timer of this.#repeats) clearTimeout(timer);
    this.#repeats.clear();
  }
}
