import { describe, expect, test } from "vitest";

import { Alarms as AwsAlarms, type WatchedFunction } from "../../components/aws/alarms";
import { Alarms as AzureAlarms } from "../../components/azure/alarms";
import { Alarms as GcpAlarms } from "../../components/gcp/alarms";
import { record, type Recording } from "./mocks";

const notificationEmail = "on-call@example.com";
const alarmsName = "shop-production-alarms";

const inputsOf = (recording: Recording, type: string) => recording.of(type).map(({ inputs }) => inputs);

describe("AWS", () => {
  const declare = (latencyMs?: number, ...functions: WatchedFunction[]) =>
    record(
      () =>
        new AwsAlarms("alarms", {
          alarmsName,
          region: "eu-west-1",
          notificationEmail,
          functions: [{ name: "api", functionName: "shop-production-api" }, ...functions],
          apiId: "api1",
          latencyMs,
        }),
      { answers: { "aws:sns/topic:Topic": () => ({ arn: "arn:topic" }) } },
    );

  test("notifies the address of errors, throttles and latency", async () => {
    const { recording } = await declare();
    expect(recording.only("aws:sns/topicSubscription:TopicSubscription")).toMatchObject({
      topic: "arn:topic",
      protocol: "email",
      endpoint: notificationEmail,
    });
    const alarms = inputsOf(recording, "aws:cloudwatch/metricAlarm:MetricAlarm");
    expect(
      alarms.map(({ name, namespace, metricName, dimensions }) => [name, namespace, metricName, dimensions]),
    ).toEqual([
      [`${alarmsName}-errors`, "AWS/Lambda", "Errors", { FunctionName: "shop-production-api" }],
      [`${alarmsName}-throttles`, "AWS/Lambda", "Throttles", { FunctionName: "shop-production-api" }],
      [`${alarmsName}-answers-5xx`, "AWS/ApiGateway", "5xx", { ApiId: "api1" }],
      [`${alarmsName}-latency`, "AWS/ApiGateway", "Latency", { ApiId: "api1" }],
    ]);
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({
        alarmActions: ["arn:topic"],
        okActions: ["arn:topic"],
        treatMissingData: "notBreaching",
      });
    }
  });

  test("fires at one error, and measures latency by its 95th percentile", async () => {
    const { recording } = await declare(1500);
    const [errors, , , latency] = inputsOf(recording, "aws:cloudwatch/metricAlarm:MetricAlarm");
    expect(errors).toMatchObject({ statistic: "Sum", threshold: 1, evaluationPeriods: 1, period: 300 });
    expect(errors?.extendedStatistic).toBeUndefined();
    expect(latency).toMatchObject({ extendedStatistic: "p95", threshold: 1500, evaluationPeriods: 3 });
    expect(latency?.statistic).toBeUndefined();
  });

  test("draws the same on a dashboard that does not overlap", async () => {
    const { recording } = await declare();
    const { widgets } = JSON.parse(String(recording.only("aws:cloudwatch/dashboard:Dashboard").dashboardBody)) as {
      widgets: { x: number; y: number; properties: { metrics: string[][] } }[];
    };
    expect(widgets.map(({ properties }) => properties.metrics[0]?.slice(1))).toEqual([
      ["Errors", "FunctionName", "shop-production-api"],
      ["Throttles", "FunctionName", "shop-production-api"],
      ["5xx", "ApiId", "api1"],
      ["Latency", "ApiId", "api1"],
    ]);
    expect(new Set(widgets.map(({ x, y }) => `${x},${y}`)).size).toBe(widgets.length);
  });
});

describe("Azure", () => {
  test("notifies the address of errors, throttles and latency", async () => {
    const { recording } = await record(
      () =>
        new AzureAlarms("alarms", {
          alarmsName,
          resourceGroupName: "shop",
          location: "japaneast",
          notificationEmail,
          workspaces: { api: "/workspace" },
        }),
    );
    expect(recording.only("azure-native:monitor:ActionGroup")).toMatchObject({
      location: "Global",
      groupShortName: expect.stringMatching(/^.{1,12}$/) as unknown,
      emailReceivers: [{ emailAddress: notificationEmail }],
    });
    const rules = inputsOf(recording, "azure-native:monitor:ScheduledQueryRule");
    expect(rules.map(({ ruleName }) => ruleName)).toEqual([
      `${alarmsName}-errors`,
      `${alarmsName}-throttles`,
      `${alarmsName}-latency`,
      `${alarmsName}-host`,
    ]);
    for (const rule of rules)
      expect(rule).toMatchObject({ scopes: ["/workspace"], actions: { actionGroups: ["alarms-id"] } });
    expect(rules[2]).toMatchObject({
      criteria: {
        allOf: [
          {
            query: "AppRequests | summarize Value = percentile(DurationMs, 95)",
            threshold: 3000,
            failingPeriods: { numberOfEvaluationPeriods: 3, minFailingPeriodsToAlert: 3 },
          },
        ],
      },
    });
  });
});

test("on Azure, a host without functions is detected by its own log and by Front Door's, since it records no request", async () => {
  const { recording } = await record(
    () =>
      new AzureAlarms("alarms", {
        alarmsName,
        resourceGroupName: "shop",
        location: "japaneast",
        notificationEmail,
        workspaces: { api: "/workspace", worker: "/worker" },
        frontDoor: { workspace: "/workspace", routes: ["api", "orders"] },
      }),
  );
  const rules = inputsOf(recording, "azure-native:monitor:ScheduledQueryRule");
  const queryOf = (part: string) =>
    JSON.stringify(rules.find(({ ruleName }) => ruleName === `${alarmsName}-${part}`)?.criteria);
  for (const part of ["host", "worker-host"]) expect(queryOf(part)).toMatch(/AppTraces .* No job functions|AppTraces/);
  // By route, since a request that reached no origin has no origin name; 0 is the status of a timeout.
  expect(queryOf("answers")).toMatch(
    /FrontDoorAccessLog.*routingRuleName_s in \('api', 'orders'\).*Status in \(0, 404\)/,
  );
  // The site and other APIs do not hide a failing API, and responses of Front Door itself do not count.
  expect(queryOf("answers")).toMatch(/originName_s != 'N\/A'.* by routingRuleName_s .*sumif\(Failed, Answered == 0\)/);
  expect(queryOf("answers")).not.toContain("'site'");
  expect(rules).toHaveLength(9);
});

describe("Google Cloud", () => {
  test("notifies the address of errors, throttles and latency, and draws them", async () => {
    const { recording } = await record(
      () =>
        new GcpAlarms("alarms", {
          alarmsName,
          notificationEmail,
          functions: [{ kind: "http", serviceName: "shop-production-api" }],
        }),
    );
    expect(recording.only("gcp:projects/service:Service")).toMatchObject({ service: "monitoring.googleapis.com" });
    expect(recording.only("gcp:monitoring/notificationChannel:NotificationChannel")).toMatchObject({
      type: "email",
      labels: { email_address: notificationEmail },
    });
    const policies = inputsOf(recording, "gcp:monitoring/alertPolicy:AlertPolicy");
    const service =
      'resource.type = "cloud_run_revision" AND resource.labels.service_name = "shop-production-api" AND ';
    const count = 'metric.type = "run.googleapis.com/request_count" AND ';
    expect(policies).toMatchObject(
      [
        [`${count}metric.labels.response_code_class = "5xx"`, 0, "0s", "ALIGN_DELTA"],
        [`${count}metric.labels.response_code = "429"`, 0, "0s", "ALIGN_DELTA"],
        ['metric.type = "run.googleapis.com/request_latencies"', 3000, "600s", "ALIGN_PERCENTILE_95"],
      ].map(([metric, thresholdValue, duration, perSeriesAligner]) => ({
        notificationChannels: ["alarms-id"],
        conditions: [
          {
            conditionThreshold: {
              filter: `${service}${String(metric)}`,
              thresholdValue,
              duration,
              aggregations: [{ perSeriesAligner, alignmentPeriod: "300s" }],
            },
          },
        ],
      })),
    );
    const { gridLayout } = JSON.parse(String(recording.only("gcp:monitoring/dashboard:Dashboard").dashboardJson)) as {
      gridLayout: { widgets: unknown[] };
    };
    expect(gridLayout.widgets).toHaveLength(3);
  });

  test("watches every function, and the latency only of those that answer requests", async () => {
    const { recording } = await record(
      () =>
        new GcpAlarms("alarms", {
          alarmsName,
          notificationEmail,
          functions: [
            { kind: "http", serviceName: "shop-api" },
            { kind: "schedule", serviceName: "shop-worker" },
          ],
        }),
    );
    const filters = inputsOf(recording, "gcp:monitoring/alertPolicy:AlertPolicy").map(({ conditions }) => {
      const [first] = conditions as [{ conditionThreshold: { filter: string } }];
      return /service_name = (.*?) AND metric/.exec(first.conditionThreshold.filter)?.[1];
    });
    expect(filters).toEqual(['one_of("shop-api", "shop-worker")', 'one_of("shop-api", "shop-worker")', '"shop-api"']);
  });
});
