import { expect, inject, test } from "vitest";

import { awsTypes } from "../../../local/aws/types";
import type { Captured } from "../capture";
import { type Broken, brokenOf } from "../mutation-share";
import { documentedFindings, referenceFindings } from "../rules";
import { SdkArguments } from "../sdk-arguments";
import { accepted } from "./accepted";
import { documentedValues } from "./documented";
import { judge } from "./judge";
import { references } from "./references";
import { regionOf } from "./region";
import { relations } from "./relations";
import { translate } from "./translation";

interface Case extends Broken {
  readonly name: string;
  readonly region: string;
  readonly resource: Captured;
  /** What is registered with it. */
  readonly others: readonly Captured[];
}

const sdk = new SdkArguments("aws");

/** Each thing that can be broken, in the first combination that has it. */
function cases(): Case[] {
  const found: Case[] = [];
  for (const [combination, captured] of Object.entries(inject("captured"))) {
    const known = new Set(found.map(({ name }) => name));
    const resources = captured.filter(({ type }) => type.startsWith("aws:"));
    for (const resource of resources) {
      const { type } = resource;
      const others = resources.filter((other) => other !== resource);
      const required = new Set([...sdk.required(type), ...(awsTypes[type]?.required ?? [])]);
      for (const broken of brokenOf(resource, required)) {
        const name = `${type} ${broken.path}: ${broken.kind}`;
        if (!known.has(name)) found.push({ ...broken, name, region: regionOf(combination), resource, others });
      }
    }
  }
  return found;
}

/** Whether each case is found; the linter, which takes the longest, sees only what all else lets through. */
async function caught(all: readonly Case[]): Promise<boolean[]> {
  const translated = all.map(({ broken }) => translate(broken));
  const { calls } = await judge({ templates: [], calls: translated.map(({ call }) => call) });
  const found = all.map(
    ({ broken, others }, index) =>
      calls[index]?.length !== 0 ||
      documentedFindings(broken, documentedValues).length > 0 ||
      referenceFindings(broken, references, others).length > 0 ||
      relations.some((relation) => relation.broken([broken, ...others]).length > 0),
  );

  const regions = [...new Set(all.map(({ region }) => region))];
  const { templates } = await judge({
    templates: regions.map((region) => ({
      region,
      resources: Object.fromEntries(
        translated.flatMap(({ resource }, index) =>
          resource && !found[index] && all[index]?.region === region ? [[`Case${index}`, resource] as const] : [],
        ),
      ),
    })),
    calls: [],
  });
  for (const { resource, rule } of templates.flat()) {
    // Many cases are of one resource, whose name they share; and a template has at most 500 resources.
    if (rule !== "E3019" && resource !== "") found[Number(resource.slice("Case".length))] = true;
  }
  return found;
}

test("AWS's models and documentation find what is broken, and nothing else", async () => {
  const all = cases();
  const whole = all.map((each): Case => ({ ...each, broken: each.resource })).filter(firstOfType);
  const found = await caught([...all, ...whole]);
  expect(found.slice(all.length)).not.toContain(true);

  const names = new Set(all.map(({ name }) => name));
  const escapes = new Set(all.filter((_, index) => !found[index]).map(({ name }) => name));
  const share = 1 - escapes.size / names.size;
  console.log(`AWS: ${names.size - escapes.size} of ${names.size} mutations found (${(share * 100).toFixed(1)}%)`);
  expect(share).toBeGreaterThan(0.95);
  expect([...escapes].sort()).toEqual(Object.keys(accepted).sort());
});

function firstOfType({ resource: { type } }: Case, index: number, all: readonly Case[]): boolean {
  return all.findIndex((other) => other.resource.type === type) === index;
}
