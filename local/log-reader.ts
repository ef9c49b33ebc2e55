import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import type { Cloud } from "../contract/clouds";
import type { LogEvent } from "../operations/diagnose/inspected-cloud";

/** An event of one of the local clouds' logs. */
export interface LocalLogEvent extends LogEvent {
  readonly cloud: Cloud;
  /** Name of the log, e.g. `aws/lambda/shop-staging-api`. */
  readonly log: string;
}

export interface LogFilter {
  readonly cloud?: Cloud;
  /** Part of the log's name, such as a function's. */
  readonly name?: string;
}

/** Folders of the clouds in a state folder. */
const folders: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

/** Reads the logs of a state folder from the beginning on, whether its clouds run or not. */
export class LogReader {
  /** Bytes that were read, by file. */
  readonly #read = new Map<string, number>();

  constructor(
    private readonly state: string,
    private readonly filter: LogFilter = {},
  ) {}

  /** What was logged since the last call, the oldest first. */
  next(): LocalLogEvent[] {
    const clouds = Object.entries(folders) as [Cloud, string][];
    return clouds
      .filter(([cloud]) => this.filter.cloud === undefined || cloud === this.filter.cloud)
      .flatMap(([cloud, folder]) => this.#logs(cloud, path.join(this.state, folder, "logs")))
      .sort((a, b) => a.timestamp - b.timestamp);
  }

  #logs(cloud: Cloud, directory: string): LocalLogEvent[] {
    if (!existsSync(directory)) return [];
    return readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".jsonl"))
      .flatMap((file) => {
        const log = file.replace(/\.jsonl$/, "");
        if (!log.includes(this.filter.name ?? "")) return [];
        return this.#newLines(path.join(directory, file)).map((line) => {
          return { ...(JSON.parse(line) as LogEvent), cloud, log };
        });
      });
  }

  /** Whole lines: the last one may be half written. */
  #newLines(file: string): string[] {
    const from = this.#read.get(file) ?? 0;
    const descriptor = openSync(file, "r");
    try {
      const content = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - from));
      readSync(descriptor, content, 0, content.length, from);
      const end = content.lastIndexOf("\n") + 1;
      this.#read.set(file, from + end);
      return content.toString("utf8", 0, end).split("\n").slice(0, -1);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** A request as an application or a gateway logs it, in JSON. */
const requestSchema = z.object({
  method: z.string(),
  path: z.string(),
  status: z.coerce.string(),
  /** Milliseconds; an application's and API Gateway's names for it. */
  duration_ms: z.coerce.number().optional(),
  latencyMs: z.coerce.number().optional(),
});

/** What the runtime logs of each event, in Lambda's own format: everything else is the application's or a gateway's. */
export function isPlatformEvent({ message }: LogEvent): boolean {
  return message.includes('"type":"platform.');
}

/** A request in one line, e.g. `GET /api/ 200 12 ms`; everything else as it was logged. */
function readable(message: string): string {
  const request = message.startsWith("{") ? requestSchema.safeParse(parsed(message)) : undefined;
  if (!request?.success) return message.trimEnd();
  const { method, path: target, status, duration_ms, latencyMs = duration_ms } = request.data;
  return [method, target, status, ...(latencyMs === undefined ? [] : [`${Math.round(latencyMs)} ms`])].join(" ");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** E.g. `12:03:04.123 aws lambda/shop-staging-api  GET /api/ 200 12 ms`, in the time of this machine. */
export function logLine({ timestamp, cloud, log, message }: LocalLogEvent): string {
  const at = new Date(timestamp);
  const time = `${at.toLocaleTimeString("en-GB")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  return `${time} ${cloud} ${log.split("/").slice(-2).join("/")}  ${readable(message)}`;
}
