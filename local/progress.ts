/** Milliseconds without output after which a pending step is reported again. */
const silence = 2_000;

/** Prints progress on standard error; standard output is for results. */
export class Progress {
  #toldAt = Date.now();

  readonly tell = (line: string): void => {
    this.#toldAt = Date.now();
    process.stderr.write(`${line}\n`);
  };

  /** Prints a step, and repeats it during a long silence until it has ended. */
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
