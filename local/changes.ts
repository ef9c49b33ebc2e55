/** Notifies waiting callers of a change. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Ends all current waits. */
  notify(): void {
    for (const resume of [...this.#waiting]) resume();
  }

  /**
   * Waits for the next change.
   *
   * @param milliseconds maximum wait.
   * @param signal ends the wait.
   */
  next(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(milliseconds, 5));
      this.#waiting.add(done);
      signal?.addEventListener("abort", done);
    });
  }
}
