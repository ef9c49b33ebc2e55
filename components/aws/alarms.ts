import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as sns from "@pulumi/aws/sns";
import * as pulumi from "@pulumi/pulumi";

import { alarmLimits } from "../alarm-limits";
import { type Transform, transformed } from "../transform";

export interface AlarmsArgs {
  /** What the topic and the dashboard are called, and how the names of the alarms begin. */
  readonly alarmsName: string;
  readonly region: string;
  /** Who is told. AWS sends one message first, whose link has to be followed before any other comes. */
  readonly notificationEmail: string;
  readonly functionName: pulumi.Input<string>;
  /** Id of the HTTP API in front of the function. */
  readonly apiId: pulumi.Input<string>;
  /** Milliseconds that 95 of 100 requests are answered in. Default: 3000. */
  readonly latencyMs?: number;
  readonly tags?: Record<string, string>;
  readonly transform?: { readonly alarm?: Transform<cloudwatch.MetricAlarmArgs> };
}

/** A metric as CloudWatch names it, and from where on it is one too many. */
interface Watched {
  readonly part: string;
  readonly title: string;
  readonly namespace: "AWS/Lambda" | "AWS/ApiGateway";
  readonly metricName: string;
  readonly statistic: "Sum" | "p95";
}

const watched: readonly Watched[] = [
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

/** Errors, throttles and latency of the API, told to an address and drawn on a dashboard. */
export class Alarms extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;
  readonly dashboardName: pulumi.Output<string>;

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:Alarms", name, {}, opts);
    const child: pulumi.CustomResourceOptions = { parent: this };
    const dimensions = {
      "AWS/Lambda": { FunctionName: args.functionName },
      "AWS/ApiGateway": { ApiId: args.apiId },
    };

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
            dimensions: dimensions[metric.namespace],
            ...limit(metric, args),
            period: alarmLimits.minutes * 60,
            // A time without requests is a time without failures.
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
      { dashboardName: args.alarmsName, dashboardBody: pulumi.jsonStringify(dashboardBody(args)) },
      child,
    );

    this.topicArn = topic.arn;
    this.dashboardName = dashboard.dashboardName;
    this.registerOutputs({ topicArn: this.topicArn, dashboardName: this.dashboardName });
  }
}

function limit({ statistic }: Watched, { latencyMs = alarmLimits.latencyMs }: AlarmsArgs) {
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

function dashboardBody({ region, functionName, apiId }: AlarmsArgs) {
  return {
    widgets: watched.map(({ title, namespace, metricName, statistic }, index) => ({
      type: "metric",
      ...graph,
      x: (index % 2) * graph.width,
      y: Math.floor(index / 2) * graph.height,
      properties: {
        title,
        region,
        stat: statistic,
        period: alarmLimits.minutes * 60,
        metrics: [
          namespace === "AWS/Lambda"
            ? [namespace, metricName, "FunctionName", functionName]
            : [namespace, metricName, "ApiId", apiId],
        ],
      },
    })),
  };
}
