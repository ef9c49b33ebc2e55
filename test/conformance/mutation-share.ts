import type { Captured } from "./capture";
import { type MutationKind, mutationsOf } from "./mutations";
import type { SdkArguments } from "./sdk-arguments";
import { isRecord } from "./translation";

/** The share of detected mutations. */
export interface MutationShare {
  readonly tried: number;
  /** Undetected mutations of some resource of a type, as `<type> <path>: <kind>`. */
  readonly escaped: readonly string[];
}

/**
 * Applies every mutation to every resource.
 *
 * @param isFound whether the mutated resource is detected among the others of its combination.
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

/** A mutated resource. */
export interface Broken {
  readonly kind: MutationKind | "unknown property";
  readonly path: string;
  readonly broken: Captured;
}

/** Every mutation of a resource, including an unknown property. */
export function brokenOf(resource: Captured, required: ReadonlySet<string>): Broken[] {
  const unknown = [...withUnknown(resource.inputs, "")].map(([path, inputs]): Broken => ({
    kind: "unknown property",
    path,
    broken: { ...resource, inputs },
  }));
  return [...mutationsOf(resource, required), ...unknown];
}

/** The properties with an additional one, once for each object in them. */
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
