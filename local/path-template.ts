import type { Inputs } from "./resource-type";

/**
 * The ids of Azure and Google Cloud are paths that hold a resource's names, so a path with `{property}` in it says what the
 * id is, what is required, and what only a new resource can have otherwise.
 */
export class PathTemplate {
  /** Properties that the path holds, in its order. */
  readonly properties: readonly string[];

  constructor(private readonly template: string) {
    this.properties = [...template.matchAll(/\{(\w+)\}/g)].map(([, property = ""]) => property);
  }

  fill(inputs: Inputs, defaults: Inputs = {}): string {
    const all: Inputs = { ...defaults, ...inputs };
    return this.template.replace(/\{(\w+)\}/g, (_, property: string) => String(all[property]));
  }
}
