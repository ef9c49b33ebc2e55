import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, test } from "vitest";

import { awsTypes } from "../../../local/aws/types";
import { CloudProvider } from "../../../local/provider";
import type { Properties } from "../../../local/provider-server";
import { ResourceStore } from "../../../local/store";
import { existingLayer } from "../capture";
import { documentedFindings, referenceFindings } from "../rules";
import { accepted } from "./accepted";
import { type Case, cases } from "./cases";
import { documentedValues } from "./documented";
import { judge } from "./judge";
import { references } from "./references";
import { regionOf } from "./region";
import { relations } from "./relations";
import { translate } from "./translation";

const folder = mkdtempSync(path.join(tmpdir(), "conformance-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Whether each mutation is detected. The linter is slow, so it checks only those that nothing else detects. */
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

  const regionsOf = all.map(({ combination }) => regionOf(combination));
  const { templates } = await judge({
    templates: [...new Set(regionsOf)].map((region) => ({
      region,
      resources: Object.fromEntries(
        translated.flatMap(({ resource }, index) =>
          resource && !found[index] && regionsOf[index] === region ? [[`Case${index}`, resource] as const] : [],
        ),
      ),
    })),
    calls: [],
  });
  for (const { resource, rule } of templates.flat()) {
    // Many cases mutate the same resource and share its name; a template has at most 500 resources.
    if (rule !== "E3019" && resource !== "") found[Number(resource.slice("Case".length))] = true;
  }
  return found;
}

test("AWS's models and documentation reject broken resources, and no others", async () => {
  const all = cases();
  const whole = all.map((each): Case => ({ ...each, broken: each.resource })).filter(firstOfType);
  const found = await caught([...all, ...whole]);
  expect(found.slice(all.length)).not.toContain(true);

  const { share, escaped } = shareOf(all, found, "AWS");
  expect(escaped).toEqual(Object.keys(accepted).sort());
  expect(share).toBeGreaterThan(0.95);
});

// The undetected ones are mostly values of another type, which the program's own types exclude.
test("local AWS rejects most of them too, and no valid resource", () => {
  const providers = new Map<string, CloudProvider>();
  const isRefused = (each: Case) => {
    const { combination, broken } = each;
    const provider = providers.get(combination) ?? localAws(each);
    providers.set(combination, provider);
    return provider.check(broken.urn, broken.inputs as Properties, {}).failures.length > 0;
  };

  const all = cases().filter(({ name }) => !(name in accepted));
  const whole = all.map((each): Case => ({ ...each, broken: each.resource })).filter(firstOfType);
  expect(whole.filter(isRefused)).toEqual([]);
  expect(shareOf(all, all.map(isRefused), "local AWS").share).toBeGreaterThan(0.65);
});

/** Local AWS with all other resources of a case. */
function localAws({ resource, others }: Case): CloudProvider {
  const store = new ResourceStore(mkdtempSync(path.join(folder, "aws-")));
  for (const each of [existingLayer, resource, ...others]) store.put(each);
  const dataPlane = () => Promise.resolve({ types: {}, close: () => Promise.resolve() });
  return new CloudProvider({ version: "0.0.0", types: awsTypes, configuration: {}, store, dataPlane });
}

/** The share of detected mutations of each kind, and the undetected ones. */
function shareOf(all: readonly Case[], found: readonly boolean[], by: string) {
  const names = new Set(all.map(({ name }) => name));
  const escaped = [...new Set(all.filter((_, index) => !found[index]).map(({ name }) => name))].sort();
  const share = 1 - escaped.length / names.size;
  console.log(`${by}: ${names.size - escaped.length} of ${names.size} mutations found (${(share * 100).toFixed(1)}%)`);
  return { share, escaped };
}

function firstOfType({ resource: { type } }: Case, index: number, all: readonly Case[]): boolean {
  return all.findIndex((other) => other.resource.type === type) === index;
}
