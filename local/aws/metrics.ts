import { existsSync, readFileSync } from "node:fs";

import { z } from "zod";

import type { LogEvent } from "../../operations/diagnose/inspected-cloud";
import type { Logs } from "../logs";
import type { AwsResources, Resource } from "./resources";

/** A CloudWatch metric. */
export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

const report = z.object({
  type: z.literal("platform.report"),
  record: z.object({ status: z.string(), metrics: z.object({ durationMs: z.number() }) }),
});

/** The embedded metric format (CloudWatch user guide, "Specification: Embedded metric format"). */
const embedded = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.array(
      z.object({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string() })),
      }),
    ),
  }),
});

const accessed = z.object({ status: z.coerce.number(), latencyMs: z.coerce.number() });

/**
 * CloudWatch metrics of functions and APIs, computed from their logs: Lambda's reports, embedded metrics, and the APIs'
 * access logs in this program's format. There are no other metrics.
 */
export class Metrics {
  constructor(
    private readonly resources: AwsResources,
    private readonly logs: Logs,
  ) {}

  /** The values of a metric since a time, one for each event. */
  values({ namespace, name, dimensions }: Metric, from: number, to = Infinity): number[] {
    const { FunctionName, ExecutedVersion, ApiId } = dimensions;
    const inTime = ({ timestamp }: LogEvent) => timestamp >= from && timestamp < to;
    if (ApiId !== undefined) {
      const stage = this.resources.find("aws:apigatewayv2/stage:Stage", ({ apiId }) => apiId === ApiId);
      const log = stage?.accessLogSettings?.destinationArn.split(":").slice(6).join(":");
      return this.#events(log)
        .filter(inTime)
        .flatMap(({ message }) => ofRequest(name, jsonOf(message)));
    }
    const fn = this.resources.find("aws:lambda/function:Function", (each) => each.name === FunctionName);
    const log = fn?.loggingConfig?.logGroup ?? `/aws/lambda/${String(FunctionName)}`;
    return this.#events(log)
      .filter((event) => inTime(event) && (ExecutedVersion === undefined || versionIn(event) === ExecutedVersion))
      .flatMap(({ message }) => {
        const value = jsonOf(message);
        return namespace === "AWS/Lambda" ? ofReport(name, value) : ofEmbedded({ namespace, name, dimensions }, value);
      });
  }

  /** Whether an alarm fires: its statistic exceeds the threshold in each of the last periods. */
  fires(alarm: Resource<"aws:cloudwatch/metricAlarm:MetricAlarm">, now = Date.now()): boolean {
    const { namespace, metricName: name, dimensions, evaluationPeriods } = alarm;
    const period = alarm.period * 1000;
    return Array.from({ length: evaluationPeriods }, (_, index) => {
      const to = now - index * period;
      const values = this.values({ namespace, name, dimensions }, to - period, index === 0 ? Infinity : to);
      const value = statisticOf(alarm.extendedStatistic ?? alarm.statistic, values);
      return value === undefined
        ? alarm.treatMissingData === "breaching"
        : comparisons[alarm.comparisonOperator](value, alarm.threshold);
    }).every(Boolean);
  }

  #events(log: string | undefined): LogEvent[] {
    const file = this.logs.file(log ?? "");
    if (log === undefined || !existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogEvent);
  }
}

const comparisons = {
  GreaterThanOrEqualToThreshold: (value: number, threshold: number) => value >= threshold,
  GreaterThanThreshold: (value: number, threshold: number) => value > threshold,
  LessThanThreshold: (value: number, threshold: number) => value < threshold,
  LessThanOrEqualToThreshold: (value: number, threshold: number) => value <= threshold,
} as const;

/** @returns undefined without data. */
function statisticOf(statistic: string, values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sum = values.reduce((total, value) => total + value, 0);
  if (statistic === "Sum") return sum;
  if (statistic === "SampleCount") return values.length;
  if (statistic === "Average") return sum / values.length;
  const sorted = [...values].sort((a, b) => a - b);
  const share = statistic === "Minimum" ? 0 : statistic === "Maximum" ? 1 : Number(statistic.slice(1)) / 100;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** The version in a log stream's name, e.g. `2026/01/02/api[3]local`. */
function versionIn({ stream }: LogEvent): string | undefined {
  return /\[([^\]]+)\]/.exec(stream)?.[1];
}

function ofReport(name: string, value: unknown): number[] {
  const parsed = report.safeParse(value);
  if (!parsed.success) return [];
  const { status, metrics } = parsed.data.record;
  const figures: Readonly<Record<string, number>> = {
    Invocations: 1,
    Errors: status === "success" ? 0 : 1,
    Duration: metrics.durationMs,
  };
  return known(figures[name]);
}

function ofEmbedded({ namespace, name, dimensions }: Metric, value: unknown): number[] {
  const parsed = embedded.safeParse(value);
  if (!parsed.success) return [];
  const { _aws, ...values } = parsed.data;
  const isMeant = _aws.CloudWatchMetrics.some(
    ({ Namespace, Dimensions, Metrics: named }) =>
      Namespace === namespace &&
      named.some(({ Name }) => Name === name) &&
      Dimensions.some((set) => set.length === Object.keys(dimensions).length && set.every((key) => key in dimensions)),
  );
  const isOf = Object.entries(dimensions).every(([key, wanted]) => values[key] === wanted);
  return isMeant && isOf ? known(values[name]) : [];
}

function ofRequest(name: string, value: unknown): number[] {
  const parsed = accessed.safeParse(value);
  if (!parsed.success) return [];
  const { status, latencyMs } = parsed.data;
  const figures: Readonly<Record<string, number>> = {
    Count: 1,
    "4xx": status >= 400 && status < 500 ? 1 : 0,
    "5xx": status >= 500 ? 1 : 0,
    Latency: latencyMs,
  };
  return known(figures[name]);
}

function known(figure: unknown): number[] {
  return typeof figure === "number" ? [figure] : [];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
