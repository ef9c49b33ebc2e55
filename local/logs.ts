import { appendFileSync, mkdirSync } from "node:fs";
import path from "node:path";

import type { LogEvent } from "../operations/diagnose/inspected-cloud";

/** The logs of one local cloud: a file each, with a {@link LogEvent} a line in JSON, the newest at its end. */
export class Logs {
  constructor(private readonly directory: string) {}

  /** The file of a log, e.g. of log group `/aws/lambda/api`. */
  file(name: string): string {
    return path.join(this.directory, `${name.replace(/^\/+/, "")}.jsonl`);
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
