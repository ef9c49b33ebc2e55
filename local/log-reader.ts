import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import type { Cloud } from "../contract/clouds";
import type { LogEvent } from "../operations/diagnose/inspected-cloud";
import { requestLogs } from "./logs";

/** An event in the log of a local cloud. */
export interface LocalLogEvent extends LogEvent {
  readonly cloud: Cloud;
  /** Name of the log, e.g. `aws/lambda/shop-staging-api`. */
  readonly log: string;
}

export interface LogFilter {
  readonly cloud?: Cloud;
  /** Part of the log's name, e.g. the name of a function. */
  readonly name?: string;
}

/** Folders of the clouds in a state folder. */
const folders: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

/** Reads all logs of a state folder, whether its clouds are running or not. */
export class LogReader {
  /** Number of bytes read, by file. */
  readonly #read = new Map<string, number>();

  constructor(
    private readonly state: string,
    private readonly filter: LogFilter = {},
  ) {}

  /** New events since the last call, oldest first. */
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

  /** Only complete lines: the last one may be half written. */
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

/** A request in the log of an application or a gateway, in JSON. */
const requestSchema = z.object({
  method: z.string(),
  path: z.string(),
  status: z.coerce.string(),
  /** Milliseconds, under an application's and API Gateway's names. */
  duration_ms: z.coerce.number().optional(),
  latencyMs: z.coerce.number().optional(),
  cold: z.boolean().optional(),
});

/**
 * Whether an event comes from the runtime, in Lambda's own format; all others come from the application or a gateway.
 */
export function isPlatformEvent({ message }: LogEvent): boolean {
  return message.includes('"type":"platform.');
}

/**
 * Whether to show an event in a terminal: events of the runtime are hidden, and so are an application's or a gateway's
 * lines about a request, which has its own line.
 */
export function isShown(event: LocalLogEvent): boolean {
  return !isPlatformEvent(event) && (isRequest(event) || requestOf(event.message) === undefined);
}

/** Whether an event is a request in the local clouds' own log, which has each request once. */
export function isRequest({ log }: LocalLogEvent): boolean {
  return log.startsWith(`${requestLogs}/`);
}

function requestOf(message: string): z.output<typeof requestSchema> | undefined {
  return message.startsWith("{") ? requestSchema.safeParse(parsed(message)).data : undefined;
}

/** Formats a request as one line, e.g. `GET /api/ 200 12 ms cold`; other messages are unchanged. */
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

/**
 * Formats an event in local time, e.g. `12:03:04.123 aws GET /api/ 200 12 ms`; events that are no requests include the
 * log's name.
 */
export function logLine(event: LocalLogEvent): string {
  const { timestamp, cloud, log, message } = event;
  const at = new Date(timestamp);
  const time = `${at.toLocaleTimeString("en-GB")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  if (isRequest(event)) return `${time} ${cloud} ${readable(message)}`;
  return `${time} ${cloud} ${log.split("/").slice(-2).join("/")}  ${readable(message)}`;
}
