import type { SchemaObject } from "ajv";

import { type Finding, findingsOf, shown } from "./calls";
import type { Captured } from "./capture";
import { isRecord } from "./translation";

/** A rule for a value from a vendor's documentation, which its model lacks. */
export interface Documented {
  readonly source: string;
  readonly schema: SchemaObject;
}

/** By type, then by path: `labels.*` is every label, and a list on the way stands for each item. */
export type ByPath<Rule> = Readonly<Record<string, Readonly<Record<string, Rule>>>>;

/** Violations of documented rules. */
export function documentedFindings({ type, inputs }: Captured, documented: ByPath<Documented>): Finding[] {
  return Object.entries(documented[type] ?? {}).flatMap(([path, { source, schema }]) =>
    valuesAt(inputs, path.split(".")).flatMap((value) =>
      findingsOf(value, schema).map(({ at, message }) => {
        return { at: at === "" ? path : `${path}.${at}`, message: `${message} (${source})` };
      }),
    ),
  );
}

/** A reference of an input to another resource of the program. */
export interface Reference {
  readonly types: readonly string[];
  /** The other resource's property that the input contains. Default: its id. */
  readonly by?: string;
}

/** References to resources that the program does not register. */
export function referenceFindings(
  { type, inputs }: Captured,
  references: ByPath<Reference>,
  resources: readonly Captured[],
): Finding[] {
  return Object.entries(references[type] ?? {}).flatMap(([path, { types, by }]) => {
    const known = resources
      .filter((resource) => types.includes(resource.type))
      .map(({ id, inputs, outputs }) => (by === undefined ? id : (outputs[by] ?? inputs[by])));
    return valuesAt(inputs, path.split(".")).flatMap((value) =>
      known.includes(value) ? [] : { at: path, message: `${shown(value)} names no ${types.join(" or ")}` },
    );
  });
}

/** Missing inputs that the provider's schema requires, e.g. `origins.originId` if there are origins. */
export function missingFindings({ inputs }: Captured, required: Iterable<string>): Finding[] {
  return [...required].flatMap((path) => {
    const steps = path.split(".");
    const owners = valuesAt(inputs, steps.slice(0, -1)).filter(isRecord);
    const name = steps.at(-1) ?? "";
    return owners.some((owner) => owner[name] === undefined) ? [{ at: path, message: "the provider requires it" }] : [];
  });
}

/** A rule between resources, which no model of a single resource can express. */
export interface Relation {
  readonly rule: string;
  readonly source: string;
  /** The violations; empty if there are none. */
  readonly broken: (resources: readonly Captured[]) => readonly string[];
}

/** Each value at a path, including JSON documents; `*` is every property. */
export function valuesAt(value: unknown, [step, ...rest]: readonly string[]): unknown[] {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.flatMap((item) => valuesAt(item, [...(step === undefined ? [] : [step]), ...rest]));
  }
  if (step === undefined) return value === undefined ? [] : [value];
  if (typeof value === "string") return valuesAt(documentIn(value), [step, ...rest]);
  if (!isRecord(value)) return [];
  return step === "*" ? Object.values(value).flatMap((item) => valuesAt(item, rest)) : valuesAt(value[step], rest);
}

/** Parses a JSON document. */
function documentIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
