import { appendFileSync, mkdirSync } from "node:fs";
import path from "node:path";

import type { LogEvent } from "../operations/diagnose/inspected-cloud";

/** Folder of the logs of requests, which no cloud has like this. */
export const requestLogs = "requests";

/** A request to a function. */
export interface RequestRecord {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly duration_ms: number;
  /** Whether it had to wait until the function was started. */
  readonly cold: boolean;
  /** What had it, where the cloud has several of a function at a time. */
  readonly version?: string;
}

/** The logs of one local cloud: a file each, with a {@link LogEvent} a line in JSON, the newest at its end. */
export class Logs {
  constructor(private readonly directory: string) {}

  /** The file of a log, e.g. of log group `/aws/lambda/api`. */
  file(name: string): string {
    return path.join(this.directory, `${name.replace(/^\/+/, "")}.jsonl`);
  }

  /** Logs a request to a function, with how it was answered and how long that took. */
  async timed<
    Outcome extends {
      readonly answer: { readonly status: number };
      readonly cold?: boolean;
      readonly version?: string;
    },
  >(
    functionName: string,
    { method, target }: { readonly method: string; readonly target: string },
    answer: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const started = performance.now();
    const outcome = await answer();
    const { status } = outcome.answer;
    const request: RequestRecord = {
      method,
      path: target,
      status,
      duration_ms: performance.now() - started,
      cold: outcome.cold ?? false,
      version: outcome.version,
    };
    this.append(`${requestLogs}/${functionName}`, "requests", JSON.stringify(request));
    return outcome;
  }

  /** Written at once, so that a crash loses nothing. */
  append(name: string, stream: string, message: string): void {
    const event: LogEvent = { timestamp: Date.now(), stream, message };
    const file = this.file(name);
    const line = `${JSON.stringify(event)}\n`;
    try {
      appendFileSync(file, line);
    } catch {
      mkdirSync(path.dirname(file), { recursive: true });
      appendFileSync(file, line);
    }
  }
}
