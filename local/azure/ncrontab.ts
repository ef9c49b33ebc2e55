/** Range of each field of an NCRONTAB expression, seconds first; 0 is Sunday. */
const fields = [
  { from: 0, to: 59 },
  { from: 0, to: 59 },
  { from: 0, to: 23 },
  { from: 1, to: 31 },
  { from: 1, to: 12 },
  { from: 0, to: 6 },
] as const;

/**
 * Parses an NCRONTAB expression of a timer trigger: six fields of numbers, ranges, lists and steps, in UTC. The result
 * tests whether a second matches. All fields have to match, including both day fields.
 *
 * @throws for an invalid expression.
 */
export function ncrontab(expression: string): (time: Date) => boolean {
  const given = expression.trim().split(/\s+/);
  if (given.length !== fields.length) {
    throw new Error(
      `the schedule ${JSON.stringify(expression)} has ${given.length} fields; expected six, seconds first`,
    );
  }
  const accepted = fields.map((field, index) => values(given[index] ?? "", field, expression));
  return (time) => {
    const now = [
      time.getUTCSeconds(),
      time.getUTCMinutes(),
      time.getUTCHours(),
      time.getUTCDate(),
      time.getUTCMonth() + 1,
      time.getUTCDay(),
    ];
    return now.every((value, index) => accepted[index]?.has(value));
  };
}

function values(field: string, { from, to }: (typeof fields)[number], expression: string): Set<number> {
  return new Set(
    field.split(",").flatMap((part) => {
      const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
      if (match === null) throw new Error(`the schedule ${JSON.stringify(expression)} has ${JSON.stringify(part)}`);
      const [, first, last, step] = match;
      const begin = first === undefined ? from : Number(first);
      const end = first === undefined || (last === undefined && step !== undefined) ? to : Number(last ?? first);
      const by = Number(step ?? 1);
      return Array.from({ length: to - from + 1 }, (_, index) => from + index).filter(
        (value) => value >= begin && value <= end && (value - begin) % by === 0,
      );
    }),
  );
}
