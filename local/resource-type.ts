import type { ResourceStore, StoredResource } from "./store";

/** Inputs with each asset and archive as the file that the cloud keeps. */
export type Inputs = Record<string, unknown>;

/** A resource before the cloud has answered. */
export interface Draft {
  readonly id: string;
  readonly inputs: Inputs;
}

/** What a resource type needs to know of the cloud that it is in. */
export interface CloudContext {
  readonly store: ResourceStore;
  /** The provider's own settings, such as the region of resources that name none. */
  readonly configuration: Readonly<Record<string, string>>;
  /** `127.0.0.1` and a port that nothing listens on. */
  readonly freeAddress: () => Promise<string>;
}

/** Another resource that an input has to name. */
export interface Reference {
  readonly type: string;
  /** Property of the other resource that the input repeats; its id where this is absent. */
  readonly by?: string;
}

/** A rule for one input, in the cloud's words. */
export interface Rule {
  readonly accepts: (value: unknown, inputs: Inputs) => boolean;
  readonly expected: string;
}

/**
 * How a local cloud treats one resource type. What is not here is not checked; of a type that is not in the table,
 * resources are kept and do nothing.
 */
export interface ResourceType {
  /** Paths of inputs without which the cloud refuses, e.g. `rule.objectOwnership`. */
  readonly required?: readonly string[];
  /** Input with the physical name, which is made from the logical one where it is absent. */
  readonly name?: string;
  /** Input with what the physical name begins with, where there is no other name; the rest is made up by `id`. */
  readonly namePrefix?: string;
  /** Inputs that are JSON text to the cloud, and may be given as an object. */
  readonly json?: readonly string[];
  readonly rules?: Readonly<Record<string, Rule>>;
  readonly references?: Readonly<Record<string, Reference>>;
  /** Why the cloud refuses the inputs beside what else there is, where it does; `id` is the resource's own, once it is there. */
  readonly refuses?: (inputs: Inputs, context: CloudContext, id?: string) => string | undefined;
  /** Inputs that only a new resource can have otherwise. */
  readonly replaceOn?: readonly string[];
  /** The new resource would collide with the old one. */
  readonly deleteBeforeReplace?: boolean;
  /** A creation takes the place of what is there. Default: false, the cloud refuses. */
  readonly overwrites?: boolean;
  /** @param logicalName what the Pulumi resource is called. */
  readonly id: (inputs: Inputs, context: CloudContext, logicalName: string) => string;
  /** What the cloud adds; `previous` is what it added before an update. */
  readonly outputs?: (draft: Draft, context: CloudContext, previous: Inputs) => Inputs | Promise<Inputs>;
  /** Called with what was created or updated, once all of it is at work. */
  readonly applied?: (resource: StoredResource, context: CloudContext) => void;
  /** Input of other resources that names the one they are in, by its id, or whether they are in it: they go with it. */
  readonly contains?: string | ((inner: StoredResource, resource: StoredResource) => boolean);
  /** Why the cloud refuses to delete the resource, where it does. */
  readonly undeletable?: (resource: StoredResource, context: CloudContext) => string | undefined;
  /** Stays in the cloud when Pulumi deletes it. */
  readonly retained?: (resource: StoredResource) => boolean;
}

/**
 * Makes a resource type of a type token that a local cloud does not emulate: resources are kept with their inputs, have an
 * id, a name and what else every resource of that cloud has, are checked for nothing and do nothing.
 */
export type InertType = (token: string) => ResourceType;
