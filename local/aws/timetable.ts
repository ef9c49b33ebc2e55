import { parseExpression } from "./schedule-expression";

const minute = 60_000;

/** Does something at the times of schedule expressions, in UTC. */
export class Timetable {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** Takes the place of what was set for the same id; an expression that is not known is never due. */
  set(id: string, expression: string, act: () => void): void {
    this.clear(id);
    const due = parseExpression(expression);
    if (due?.every !== undefined) this.#timers.set(id, setInterval(act, due.every));
    else if (due !== undefined) this.#everyMinute(id, due.at, act);
  }

  clear(id: string): void {
    // Clears an interval as well.
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  close(): void {
    for (const id of [...this.#timers.keys()]) this.clear(id);
  }

  #everyMinute(id: string, isDue: (time: Date) => boolean, act: () => void): void {
    const next = minute - (Date.now() % minute);
    this.#timers.set(
      id,
      setTimeout(() => {
        if (isDue(new Date())) act();
        this.#everyMinute(id, isDue, act);
      }, next),
    );
  }
}
