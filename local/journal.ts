import { existsSync, readFileSync } from "node:fs";

import type { z } from "zod";

/** The values in a file with one JSON value per line; none if the file does not exist. */
export function readJournal<Line>(file: string, line: z.ZodType<Line>): Line[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => line.parse(JSON.parse(text)));
}
