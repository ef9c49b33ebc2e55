import type { Due } from "../timetable";

/**
 * Fields of `cron(...)`, in order, with their accepted values (EventBridge Scheduler user guide, "Cron-based
 * schedules").
 */
const fields = [
  { name: "minutes", from: 0, to: 59 },
  { name: "hours", from: 0, to: 23 },
  { name: "day-of-month", from: 1, to: 31 },
  { name: "month", from: 1, to: 12, names: "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ") },
  { name: "day-of-week", from: 1, to: 7, names: "SUN MON TUE WED THU FRI SAT".split(" ") },
  { name: "year", from: 1970, to: 2199 },
] as const;

const minutesOf = { minute: 1, hour: 60, day: 24 * 60 } as const;

/**
 * Parses `rate(...)` or `cron(...)`.
 *
 * @returns undefined if EventBridge Scheduler rejects the expression, or it is not supported here: `at(...)`, and `L`,
 * `W` and `#` in days.
 */
export function parseExpression(expression: string): Due | undefined {
  const [, count = "", unit = ""] = /^rate\(([1-9]\d*) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (count !== "") {
    return { every: Number(count) * minutesOf[unit as keyof typeof minutesOf] * 60_000, at: () => false };
  }
  const given = /^cron\((.+)\)$/.exec(expression)?.[1]?.trim().split(/\s+/) ?? [];
  if (given.length !== fields.length) return undefined;
  // Exactly one of the two day fields is a question mark.
  if ((given[2] === "?") === (given[4] === "?")) return undefined;
  const sets = fields.map((field, index) => valuesOf(given[index] ?? "", field));
  if (sets.some((set) => set === undefined)) return undefined;
  return {
    at: (time) => {
      const now = [
        time.getUTCMinutes(),
        time.getUTCHours(),
        time.getUTCDate(),
        time.getUTCMonth() + 1,
        time.getUTCDay() + 1,
        time.getUTCFullYear(),
      ];
      return sets.every((set, index) => set?.has(now[index] ?? -1));
    },
  };
}

interface Field {
  readonly from: number;
  readonly to: number;
  readonly names?: readonly string[];
}

/** The values that match a field of a cron expression. */
function valuesOf(text: string, field: Field): ReadonlySet<number> | undefined {
  const { from, to, names = [] } = field;
  const numberOf = (value: string) => (names.includes(value) ? names.indexOf(value) + from : Number(value));
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [, range = "", step = "1"] = /^([^/]+)(?:\/([1-9]\d*))?$/.exec(part) ?? [];
    const [first = "", last] = range.split("-");
    const any = range === "*" || range === "?";
    const begin = any ? from : numberOf(first);
    // `0/15` continues to the end of the range.
    const end = any || (last === undefined && part.includes("/")) ? to : numberOf(last ?? first);
    if (!(begin >= from && end <= to && begin <= end)) return undefined;
    for (let value = begin; value <= end; value += Number(step)) values.add(value);
  }
  return values;
}
