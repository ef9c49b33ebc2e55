import { appendFileSync, mkdirSync } from "node:fs";
import path from "node:path";

import type { LogEvent } from "../operations/diagnose/inspected-cloud";

/** Folder of the request logs, which exist only on local clouds. */
export const requestLogs = "requests";

/** A request to a function. */
export interface RequestRecord {
  readonly method: string;
  /** Including the query. */
  readonly path: string;
  readonly status: number;
  readonly duration_ms: number;
  /** Whether it waited for the start of the function. */
  readonly cold: boolean;
  /** The version that handled it, on a cloud that serves several at a time. */
  readonly version?: string;
}

/** The logs of one local cloud: one file per log, with one {@link LogEvent} in JSON per line, newest last. */
export class Logs {
  constructor(private readonly directory: string) {}

  /** The file of a log, e.g. of log group `/aws/lambda/api`. */
  file(name: string): string {
    return path.join(this.directory, `${name.replace(/^\/+/, "")}.jsonl`);
  }

  /** Logs a request to a function, with its response status and duration. */
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

  /** Written synchronously, so that a crash loses nothing. */
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
