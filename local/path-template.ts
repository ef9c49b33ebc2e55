import type { Inputs } from "./resource-type";

/**
 * A template of resource ids. Ids of Azure and Google Cloud are paths with the resource's names, so a path with
 * `{property}` defines the id, the required properties, and the properties whose change replaces the resource.
 */
export class PathTemplate {
  /** Properties in the path, in order. */
  readonly properties: readonly string[];

  constructor(private readonly template: string) {
    this.properties = [...template.matchAll(/\{(\w+)\}/g)].map(([, property = ""]) => property);
  }

  fill(inputs: Inputs, defaults: Inputs = {}): string {
    const all: Inputs = { ...defaults, ...inputs };
    return this.template.replace(/\{(\w+)\}/g, (_, property: string) => String(all[property]));
  }
}
