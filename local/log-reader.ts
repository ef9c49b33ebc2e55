import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import type { Cloud } from "../contract/clouds";
import type { LogEvent } from "../operations/diagnose/inspected-cloud";
import { requestLogs } from "./logs";

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
  cold: z.boolean().optional(),
});

/** What the runtime logs of each event, in Lambda's own format: everything else is the application's or a gateway's. */
export function isPlatformEvent({ message }: LogEvent): boolean {
  return message.includes('"type":"platform.');
}

/**
 * Whether an event is worth a line of a terminal: neither the runtime's own, nor what an application or a gateway logs of a
 * request that has its line already.
 */
export function isTold(event: LocalLogEvent): boolean {
  return !isPlatformEvent(event) && (isRequest(event) || requestOf(event.message) === undefined);
}

/** Whether an event is a request as the local clouds log it, once for each. */
export function isRequest({ log }: LocalLogEvent): boolean {
  return log.startsWith(`${requestLogs}/`);
}

function requestOf(message: string): z.output<typeof requestSchema> | undefined {
  return message.startsWith("{") ? requestSchema.safeParse(parsed(message)).data : undefined;
}

/** A request in one line, e.g. `GET /api/ 200 12 ms cold`; everything else as it was logged. */
export function readable(message: string): string {
  const request = requestOf(message);
  if (request === undefined) return message.trimEnd();
  const { method, path: target, status, duration_ms, latencyMs = duration_ms, cold = false } = request;
  const time = latencyMs === undefined ? [] : [`${Math.round(latencyMs)} ms`];
  return [method, target, status, ...time, ...(cold ? ["cold"] : [])].join(" ");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** E.g. `12:03:04.123 aws GET /api/ 200 12 ms`, or with the log's name for what is no request, in the time of this machine. */
export function logLine(event: LocalLogEvent): string {
  const { timestamp, cloud, log, message } = event;
  const at = new Date(timestamp);
  const time = `${at.toLocaleTimeString("en-GB")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  if (isRequest(event)) return `${time} ${cloud} ${readable(message)}`;
  return `${time} ${cloud} ${log.split("/").slice(-2).join("/")}  ${readable(message)}`;
}
