import { describe, expect, it } from "vitest";

import { awsScheduleExpression, parseSchedule } from "../../../contract/schedule";
import { parseExpression } from "../../../local/aws/schedule-expression";

const isDue = (expression: string, time: string) => parseExpression(expression)?.at(new Date(time));

describe("a schedule expression", () => {
  it("with a rate has an interval", () => {
    expect(parseExpression("rate(5 minutes)")?.every).toBe(300_000);
    expect(parseExpression("rate(1 day)")?.every).toBe(86_400_000);
  });

  it.each([
    ["cron(30 3 * * ? *)", "2026-11-24T03:30:20Z", "2026-11-24T03:31:00Z"],
    ["cron(0/15 * * * ? *)", "2026-11-24T10:45:00Z", "2026-11-24T10:46:00Z"],
    // 24 November 2026 is a Tuesday.
    ["cron(0 8 ? * MON-FRI *)", "2026-11-24T08:00:00Z", "2026-11-22T08:00:00Z"],
    ["cron(0 8 ? * 1,7 *)", "2026-11-22T08:00:00Z", "2026-11-24T08:00:00Z"],
    ["cron(0 0 1 JAN,JUL ? *)", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"],
    ["cron(*/20 9-17 * * ? 2026)", "2026-11-24T17:40:00Z", "2027-11-24T17:40:00Z"],
  ])("%s is due at %s and not at %s", (expression, due, other) => {
    expect([isDue(expression, due), isDue(expression, other)]).toEqual([true, false]);
  });

  it.each([
    "rate(0 minutes)",
    "cron(0 8 * * * *)",
    "cron(0 8 * * ?)",
    "cron(60 8 * * ? *)",
    "cron(0 8 L * ? *)",
    "5 minutes",
  ])("%s is none that is known here", (expression) => {
    expect(parseExpression(expression)).toBeUndefined();
  });

  it.each(["rate(6 hours)", "0 3 * * *", "*/5 8-18 * * 1-5", "15 4 1 */3 *"])("is made of %s", (text) => {
    const schedule = parseSchedule(text);
    if (typeof schedule === "string") throw new Error(schedule);
    expect(parseExpression(awsScheduleExpression(schedule))).toBeDefined();
  });
});
