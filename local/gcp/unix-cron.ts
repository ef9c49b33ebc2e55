/**
 * Fields of a unix-cron expression, with their accepted values; 7 is Sunday too (Cloud Scheduler, "Cron job format").
 */
const fields = [
  { from: 0, to: 59 },
  { from: 0, to: 23 },
  { from: 1, to: 31 },
  { from: 1, to: 12 },
  { from: 0, to: 7 },
] as const;

/**
 * Parses a unix-cron expression: five fields of numbers, ranges, lists and steps. The result tests whether a minute, in
 * UTC, matches. If both day fields are restricted, one match is enough.
 *
 * @returns undefined for an invalid expression.
 */
export function unixCronMinutes(expression: string): ((time: Date) => boolean) | undefined {
  const given = expression.trim().split(/\s+/);
  if (given.length !== fields.length) return undefined;
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = fields.map((field, index) =>
    valuesOf(given[index] ?? "", field),
  );
  if (!minutes || !hours || !daysOfMonth || !months || !daysOfWeek) return undefined;
  const eitherDay = given[2] !== "*" && given[4] !== "*";
  return (time) => {
    const day = time.getUTCDay();
    const inMonth = daysOfMonth.has(time.getUTCDate());
    const inWeek = daysOfWeek.has(day) || (day === 0 && daysOfWeek.has(7));
    return (
      minutes.has(time.getUTCMinutes()) &&
      hours.has(time.getUTCHours()) &&
      months.has(time.getUTCMonth() + 1) &&
      (eitherDay ? inMonth || inWeek : inMonth && inWeek)
    );
  };
}

function valuesOf(text: string, { from, to }: (typeof fields)[number]): ReadonlySet<number> | undefined {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/([1-9]\d*))?$/.exec(part);
    if (match === null) return undefined;
    const [, first, last, step] = match;
    const begin = Number(first ?? from);
    const end = Number(last ?? (first === undefined || step !== undefined ? to : first));
    if (begin < from || end > to || begin > end) return undefined;
    for (let value = begin; value <= end; value += Number(step ?? 1)) values.add(value);
  }
  return values;
}
