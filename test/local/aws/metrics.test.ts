import { expect, test } from "vitest";

import { Metrics } from "../../../local/aws/metrics";
import { AwsResources } from "../../../local/aws/resources";
import { Logs } from "../../../local/logs";
import { FakeResources, temporaryDirectory } from "../resources";

const resources = new FakeResources();
const logs = new Logs(temporaryDirectory());
const typed = new AwsResources(resources);
const metrics = new Metrics(typed, logs);

const log = "/aws/lambda/api";
const report = (version: string, status: string) => {
  const record = { status, metrics: { durationMs: 12 } };
  logs.append(log, `2026/01/01/api[${version}]local`, JSON.stringify({ type: "platform.report", record }));
};

resources.put("aws:apigatewayv2/stage:Stage", "a/$default", {
  apiId: "a",
  name: "$default",
  accessLogSettings: { destinationArn: "arn:aws:logs:eu-west-1:1:log-group:/aws/apigateway/api", format: "" },
});
for (const [version, status] of [
  ["1", "success"],
  ["2", "success"],
  ["2", "error"],
  ["2", "timeout"],
] as const) {
  report(version, status);
}
for (const [status, latencyMs] of [
  [200, 10],
  [200, 20],
  [503, 900],
]) {
  logs.append("/aws/apigateway/api", "$default", JSON.stringify({ status, latencyMs }));
}
const embedded = (version: string) => ({
  _aws: {
    CloudWatchMetrics: [
      {
        Namespace: "multicloud",
        Dimensions: [["FunctionName", "ExecutedVersion"]],
        Metrics: [{ Name: "ServerErrors" }],
      },
    ],
  },
  ...{ FunctionName: "api", ExecutedVersion: version, ServerErrors: 1 },
});
logs.append(log, "2026/01/01/api[2]local", JSON.stringify(embedded("2")));
logs.append(log, "2026/01/01/api[2]local", "what an application writes");

const sum = (namespace: string, name: string, dimensions: Record<string, string>, from = 0) =>
  metrics.values({ namespace, name, dimensions }, from).reduce((total, value) => total + value, 0);

test("invocations and failures of a version come from its reports", () => {
  expect(sum("AWS/Lambda", "Invocations", { FunctionName: "api" })).toBe(4);
  expect(sum("AWS/Lambda", "Errors", { FunctionName: "api", ExecutedVersion: "1" })).toBe(0);
  expect(sum("AWS/Lambda", "Errors", { FunctionName: "api", ExecutedVersion: "2" })).toBe(2);
  expect(sum("AWS/Lambda", "Errors", { FunctionName: "api", ExecutedVersion: "2" }, Date.now() + 1000)).toBe(0);
  expect(sum("AWS/Lambda", "Errors", { FunctionName: "other" })).toBe(0);
});

test("a metric in a log counts only for its own dimensions", () => {
  const dimensions = { FunctionName: "api", ExecutedVersion: "2" };
  expect(sum("multicloud", "ServerErrors", dimensions)).toBe(1);
  expect(sum("multicloud", "ServerErrors", { ...dimensions, ExecutedVersion: "1" })).toBe(0);
  expect(sum("multicloud", "ServerErrors", { FunctionName: "api" })).toBe(0);
  expect(sum("elsewhere", "ServerErrors", dimensions)).toBe(0);
});

test.each([
  ["5xx", "Sum", "GreaterThanOrEqualToThreshold", 1, true],
  ["5xx", "Sum", "GreaterThanThreshold", 1, false],
  ["Count", "Sum", "LessThanThreshold", 4, true],
  ["Latency", "Maximum", "GreaterThanThreshold", 500, true],
  ["Latency", "Average", "GreaterThanThreshold", 310, false],
  ["Latency", "p50", "GreaterThanThreshold", 20, false],
])("an alarm on %s (%s, %s %i) fires: %s", (metricName, statistic, comparisonOperator, threshold, fires) => {
  const alarm = {
    name: "alarm",
    namespace: "AWS/ApiGateway",
    ...{ metricName, comparisonOperator, threshold, evaluationPeriods: 1, period: 300 },
    ...(statistic.startsWith("p") ? { extendedStatistic: statistic } : { statistic }),
    dimensions: { ApiId: "a" },
  };
  resources.put("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm", alarm);
  expect(metrics.fires(typed.get("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm"))).toBe(fires);
});

test("an alarm without data fires only if missing data is breaching", () => {
  const quiet = (treatMissingData: string) => {
    resources.put("aws:cloudwatch/metricAlarm:MetricAlarm", "quiet", {
      ...{ name: "quiet", namespace: "AWS/Lambda", metricName: "Errors", dimensions: { FunctionName: "other" } },
      ...{ comparisonOperator: "GreaterThanThreshold", threshold: 0, evaluationPeriods: 1, treatMissingData },
    });
    return metrics.fires(typed.get("aws:cloudwatch/metricAlarm:MetricAlarm", "quiet"));
  };
  expect([quiet("notBreaching"), quiet("breaching")]).toEqual([false, true]);
});
