/** Deliveries of events; what fails is delivered again while the cloud runs, and the cloud's own log has the reason. */
export class Redelivery {
  readonly #waiting = new Set<NodeJS.Timeout>();

  /**
   * @param name of the delivery in the log.
   * @param delay milliseconds until the next attempt, after a number of attempts; undefined if there is none.
   */
  async deliver(
    name: string,
    give: () => Promise<void>,
    delay: (attempts: number) => number | undefined,
    attempt = 1,
  ): Promise<void> {
    try {
      await give();
    } catch (error) {
      console.error(`${name}: attempt ${attempt}: ${error instanceof Error ? error.message : String(error)}`);
      const wait = delay(attempt);
      if (wait === undefined) return;
      const timer = setTimeout(() => {
        this.#waiting.delete(timer);
        void this.deliver(name, give, delay, attempt + 1);
      }, wait);
      this.#waiting.add(timer);
    }
  }

  close(): void {
    for (const timer of this.#waiting) clearTimeout(timer);
  }
}
