const minute = 60_000;

/** When a schedule is due. */
export interface Due {
  /** Milliseconds between two runs; absent for a schedule by time of day. */
  readonly every?: number;
  /** Whether it is due in the minute of a time, in UTC. */
  readonly at: (time: Date) => boolean;
}

/** Runs actions on schedules. */
export class Timetable {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** Replaces the schedule of an id; an unsupported schedule is never due. */
  set(id: string, due: Due | undefined, act: () => void): void {
    this.clear(id);
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
