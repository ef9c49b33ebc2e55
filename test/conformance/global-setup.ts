import type { TestProject } from "vitest/node";

import { findEngine } from "../../local/engine";
import { capture, type Captured } from "./capture";
import { combinations } from "./combinations";

declare module "vitest" {
  interface ProvidedContext {
    /** What the program registers, by the name of the combination. */
    captured: Readonly<Record<string, Captured[]>>;
  }
}

/** Each combination is deployed once, for the tests of all clouds. */
export default async function captureCombinations(project: TestProject): Promise<void> {
  const engine = await findEngine((line) => {
    console.error(line);
  });
  const captured: Record<string, Captured[]> = {};
  for (const combination of combinations) captured[combination.name] = await capture(engine, combination);
  project.provide("captured", captured);
}
