import type { TestProject } from "vitest/node";

import { findEngine } from "../../local/engine";
import { capture, type Captured } from "./capture";
import { combinations } from "./combinations";

declare module "vitest" {
  interface ProvidedContext {
    /** The program's resources, by name of the combination. */
    captured: Readonly<Record<string, Captured[]>>;
  }
}

/**
 * Deploys each combination once for the tests of all clouds, two at a time: while an engine waits, another's program
 * runs.
 */
export default async function captureCombinations(project: TestProject): Promise<void> {
  const engine = await findEngine((line) => {
    console.error(line);
  });
  const captured = new Map<string, Captured[]>();
  const waiting = [...combinations];
  const captureNext = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      captured.set(next.name, await capture(engine, next));
    }
  };
  await Promise.all([captureNext(), captureNext()]);
  project.provide("captured", Object.fromEntries(combinations.map(({ name }) => [name, captured.get(name) ?? []])));
}
