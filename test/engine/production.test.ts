import { afterAll, beforeAll, expect, test } from "vitest";

import { changes, LocalDeployment } from "./local-deployment";

const production = ["gcp.project=shop-123456", "notificationEmail=on-call@example.com"];
const deployment = new LocalDeployment(production, "production");

beforeAll(async () => {
  const up = await deployment.run(["up", "--detach"]);
  expect(up.code, up.stderr).toBe(0);
});

afterAll(() => deployment.end());

test("errors send a notification on every cloud", () => {
  const types = ["aws", "azure-native", "gcp"].flatMap((cloud) => deployment.resources(cloud).map(({ type }) => type));
  expect(types).toEqual(
    expect.arrayContaining([
      "aws:sns/topicSubscription:TopicSubscription",
      "aws:cloudwatch/metricAlarm:MetricAlarm",
      "azure-native:monitor:ActionGroup",
      "azure-native:monitor:ScheduledQueryRule",
      "gcp:monitoring/notificationChannel:NotificationChannel",
      "gcp:monitoring/alertPolicy:AlertPolicy",
    ]),
  );
});

test("a preview changes nothing", async () => {
  expect(changes(await deployment.preview())).toEqual([]);
});

test("the messages and the logs cannot be deleted until the protection is removed", async () => {
  const refused = await deployment.run(["destroy"]);
  expect(refused.code).toBe(1);
  for (const cloud of ["aws", "azure", "gcp"]) {
    expect(refused.stderr).toMatch(new RegExp(`${cloud}-messages" cannot be deleted\\s+because it is protected`));
  }

  // The functions may go before the engine comes to what is protected; the next update has their logs in its state.
  for (const log of ["aws-api", "aws-http"]) {
    expect(refused.stderr).toMatch(new RegExp(`${log}" cannot be deleted\\s+because it is protected`));
  }

  deployment.configure([...production, "deletionProtection=false", "smokeCheck=false"]);
  await deployment.up();
  await deployment.destroy();
  expect(deployment.resources("gcp")).toEqual([]);
});
