import { existsSync, readFileSync } from "node:fs";

import type { z } from "zod";

/** The lines of a file of JSON, a value on each; none where there is no file. */
export function readJournal<Line>(file: string, line: z.ZodType<Line>): Line[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => line.parse(JSON.parse(text)));
}
