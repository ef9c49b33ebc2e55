import type { z } from "zod";

import type { Resources, StoredResource } from "./store";

/**
 * The resources of a local cloud, with a schema for each type; a resource that does not match is an error. Read for
 * each call.
 */
export class TypedResources<Types extends object> {
  constructor(
    private readonly parsers: { readonly [T in keyof Types]: z.ZodType<Types[T]> },
    private readonly stored: Resources,
  ) {}

  /** Inputs take precedence, since outputs may contain an older value. */
  parse<T extends keyof Types>(type: T, resource: StoredResource): Types[T] {
    return this.parsers[type].parse({ ...resource.outputs, ...resource.inputs, id: resource.id });
  }

  list<T extends keyof Types & string>(type: T): Types[T][] {
    return this.stored.list(type).map((resource) => this.parse(type, resource));
  }

  find<T extends keyof Types & string>(type: T, matches: (resource: Types[T]) => boolean): Types[T] | undefined {
    return this.list(type).find(matches);
  }

  /** @throws if there is none with this id. */
  get<T extends keyof Types & string>(type: T, id: string): Types[T] {
    const resource = this.stored.get(type, id);
    if (resource === undefined) throw new Error(`there is no ${type} ${id} on this machine`);
    return this.parse(type, resource);
  }
}
