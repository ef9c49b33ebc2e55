import { beforeAll, describe, expect, inject, test } from "vitest";

import type { Values } from "./calls";
import type { Captured } from "./capture";
import { Judge, type Judged } from "./judge";
import { mutationShare } from "./mutation-share";
import type { Relation } from "./rules";
import { merged, type Translation } from "./translation";

/** A change that violates a relation. */
export interface Fault {
  /** Inputs for each resource of this type; they override its own, and extend lists. */
  readonly type: string;
  readonly inputs: Values;
}

interface Cloud<Model extends Translation> {
  /** E.g. `Azure`. */
  readonly name: string;
  /** Prefix of its types, e.g. `azure-native:`. */
  readonly prefix: string;
  readonly judged: () => Promise<Judged<Model>>;
  readonly relations: readonly Relation[];
  /** By rule of the relation. */
  readonly faults: Readonly<Record<string, Fault>>;
  /** Undetected mutations, by the reason why no check can detect them. */
  readonly escapes: Readonly<Record<string, readonly string[]>>;
}

/** Tests a cloud whose models describe one resource at a time. */
export function testCloud<Model extends Translation>(cloud: Cloud<Model>): void {
  const { name, prefix, relations, faults, escapes } = cloud;
  const captured = Object.entries(inject("captured")).map(([combination, resources]) => {
    return { combination, resources: resources.filter(({ type }) => type.startsWith(prefix)) };
  });
  const all = captured.flatMap(({ resources }) => resources);
  let judged: Judged<Model>;
  let judge: Judge<Model>;

  beforeAll(async () => {
    judged = await cloud.judged();
    judge = new Judge(judged);
  }, 180_000);

  describe(`${name}'s models and documentation`, () => {
    test.each(captured)("accept the registered resources: $combination", ({ resources }) => {
      const findings = resources.flatMap((resource) =>
        judge.findings(resource, resources).map(({ at, message }) => `${resource.urn} ${at}: ${message}`),
      );
      expect(findings).toEqual([]);
    });

    test("exist for each type that the program uses, and for no other", () => {
      const used = new Set(all.map(({ type }) => type));
      expect(Object.keys(judged.models).sort()).toEqual([...used].sort());
      const values = all.reduce((sum, { inputs }) => sum + leaves(inputs), 0);
      console.log(`${name}: ${all.length} resources of ${used.size} types, ${values} values`);
    });

    test.each(relations)("hold: $rule", ({ rule, source, broken }) => {
      for (const { combination, resources } of captured) {
        expect(broken(resources), `${combination}, see ${source}`).toEqual([]);
      }
      const fault = faults[rule];
      const found = captured.some(({ resources }) => {
        return fault && broken(resources.map((resource) => withFault(resource, fault))).length > 0;
      });
      expect(found, "its fault is found").toBe(true);
    });

    test("reject broken resources", () => {
      const { tried, escaped } = mutationShare(
        captured.map(({ resources }) => resources),
        judged.sdk,
        (broken, original, resources) =>
          judge.findings(broken, resources).length > 0 ||
          relations.some((relation) => {
            return relation.broken(resources.map((each) => (each === original ? broken : each))).length > 0;
          }),
      );
      const share = 1 - escaped.length / tried;
      console.log(`${name}: ${tried - escaped.length} of ${tried} mutations found (${(share * 100).toFixed(1)}%)`);
      expect(escaped).toEqual(Object.values(escapes).flat().sort());
      expect(share).toBeGreaterThan(0.95);
    });
  });
}

/** The resource with a fault, if the fault applies to its type. */
export function withFault(resource: Captured, { type, inputs }: Fault): Captured {
  return resource.type === type ? { ...resource, inputs: merged(resource.inputs, inputs) } : resource;
}

/** Number of values in a value, at any depth. */
function leaves(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((sum, item) => sum + leaves(item), 0);
}
