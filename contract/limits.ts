import { z } from "zod";

/** From the first number to the second, inclusive. */
export type Range = readonly [from: number, to: number];

/** Limits of a function on any cloud: memory in MiB, and seconds of one call (AWS Lambda's quotas, the widest). */
export const functionLimits = { memory: [128, 10_240], timeout: [1, 900] } as const satisfies Record<string, Range>;

export function wholeNumber([from, to]: Range): z.ZodInt {
  const error = `expected a whole number from ${from} to ${to}`;
  return z.int({ error }).min(from, { error }).max(to, { error });
}
