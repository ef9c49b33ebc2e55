/** Milliseconds of silence after which a wait is told again. */
const silence = 2_000;

/** Tells what a run is doing, on standard error: standard output is for results. */
export class Progress {
  #toldAt = Date.now();

  readonly tell = (line: string): void => {
    this.#toldAt = Date.now();
    process.stderr.write(`${line}\n`);
  };

  /** Tells what is waited for, and that it still is where nothing else is told for a while. */
  async during<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const started = Date.now();
    this.tell(what);
    const ticker = setInterval(() => {
      if (Date.now() - this.#toldAt < silence) return;
      this.tell(`${what}: ${Math.round((Date.now() - started) / 1000)} s`);
      this.#toldAt += silence;
    }, silence / 4);
    try {
      return await work();
    } finally {
      clearInterval(ticker);
    }
  }
}
