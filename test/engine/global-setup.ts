import { findEngine } from "../../local/engine";

/** The engine is there before any test's time runs: where it has to be built, that takes minutes. */
export default async function prepareEngine(): Promise<void> {
  await findEngine((line) => {
    console.error(line);
  });
}
