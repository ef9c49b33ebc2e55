import * as pulumi from "@pulumi/pulumi";

import { resolved } from "./resolved";

/** A setting that an existing stack cannot change without losing data. */
export interface LastingSetting {
  /** Path of the setting, e.g. `aws.region`. */
  readonly setting: string;
  readonly value: string;
  /**
   * How to change it without the loss. Afterwards the command at the end of the error records the new value in the
   * stack.
   */
  readonly instead?: string;
  /** The effect of another value, e.g. `the table would be deleted with its messages`. */
  readonly loss: string;
}

/**
 * Rejects another value of a setting than that of the stack's first deployment, before any resource is registered that
 * would be replaced. The engine keeps the first value in the stack's state; a stack without one stores the current
 * value.
 *
 * @throws naming the setting, both values, the loss, and what to do instead.
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

/** The value in the engine's state; undefined if it is unknown in a preview. */
function registered(stash: pulumi.Stash): Promise<unknown> {
  return new Promise((resolve) => {
    let known: unknown;
    stash.output.apply((output) => {
      known = output;
    });
    // The URN is known even if the outputs are not.
    stash.urn.apply(() => {
      setImmediate(() => {
        resolve(known);
      });
    });
  });
}
