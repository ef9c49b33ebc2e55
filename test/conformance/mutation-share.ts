import type { Captured } from "./capture";
import { type MutationKind, mutationsOf } from "./mutations";
import type { SdkArguments } from "./sdk-arguments";
import { isRecord } from "./translation";

/** How much of what can be broken is found. */
export interface MutationShare {
  readonly tried: number;
  /** What is not found in some resource of its type, as `<type> <path>: <kind>`. */
  readonly escaped: readonly string[];
}

/**
 * Breaks each thing about each resource.
 *
 * @param isFound whether the broken resource is found among the others of its combination, as which it replaces one.
 */
export function mutationShare(
  combinations: readonly (readonly Captured[])[],
  sdk: SdkArguments,
  isFound: (broken: Captured, original: Captured, resources: readonly Captured[]) => boolean,
): MutationShare {
  const found = new Map<string, boolean>();
  for (const resources of combinations) {
    for (const original of resources) {
      for (const { path, kind, broken } of brokenOf(original, sdk.required(original.type))) {
        const key = `${original.type} ${path}: ${kind}`;
        if (found.get(key) ?? true) found.set(key, isFound(broken, original, resources));
      }
    }
  }
  return { tried: found.size, escaped: [...found].flatMap(([key, caught]) => (caught ? [] : [key])).sort() };
}

/** A resource with one thing broken. */
export interface Broken {
  readonly kind: MutationKind | "unknown property";
  readonly path: string;
  readonly broken: Captured;
}

/** Each thing that can be broken about a resource, a property that there is not among them. */
export function brokenOf(resource: Captured, required: ReadonlySet<string>): Broken[] {
  const unknown = [...withUnknown(resource.inputs, "")].map(([path, inputs]): Broken => ({
    kind: "unknown property",
    path,
    broken: { ...resource, inputs },
  }));
  return [...mutationsOf(resource, required), ...unknown];
}

/** The same properties with one more, once for each object in them. */
function* withUnknown(
  properties: Record<string, unknown>,
  path: string,
): Generator<[path: string, properties: Record<string, unknown>]> {
  if ("hash" in properties) return;
  yield [path, { ...properties, noSuchProperty: "unknown" }];
  for (const [name, value] of Object.entries(properties)) {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const [index, item] of list.entries()) {
      if (!isRecord(item)) continue;
      for (const [inner, changed] of withUnknown(item, path === "" ? name : `${path}.${name}`)) {
        yield [inner, { ...properties, [name]: Array.isArray(value) ? list.with(index, changed) : changed }];
      }
    }
  }
}
