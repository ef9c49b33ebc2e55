import * as monitoring from "@pulumi/gcp/monitoring";
import * as pulumi from "@pulumi/pulumi";

import { alarmLimits } from "../alarm-limits";
import { type Transform, transformed } from "../transform";
import { enableServices } from "./services";

export interface AlarmsArgs {
  /** Name of the dashboard, and prefix of the alerts' names. */
  readonly alarmsName: string;
  /** Address of the notifications. */
  readonly notificationEmail: string;
  /** The functions by the names of their Cloud Run services, in the order of the application's description. */
  readonly functions: readonly WatchedFunction[];
  /** Milliseconds within which 95 of 100 requests are answered. Default: 3000. */
  readonly latencyMs?: number;
  readonly labels?: Record<string, string>;
  readonly transform?: { readonly alert?: Transform<monitoring.AlertPolicyArgs> };
}

/** A function; latency is monitored only for those that answer requests. */
export interface WatchedFunction {
  readonly kind: "http" | "schedule";
  readonly serviceName: pulumi.Input<string>;
}

interface Watched {
  readonly of: readonly WatchedFunction["kind"][];
  readonly part: string;
  readonly title: string;
  /** The metric, in Cloud Monitoring's filter language. */
  readonly metric: string;
  readonly aligner: "ALIGN_DELTA" | "ALIGN_PERCENTILE_95";
  readonly reducer: "REDUCE_SUM" | "REDUCE_MAX";
  readonly limit: (latencyMs: number) => number;
  /** Consecutive windows above the limit before the alarm notifies. */
  readonly windows: number;
}

const requests = 'metric.type = "run.googleapis.com/request_count"';
const counted = {
  of: ["http", "schedule"],
  aligner: "ALIGN_DELTA",
  reducer: "REDUCE_SUM",
  limit: () => 0,
  windows: 1,
} as const;

const watched: readonly Watched[] = [
  {
    ...counted,
    part: "errors",
    title: "The function failed",
    metric: `${requests} AND metric.labels.response_code_class = "5xx"`,
  },
  {
    ...counted,
    part: "throttles",
    title: "The function was throttled",
    metric: `${requests} AND metric.labels.response_code = "429"`,
  },
  {
    of: ["http"],
    part: "latency",
    title: "The API is slow (p95)",
    metric: 'metric.type = "run.googleapis.com/request_latencies"',
    aligner: "ALIGN_PERCENTILE_95",
    reducer: "REDUCE_MAX",
    limit: (latencyMs) => latencyMs,
    windows: alarmLimits.latencyWindows,
  },
];

const window = `${alarmLimits.minutes * 60}s`;

/** Notifications and a dashboard of errors, throttles and latency of the API. */
export class Alarms extends pulumi.ComponentResource {
  readonly dashboardId: pulumi.Output<string>;

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:gcp:Alarms", name, {}, opts);
    const child = enableServices(name, ["monitoring"], this);
    const { latencyMs = alarmLimits.latencyMs } = args;

    const channel = new monitoring.NotificationChannel(
      name,
      {
        type: "email",
        displayName: args.alarmsName,
        labels: { email_address: args.notificationEmail },
        userLabels: args.labels,
      },
      child,
    );
    for (const { part, title, limit, windows, ...measured } of watchedIn(args)) {
      new monitoring.AlertPolicy(
        `${name}-${part}`,
        transformed<monitoring.AlertPolicyArgs>(
          {
            displayName: `${args.alarmsName}-${part}`,
            documentation: { content: `${title}. Next: \`npm run diagnose\``, mimeType: "text/markdown" },
            combiner: "OR",
            conditions: [
              {
                displayName: title,
                conditionThreshold: {
                  ...timeSeries(measured, args),
                  comparison: "COMPARISON_GT",
                  thresholdValue: limit(latencyMs),
                  duration: `${(windows - 1) * alarmLimits.minutes * 60}s`,
                  trigger: { count: 1 },
                },
              },
            ],
            notificationChannels: [channel.id],
            userLabels: args.labels,
          },
          args.transform?.alert,
        ),
        child,
      );
    }
    const dashboard = new monitoring.Dashboard(name, { dashboardJson: pulumi.jsonStringify(dashboardOf(args)) }, child);

    this.dashboardId = dashboard.id;
    this.registerOutputs({ dashboardId: this.dashboardId });
  }
}

/** The monitored metrics, without those that no function has. */
function watchedIn({ functions }: AlarmsArgs): readonly Watched[] {
  return watched.filter((each) => functions.some(({ kind }) => each.of.includes(kind)));
}

function timeSeries(
  { of, metric, aligner, reducer }: Pick<Watched, "of" | "metric" | "aligner" | "reducer">,
  { functions }: AlarmsArgs,
) {
  const names = pulumi.all(functions.filter(({ kind }) => of.includes(kind)).map(({ serviceName }) => serviceName));
  const services = names.apply((all) => {
    const quoted = all.map((name) => `"${name}"`);
    return quoted.length === 1 ? quoted.join("") : `one_of(${quoted.join(", ")})`;
  });
  return {
    filter: pulumi.interpolate`resource.type = "cloud_run_revision" AND resource.labels.service_name = ${services} AND ${metric}`,
    aggregations: [{ alignmentPeriod: window, perSeriesAligner: aligner, crossSeriesReducer: reducer }],
  };
}

function dashboardOf(args: AlarmsArgs) {
  return {
    displayName: args.alarmsName,
    gridLayout: {
      columns: "2",
      widgets: watchedIn(args).map(({ title, ...measured }) => {
        const { filter, aggregations } = timeSeries(measured, args);
        const [aggregation] = aggregations;
        return {
          title,
          xyChart: { dataSets: [{ plotType: "LINE", timeSeriesQuery: { timeSeriesFilter: { filter, aggregation } } }] },
        };
      }),
    },
  };
}
