import type { Cloud } from "../../contract/clouds";
import { type Outcome, problemsOf, UpdatedDeployment } from "./deployment";
import { mended, type Update } from "./updates";

/** Runs the updates one by one on a cloud, from one deployment; reports each result. */
export async function runUpdates(
  cloud: Cloud,
  updates: readonly Update[],
  progress: (line: string) => void,
): Promise<Outcome[]> {
  const deployment = new UpdatedDeployment(cloud);
  const outcomes: Outcome[] = [];
  const add = (outcome: Outcome) => {
    const { name, verdict, seconds, asked, slowest, cause, phases = cause } = outcome;
    const problems = problemsOf(outcome);
    progress(
      `${cloud}, ${name}: ${verdict} after ${seconds.toFixed(1)} s, ${asked} asked, slowest ${slowest} ms. ${phases}`,
    );
    for (const problem of problems) progress(`  WRONG: ${problem}`);
    outcomes.push(outcome);
  };
  try {
    await deployment.start();
    for (const update of updates) {
      if (update.clouds?.includes(cloud) ?? true) add(await deployment.update(update));
    }
    // Earlier refused updates must not affect a valid one.
    add(await deployment.update(mended));
    add(await deployment.rollBack());
  } finally {
    await deployment.end();
  }
  return outcomes;
}
