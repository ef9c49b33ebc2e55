/** Lines of a process whose start may fail: told once it has started, and never where it has not. */
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
