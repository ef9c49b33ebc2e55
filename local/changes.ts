/** Lets those who wait for something to change go on when it has, or when their time is over. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Something has changed. */
  tell(): void {
    for (const resume of [...this.#waiting]) resume();
  }

  /**
   * Waits until something has changed.
   *
   * @param milliseconds at most.
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
