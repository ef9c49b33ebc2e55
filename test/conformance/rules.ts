import type { SchemaObject } from "ajv";

import { type Finding, findingsOf, shown } from "./calls";
import type { Captured } from "./capture";
import { isRecord } from "./translation";

/** What a value has to be, by a vendor's documentation: its model does not say. */
export interface Documented {
  readonly source: string;
  readonly schema: SchemaObject;
}

/** By type, then by path: `labels.*` is every label, and a list on the way is entered at each item. */
export type ByPath<Rule> = Readonly<Record<string, Readonly<Record<string, Rule>>>>;

/** Where the documentation holds a value to a rule. */
export function documentedFindings({ type, inputs }: Captured, documented: ByPath<Documented>): Finding[] {
  return Object.entries(documented[type] ?? {}).flatMap(([path, { source, schema }]) =>
    valuesAt(inputs, path.split(".")).flatMap((value) =>
      findingsOf(value, schema).map(({ at, message }) => {
        return { at: at === "" ? path : `${path}.${at}`, message: `${message} (${source})` };
      }),
    ),
  );
}

/** What an input has to name: another resource of the program. */
export interface Reference {
  readonly types: readonly string[];
  /** Property of the other resource that the input repeats. Default: its id. */
  readonly by?: string;
}

/** Where an input names nothing that the program registers. */
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

/** What the provider's own schema requires and is not there, e.g. `origins.originId` of origins that are. */
export function missingFindings({ inputs }: Captured, required: Iterable<string>): Finding[] {
  return [...required].flatMap((path) => {
    const steps = path.split(".");
    const owners = valuesAt(inputs, steps.slice(0, -1)).filter(isRecord);
    const name = steps.at(-1) ?? "";
    return owners.some((owner) => owner[name] === undefined) ? [{ at: path, message: "the provider requires it" }] : [];
  });
}

/** A rule between resources, which no model of one of them can hold. */
export interface Relation {
  readonly rule: string;
  readonly source: string;
  /** What breaks it; none where all is well. */
  readonly broken: (resources: readonly Captured[]) => readonly string[];
}

/** Each value at a path, in documents in JSON too; `*` is every property. */
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

/** A document in JSON. */
function documentIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
