import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, describe, expect, inject, test } from "vitest";

import { withFault } from "../cloud-tests";
import { documentedFindings, referenceFindings } from "../rules";
import { documentedValues } from "./documented";
import { faultsIn } from "./faults";
import { judge } from "./judge";
import { models } from "./models";
import { references } from "./references";
import { regionOf } from "./region";
import { relations } from "./relations";
import { templateOf, translate } from "./translation";

const captured = Object.entries(inject("captured")).map(([name, resources]) => {
  return { name, resources: resources.filter(({ type }) => type.startsWith("aws:")) };
});

const folder = mkdtempSync(path.join(tmpdir(), "conformance-"));
const faults = faultsIn(folder);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("AWS accepts everything that the program registers:", () => {
  test("CloudFormation's schemas and rules, and the models of its services", async () => {
    const judged = await judge({
      templates: captured.map(({ name, resources }) => ({ region: regionOf(name), resources: templateOf(resources) })),
      calls: captured.flatMap(({ resources }) => resources.map((resource) => translate(resource).call)),
    });
    const all = captured.flatMap(({ resources }) => resources);
    const properties = all.reduce((sum, { inputs }) => sum + leaves(inputs), 0);
    console.log(`AWS: ${all.length} resources of ${Object.keys(models).length} types, ${properties} values`);
    expect(judged.templates.flat()).toEqual([]);
    expect(judged.calls.flat()).toEqual([]);
  });

  test("its documentation, of names and values", () => {
    for (const { name, resources } of captured) {
      for (const resource of resources) {
        const findings = [
          ...documentedFindings(resource, documentedValues),
          ...referenceFindings(resource, references, resources),
        ];
        expect(findings, `${name}: ${resource.urn}`).toEqual([]);
      }
    }
  });

  test.for(relations)("$rule", ({ rule, broken, source }) => {
    for (const { name, resources } of captured) expect(broken(resources), `${name}, see ${source}`).toEqual([]);
    const fault = faults[rule];
    const found = captured.some(({ resources }) => {
      return fault && broken(resources.map((resource) => withFault(resource, fault))).length > 0;
    });
    expect(found, "its fault is found").toBe(true);
  });
});

test("the table has a model for each type that the program uses, and no others", () => {
  const used = new Set(captured.flatMap(({ resources }) => resources.map(({ type }) => type)));
  expect(Object.keys(models).sort()).toEqual([...used].sort());
});

/** Number of values in a value, at any depth. */
function leaves(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((sum, item) => sum + leaves(item), 0);
}
