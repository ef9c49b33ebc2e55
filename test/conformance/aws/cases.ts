import { inject } from "vitest";

import { awsTypes } from "../../../local/aws/types";
import type { Captured } from "../capture";
import { type Broken, brokenOf } from "../mutation-share";
import { SdkArguments } from "../sdk-arguments";

/** A resource with one mutation. */
export interface Case extends Broken {
  /** `<type> <path>: <kind>` */
  readonly name: string;
  readonly combination: string;
  readonly resource: Captured;
  /** The other resources of its combination. */
  readonly others: readonly Captured[];
}

/** Every mutation, in the first combination that has it. */
export function cases(): Case[] {
  const sdk = new SdkArguments("aws");
  const found: Case[] = [];
  for (const [combination, captured] of Object.entries(inject("captured"))) {
    const known = new Set(found.map(({ name }) => name));
    const resources = captured.filter(({ type }) => type.startsWith("aws:"));
    for (const resource of resources) {
      const { type } = resource;
      const others = resources.filter((other) => other !== resource);
      const required = new Set([...sdk.required(type), ...(awsTypes[type]?.required ?? []).flat()]);
      for (const broken of brokenOf(resource, required)) {
        const name = `${type} ${broken.path}: ${broken.kind}`;
        if (!known.has(name)) found.push({ ...broken, name, combination, resource, others });
      }
    }
  }
  return found;
}
