import { z } from "zod";

import { combinations } from "../combinations";

const settings = z.object({
  aws: z.object({ region: z.string().default("ap-northeast-1") }).default({ region: "ap-northeast-1" }),
});

/** The region of a combination, on which the available types and values depend. */
export function regionOf(name: string): string {
  return settings.parse(combinations.find((combination) => combination.name === name)?.settings).aws.region;
}
