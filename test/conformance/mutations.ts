import type { Captured } from "./capture";

export type MutationKind = "missing" | "wrong type" | "bad value" | "too long" | "out of range";

/** A mutation of a resource. */
export interface Mutation {
  readonly kind: MutationKind;
  /** Names on the path to the mutation, without list positions, e.g. `origins.originId`. */
  readonly path: string;
  /** The replacement; undefined for removal. */
  readonly value: unknown;
  readonly broken: Captured;
}

type Step = string | number;

/** Every mutation of a resource, once for each path of names. */
export function mutationsOf(resource: Captured, required: ReadonlySet<string>): Mutation[] {
  const all = new Map<string, Mutation>();
  for (const { steps, value } of values(resource.inputs)) {
    const path = steps.filter((step) => typeof step === "string").join(".");
    const add = (kind: MutationKind, replacement: unknown) => {
      const key = `${kind} ${path} ${JSON.stringify(replacement)}`;
      if (all.has(key)) return;
      all.set(key, {
        kind,
        path,
        value: replacement,
        broken: { ...resource, inputs: record(replaced(resource.inputs, steps, replacement)) },
      });
    };
    const item = typeof steps.at(-1) === "number";
    if (!item && required.has(path)) add("missing", undefined);
    switch (typeof value) {
      case "string":
        add("wrong type", { unexpected: true });
        add("bad value", "no such value!");
        add("too long", "x".repeat(20_000));
        break;
      case "number":
        add("wrong type", "many");
        add("out of range", -7);
        add("out of range", 1e12);
        break;
      default:
        add("wrong type", isFile(value) ? 7 : "something else");
    }
  }
  return [...all.values()];
}

/** Every value at any depth, including JSON documents; a file counts as one value. */
function* values(value: unknown, steps: readonly Step[] = []): Generator<{ steps: readonly Step[]; value: unknown }> {
  if (steps.length > 0) yield { steps, value };
  const inner = documentIn(value) ?? value;
  if (typeof inner !== "object" || inner === null || isFile(inner)) return;
  for (const [key, item] of Object.entries(inner)) {
    yield* values(item, [...steps, Array.isArray(inner) ? Number(key) : key]);
  }
}

/** An asset or archive in the engine's form. */
function isFile(value: unknown): boolean {
  return typeof value === "object" && value !== null && "hash" in value;
}

function documentIn(value: unknown): unknown {
  return typeof value === "string" && value.startsWith("{") ? (JSON.parse(value) as unknown) : undefined;
}

/** A copy with a replaced value; undefined removes it. */
function replaced(value: unknown, [step, ...rest]: readonly Step[], replacement: unknown): unknown {
  if (step === undefined) return replacement;
  const document = documentIn(value);
  if (document !== undefined) return JSON.stringify(replaced(document, [step, ...rest], replacement));
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (index === step ? replaced(item, rest, replacement) : item));
  }
  const fields = record(value);
  return { ...fields, [step]: replaced(fields[step], rest, replacement) };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
