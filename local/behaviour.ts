/**
 * Behaviour of the live cloud and its Pulumi provider for one resource type, beyond accepting or rejecting inputs. Each
 * record is transcribed from the source that it names; the provider versions that were read are close to those in
 * package.json, but not identical.
 */
export interface Behaviour {
  /** Evidence: files of the provider's repository, documentation pages and issue threads. */
  readonly sources: readonly string[];
  /** Paths of inputs whose change replaces the resource: `ForceNew` of bridged types, path parameters of ARM types. */
  readonly replaceOn: readonly string[];
  /**
   * Which resource comes first in a replacement. `named`: the old one is deleted first if the input in `autoNamed` was
   * given explicitly, as the bridge does it (`nameRequiresDeleteBeforeReplace`). Default: `new`.
   */
  readonly first?: "old" | "new" | "named";
  /** Input that the provider generates if it is absent. */
  readonly autoNamed?: string;
  /** Inputs that a refresh copies from the state instead of reading them. */
  readonly unread?: readonly string[];
  /** Permission for reading that the cloud's reader role lacks. */
  readonly readsWith?: string;
  /**
   * How an accepted operation fails later. `partial`: the provider saves the state with an initialisation error.
   * `orphan`: the resource exists, but the engine does not know it. `refused`: nothing has changed. Default: no
   * failure.
   */
  readonly fails?: {
    readonly how: "partial" | "orphan" | "refused";
    readonly message: string;
    /** Types whose resources have to be visible by then; otherwise the operation always fails. */
    readonly needs?: readonly string[];
  };
  /** What an update without changed inputs does after a failure: nothing, or everything again. Default: `again`. */
  readonly emptyUpdate?: "nothing" | "again";
  /** Seconds before a new resource is visible to the rest of the cloud. */
  readonly lateSeconds?: number;
  /** Seconds before a change is visible; until then parts of the cloud use the previous state. */
  readonly lateUpdateSeconds?: number;
  /** The cloud's error for deleting a resource that another one uses. Default: it deletes the resource. */
  readonly inUse?: string;
  /**
   * What comes back when it is created again under its id within `days` of its deletion. With another value of `inputs`
   * it is refused instead.
   */
  readonly kept?: {
    readonly days: number;
    readonly inputs: readonly string[];
    readonly refusal: (id: string) => string;
  };
  /** Inputs that the provider updates in place, but the cloud refuses to change. */
  readonly frozen?: { readonly inputs: readonly string[]; readonly message: string };
  /**
   * Groups of inputs that an update changes one after the other; each is live before the next. Inputs in no group
   * change first.
   */
  readonly steps?: readonly (readonly string[])[];
}

export type Behaviours = Readonly<Record<string, Behaviour>>;
