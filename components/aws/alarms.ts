import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as sns from "@pulumi/aws/sns";
import * as pulumi from "@pulumi/pulumi";

import { alarmLimits } from "../alarm-limits";
import { type Transform, transformed } from "../transform";

export interface AlarmsArgs {
  /** Name of the topic and the dashboard, and prefix of the alarms' names. */
  readonly alarmsName: string;
  readonly region: string;
  /**
   * Address of the notifications. AWS first sends a message with a link that confirms the subscription; notifications
   * follow only after that.
   */
  readonly notificationEmail: string;
  /** The monitored functions; the alarms of the first one have the shorter names. */
  readonly functions: readonly WatchedFunction[];
  /** Id of the HTTP API in front of them. Absent if no function answers requests. */
  readonly apiId?: pulumi.Input<string>;
  /** Milliseconds within which 95 of 100 requests are answered. Default: 3000. */
  readonly latencyMs?: number;
  readonly tags?: Record<string, string>;
  readonly transform?: { readonly alarm?: Transform<cloudwatch.MetricAlarmArgs> };
}

export interface WatchedFunction {
  /** Distinguishes its alarms from those of the other functions. */
  readonly name: string;
  readonly functionName: pulumi.Input<string>;
}

/** A CloudWatch metric with its limit. */
interface Metric {
  /** Suffix of its alarm's name. */
  readonly part: string;
  readonly title: string;
  readonly namespace: "AWS/Lambda" | "AWS/ApiGateway";
  readonly metricName: string;
  readonly statistic: "Sum" | "p95";
}

/** A metric of one function or API. */
interface Watched extends Metric {
  readonly dimension: "FunctionName" | "ApiId";
  readonly value: pulumi.Input<string>;
}

const metrics: readonly Metric[] = [
  {
    part: "errors",
    title: "The function failed",
    namespace: "AWS/Lambda",
    metricName: "Errors",
    statistic: "Sum",
  },
  {
    part: "throttles",
    title: "The function was throttled",
    namespace: "AWS/Lambda",
    metricName: "Throttles",
    statistic: "Sum",
  },
  {
    part: "answers-5xx",
    title: "The API answered with an error",
    namespace: "AWS/ApiGateway",
    metricName: "5xx",
    statistic: "Sum",
  },
  {
    part: "latency",
    title: "The API is slow (p95)",
    namespace: "AWS/ApiGateway",
    metricName: "Latency",
    statistic: "p95",
  },
];

/** Errors, throttles and latency of the functions and their API, sent to an address and shown on a dashboard. */
export class Alarms extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;
  readonly dashboardName: pulumi.Output<string>;

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:Alarms", name, {}, opts);
    const child: pulumi.CustomResourceOptions = { parent: this };
    const watched = watchedBy(args);

    const topic = new sns.Topic(name, { name: args.alarmsName, tags: args.tags }, child);
    new sns.TopicSubscription(name, { topic: topic.arn, protocol: "email", endpoint: args.notificationEmail }, child);
    for (const metric of watched) {
      new cloudwatch.MetricAlarm(
        `${name}-${metric.part}`,
        transformed<cloudwatch.MetricAlarmArgs>(
          {
            name: `${args.alarmsName}-${metric.part}`,
            alarmDescription: `${metric.title}. Next: npm run diagnose`,
            namespace: metric.namespace,
            metricName: metric.metricName,
            dimensions: { [metric.dimension]: metric.value },
            ...limit(metric, args),
            period: alarmLimits.minutes * 60,
            // Without requests there are no failures.
            treatMissingData: "notBreaching",
            alarmActions: [topic.arn],
            okActions: [topic.arn],
            tags: args.tags,
          },
          args.transform?.alarm,
        ),
        child,
      );
    }
    const dashboard = new cloudwatch.Dashboard(
      name,
      { dashboardName: args.alarmsName, dashboardBody: pulumi.jsonStringify(dashboardBody(args.region, watched)) },
      child,
    );

    this.topicArn = topic.arn;
    this.dashboardName = dashboard.dashboardName;
    this.registerOutputs({ topicArn: this.topicArn, dashboardName: this.dashboardName });
  }
}

function watchedBy({ functions, apiId }: AlarmsArgs): Watched[] {
  const ofFunctions = metrics.filter(({ namespace }) => namespace === "AWS/Lambda");
  const ofApi = metrics.filter(({ namespace }) => namespace === "AWS/ApiGateway");
  return [
    ...functions.flatMap(({ name, functionName }, index) =>
      ofFunctions.map((metric): Watched => ({
        ...metric,
        ...(index > 0 && { part: `${name}-${metric.part}`, title: `${metric.title}: ${name}` }),
        dimension: "FunctionName",
        value: functionName,
      })),
    ),
    ...(apiId === undefined ? [] : ofApi.map((metric): Watched => ({ ...metric, dimension: "ApiId", value: apiId }))),
  ];
}

function limit({ statistic }: Metric, { latencyMs = alarmLimits.latencyMs }: AlarmsArgs) {
  return statistic === "Sum"
    ? {
        statistic,
        threshold: 1,
        comparisonOperator: "GreaterThanOrEqualToThreshold",
        evaluationPeriods: 1,
      }
    : {
        extendedStatistic: statistic,
        threshold: latencyMs,
        comparisonOperator: "GreaterThanThreshold",
        evaluationPeriods: alarmLimits.latencyWindows,
      };
}

/** CloudWatch's grid is 24 columns wide: two graphs in a row. */
const graph = { width: 12, height: 6 };

function dashboardBody(region: string, watched: readonly Watched[]) {
  return {
    widgets: watched.map(({ title, namespace, metricName, statistic, dimension, value }, index) => ({
      type: "metric",
      ...graph,
      x: (index % 2) * graph.width,
      y: Math.floor(index / 2) * graph.height,
      properties: {
        title,
        region,
        stat: statistic,
        period: alarmLimits.minutes * 60,
        metrics: [[namespace, metricName, dimension, value]],
      },
    })),
  };
}
