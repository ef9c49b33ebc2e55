import { expect, test } from "vitest";

import { unixCronMinutes } from "../../../local/gcp/unix-cron";

test.each([
  ["* * * * *", "2026-03-01T10:07:00Z", true],
  ["*/15 * * * *", "2026-03-01T10:45:00Z", true],
  ["*/15 * * * *", "2026-03-01T10:46:00Z", false],
  ["0 */6 * * *", "2026-03-01T18:00:00Z", true],
  ["0 */6 * * *", "2026-03-01T19:00:00Z", false],
  ["30 8-17 * * 1-5", "2026-03-02T09:30:00Z", true],
  ["30 8-17 * * 1-5", "2026-03-01T09:30:00Z", false],
  ["0 3 1,15 * *", "2026-03-15T03:00:00Z", true],
  // Sunday has two numbers, and of two restricted days one match is enough.
  ["0 0 * * 7", "2026-03-01T00:00:00Z", true],
  ["0 0 13 * 5", "2026-03-13T00:00:00Z", true],
  ["0 0 13 * 5", "2026-03-06T00:00:00Z", true],
  ["0 0 13 * 5", "2026-03-07T00:00:00Z", false],
])("%s at %s: %s", (expression, time, due) => {
  expect(unixCronMinutes(expression)?.(new Date(time))).toBe(due);
});

test.each(["* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "every hour"])(
  "%s is no expression",
  (expression) => {
    expect(unixCronMinutes(expression)).toBeUndefined();
  },
);
