/** Buffers the log lines of a starting process: they are emitted once it has started, and dropped if it fails. */
export class HeldLines {
  #held: string[] | undefined = [];

  constructor(private readonly onLine: (line: string) => void) {}

  readonly take = (line: string): void => {
    if (this.#held === undefined) this.onLine(line);
    else this.#held.push(line);
  };

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.onLine(line);
  }
}
