/**
 * When a function runs: at an interval in minutes, or at the times of a cron expression of five fields (minute, hour, day of
 * the month, month, day of the week) in UTC.
 */
export type Schedule =
  | { readonly kind: "rate"; readonly minutes: number }
  | {
      readonly kind: "cron";
      readonly minute: string;
      readonly hour: string;
      readonly dayOfMonth: string;
      readonly month: string;
      readonly dayOfWeek: string;
    };

const units = { minute: 1, hour: 60, day: 24 * 60 } as const;

/** Divisors of an hour in minutes, and of a day in hours: the intervals that cron can express. */
const divides = (whole: number, part: number) => whole % part === 0;

/** Accepted values of each field; in the day of the week 0 is Sunday. */
const fields = [
  { name: "minute", from: 0, to: 59 },
  { name: "hour", from: 0, to: 23 },
  { name: "day of the month", from: 1, to: 31 },
  { name: "month", from: 1, to: 12 },
  { name: "day of the week", from: 0, to: 6 },
] as const;

/**
 * Reads `rate(<n> minutes|hours|days)` or a cron expression of five fields that all three clouds can express.
 *
 * @returns the schedule, or an error with the accepted values.
 */
export function parseSchedule(text: string): Schedule | string {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(text.trim());
  if (rate) {
    const [, count = "", unit = "minute"] = rate;
    const minutes = Number(count) * units[unit as keyof typeof units];
    if (divides(60, minutes) || (minutes % 60 === 0 && divides(24, minutes / 60))) return { kind: "rate", minutes };
    return (
      "Azure and Google Cloud run at fixed times, so a rate has to divide an hour or a day evenly: expected 1, 2, 3, 4, 5, " +
      "6, 10, 12, 15, 20 or 30 minutes, 1, 2, 3, 4, 6, 8 or 12 hours, or 1 day"
    );
  }
  const given = text.trim().split(/\s+/);
  if (given.length !== fields.length) {
    return 'expected "rate(1 hour)", or a cron expression of five fields in UTC, e.g. "0 3 * * *"';
  }
  for (const [index, { name, from, to }] of fields.entries()) {
    const field = given[index] ?? "";
    const numbers =
      field
        .replace(/\/(\d+)/g, "")
        .match(/\d+/g)
        ?.map(Number) ?? [];
    const step = /\/(\d+)/.exec(field)?.[1];
    const wellFormed = /^(\*|\d+(-\d+)?)(\/\d+)?(,(\*|\d+(-\d+)?)(\/\d+)?)*$/.test(field);
    if (!wellFormed || numbers.some((value) => value < from || value > to) || step === "0") {
      return `its ${name} is ${JSON.stringify(field)}; expected *, numbers from ${from} to ${to}, ranges, lists or steps`;
    }
  }
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = given;
  if (dayOfMonth !== "*" && dayOfWeek !== "*") {
    return "EventBridge Scheduler takes a day of the month or a day of the week, not both; expected * for one of them";
  }
  return { kind: "cron", minute, hour, dayOfMonth, month, dayOfWeek };
}

/** In EventBridge Scheduler's format: one of the two days is `?`, and its week begins with 1 for Sunday. */
export function awsScheduleExpression(schedule: Schedule): string {
  if (schedule.kind === "rate") {
    const [count, unit] =
      schedule.minutes % units.day === 0
        ? [schedule.minutes / units.day, "day"]
        : schedule.minutes % units.hour === 0
          ? [schedule.minutes / units.hour, "hour"]
          : [schedule.minutes, "minute"];
    return `rate(${count} ${unit}${count === 1 ? "" : "s"})`;
  }
  const { minute, hour, dayOfMonth, month, dayOfWeek } = schedule;
  const week = dayOfWeek.replace(
    /(\/\d+)|\d+/g,
    (found, step: string | undefined) => step ?? String(Number(found) + 1),
  );
  const days = dayOfWeek === "*" ? [dayOfMonth, "?"] : ["?", week];
  return `cron(${minute} ${hour} ${days[0]} ${month} ${days[1]} *)`;
}

/** In Cloud Scheduler's format: five fields. */
export function unixCron(schedule: Schedule): string {
  if (schedule.kind === "cron") {
    const { minute, hour, dayOfMonth, month, dayOfWeek } = schedule;
    return [minute, hour, dayOfMonth, month, dayOfWeek].join(" ");
  }
  const { minutes } = schedule;
  if (minutes === units.day) return "0 0 * * *";
  if (minutes >= units.hour) return minutes === units.hour ? "0 * * * *" : `0 */${minutes / units.hour} * * *`;
  return minutes === 1 ? "* * * * *" : `*/${minutes} * * * *`;
}

/** In the format of Azure Functions' timer trigger (NCRONTAB): six fields, seconds first. */
export function ncrontab(schedule: Schedule): string {
  return `0 ${unixCron(schedule)}`;
}
