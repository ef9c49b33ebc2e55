import { describe, expect, it } from "vitest";

import { awsScheduleExpression, ncrontab, parseSchedule, unixCron } from "../../contract/schedule";

const parsed = (text: string) => {
  const schedule = parseSchedule(text);
  if (typeof schedule === "string") throw new Error(schedule);
  return schedule;
};

describe("a schedule", () => {
  it.each([
    ["rate(1 minute)", "rate(1 minute)", "* * * * *"],
    ["rate(15 minutes)", "rate(15 minutes)", "*/15 * * * *"],
    ["rate(1 hour)", "rate(1 hour)", "0 * * * *"],
    ["rate(12 hours)", "rate(12 hours)", "0 */12 * * *"],
    ["rate(24 hours)", "rate(1 day)", "0 0 * * *"],
    ["0 3 * * *", "cron(0 3 * * ? *)", "0 3 * * *"],
    ["*/5 8-18 * * 1-5", "cron(*/5 8-18 ? * 2-6 *)", "*/5 8-18 * * 1-5"],
    ["0 0 1 1,7 *", "cron(0 0 1 1,7 ? *)", "0 0 1 1,7 *"],
    ["0 6 * * 1-5/2", "cron(0 6 ? * 2-6/2 *)", "0 6 * * 1-5/2"],
  ])("%s is the same time on every cloud", (text, aws, cron) => {
    expect(awsScheduleExpression(parsed(text))).toBe(aws);
    expect(unixCron(parsed(text))).toBe(cron);
    expect(ncrontab(parsed(text))).toBe(`0 ${cron}`);
  });

  it.each([
    ["rate(7 hours)", "divide an hour or a day evenly"],
    ["rate(2 days)", "divide an hour or a day evenly"],
    ["rate(0 minutes)", "divide an hour or a day evenly"],
    ["every day", 'expected "rate(1 hour)"'],
    ["0 24 * * *", "its hour is"],
    ["*/0 * * * *", "its minute is"],
    ["0 3 1 * 1", "not both"],
    ["0 3 L * *", "its day of the month is"],
  ])("%s is refused with what is accepted", (text, message) => {
    expect(parseSchedule(text)).toContain(message);
  });
});
