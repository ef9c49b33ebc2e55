import * as pulumi from "@pulumi/pulumi";

import { resolved } from "./resolved";

/** A setting that a living stack cannot change without losing what it holds. */
export interface LastingSetting {
  /** Path of the setting, e.g. `aws.region`. */
  readonly setting: string;
  readonly value: string;
  /** What changes it without the loss; where it was done, the stack is told by the command that the error ends with. */
  readonly instead?: string;
  /** What another value would do, e.g. `the table would be deleted with its messages`. */
  readonly loss: string;
}

/**
 * Refuses another value of a setting than the one that the stack was first deployed with, before anything is registered
 * that would be replaced for it. The engine keeps the first value in the stack's state; a stack that has none yet takes
 * the present one.
 *
 * @throws naming the setting, both values, what would be lost, and what to do instead.
 */
export async function keepSettings(settings: readonly LastingSetting[]): Promise<void> {
  await Promise.all(settings.map((setting) => keep(setting)));
}

async function keep({ setting, value, loss, instead }: LastingSetting): Promise<void> {
  const first = new pulumi.Stash(setting, { input: value });
  const saved = await registered(first);
  if (typeof saved !== "string" || saved === value) return;
  const urn = await resolved(first.urn);
  throw new Error(
    `${setting} is ${JSON.stringify(value)}, and this stack was deployed with ${JSON.stringify(saved)}: ${loss}. ` +
      (instead === undefined
        ? `Set it back, or deploy another stack with it and move the data; of a stack without data worth keeping, destroy it first.`
        : `Set it back, or ${instead}; then tell the stack: pulumi up --replace '${urn}'`),
  );
}

/** What the engine keeps; undefined where it is not known in a preview. */
function registered(stash: pulumi.Stash): Promise<unknown> {
  return new Promise((resolve) => {
    let known: unknown;
    stash.output.apply((output) => {
      known = output;
    });
    // The name of the resource comes with its outputs, which may be unknown; it is not.
    stash.urn.apply(() => {
      setImmediate(() => {
        resolve(known);
      });
    });
  });
}
