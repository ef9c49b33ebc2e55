import { ncrontab } from "./ncrontab";

/** A function with a timer trigger. */
export interface Timer {
  readonly name: string;
  /** NCRONTAB, e.g. `0 0 3 * * *`. */
  readonly schedule: string;
}

/** Runs functions with timer triggers at their scheduled times. */
export class Timers {
  readonly #due = new Map<string, readonly { readonly name: string; readonly isDue: (time: Date) => boolean }[]>();
  readonly #interval: NodeJS.Timeout;
  #looked = Math.floor(Date.now() / 1000);

  /** @param fire called with the app's id and the name of the function that is due. */
  constructor(private readonly fire: (appId: string, name: string) => void) {
    this.#interval = setInterval(() => {
      this.#look();
    }, 500);
  }

  /** Replaces the timers of an app. */
  set(appId: string, timers: readonly Timer[]): void {
    this.#due.set(
      appId,
      timers.map(({ name, schedule }) => ({ name, isDue: ncrontab(schedule) })),
    );
  }

  delete(appId: string): void {
    this.#due.delete(appId);
  }

  close(): void {
    clearInterval(this.#interval);
  }

  /** Checks every second exactly once, even after a delayed interval. */
  #look(): void {
    const now = Math.floor(Date.now() / 1000);
    for (; this.#looked < now; this.#looked += 1) {
      const time = new Date((this.#looked + 1) * 1000);
      for (const [appId, timers] of this.#due) {
        for (const { name, isDue } of timers) if (isDue(time)) this.fire(appId, name);
      }
    }
  }
}
