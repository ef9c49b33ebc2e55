import type { ResourceStore, StoredResource } from "./store";

/** Inputs in which each asset and archive is replaced by the cloud's own copy. */
export type Inputs = Record<string, unknown>;

/** A resource before its creation or update. */
export interface Draft {
  readonly id: string;
  readonly inputs: Inputs;
}

/** The cloud's services for a resource type. */
export interface CloudContext {
  readonly store: ResourceStore;
  /** The provider's own settings, such as the default region. */
  readonly configuration: Readonly<Record<string, string>>;
  /** Returns `127.0.0.1` with a free port. */
  readonly freeAddress: () => Promise<string>;
}

/** A reference of an input to another resource. */
export interface Reference {
  readonly type: string;
  /** The other resource's property that the input contains. Default: its id. */
  readonly by?: string;
}

/** A rule for one input, in the cloud's words. */
export interface Rule {
  readonly accepts: (value: unknown, inputs: Inputs) => boolean;
  readonly expected: string;
}

/**
 * How a local cloud handles one resource type. What is not listed here is not checked. Types that are not in the table
 * are stored without any behaviour.
 */
export interface ResourceType {
  /** Paths of required inputs, e.g. `rule.objectOwnership`; of a list, one is required. */
  readonly required?: readonly (string | readonly string[])[];
  /** Input with the physical name; if absent, it is generated from the logical name. */
  readonly name?: string;
  /** Input with the prefix of the physical name, if there is no other name; `id` generates the rest. */
  readonly namePrefix?: string;
  /** Inputs that are JSON text in the cloud, and may be given as an object. */
  readonly json?: readonly string[];
  readonly rules?: Readonly<Record<string, Rule>>;
  readonly references?: Readonly<Record<string, Reference>>;
  /** The cloud's error for inputs that conflict with other resources; `id` is the resource's own id once it exists. */
  readonly refuses?: (inputs: Inputs, context: CloudContext, id?: string) => string | undefined;
  /** A warning about inputs that the cloud accepts; with the arguments of `refuses`. */
  readonly notes?: (inputs: Inputs, context: CloudContext, id?: string) => string | undefined;
  /** Inputs whose change replaces the resource. */
  readonly replaceOn?: readonly string[];
  /** The new resource would collide with the old one. */
  readonly deleteBeforeReplace?: boolean;
  /** Whether a creation overwrites an existing resource. Default: false, the cloud rejects it. */
  readonly overwrites?: boolean;
  /** @param logicalName name of the Pulumi resource. */
  readonly id: (inputs: Inputs, context: CloudContext, logicalName: string) => string;
  /** The cloud's outputs; `previous` are those before an update. */
  readonly outputs?: (draft: Draft, context: CloudContext, previous: Inputs) => Inputs | Promise<Inputs>;
  /** Called after a creation or an update, once everything is running. */
  readonly applied?: (resource: StoredResource, context: CloudContext) => void;
  /**
   * Input of other resources with the id of the resource that contains them, or a test of that: they are deleted with
   * it.
   */
  readonly contains?: string | ((inner: StoredResource, resource: StoredResource) => boolean);
  /** The cloud's error for deleting the resource, if any. */
  readonly undeletable?: (resource: StoredResource, context: CloudContext) => string | undefined;
  /** Whether the resource stays in the cloud when Pulumi deletes it. */
  readonly retained?: (resource: StoredResource) => boolean;
}

/**
 * Creates a resource type for a type token that a local cloud does not emulate: such resources are stored with their
 * inputs, have an id, a name and the common outputs of that cloud, are not checked and have no behaviour.
 */
export type InertType = (token: string) => ResourceType;
