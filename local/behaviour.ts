/**
 * What the live cloud and its Pulumi provider do with resources of one type beyond accepting or refusing them. Each record
 * is transcribed from the source that it names; providers were read near the versions in package.json, not at them.
 */
export interface Behaviour {
  /** Files, pages and threads that show it, by their path in the provider's repository where they have one. */
  readonly sources: readonly string[];
  /** Paths of inputs that only a new resource can have otherwise: `ForceNew` of bridged types, path parameters of ARM types. */
  readonly replaceOn: readonly string[];
  /**
   * Which of old and new comes first in a replacement. `named`: the old one is deleted first where the input in
   * `autoNamed` was given explicitly, as the bridge does it (`nameRequiresDeleteBeforeReplace`). Default: `new`.
   */
  readonly first?: "old" | "new" | "named";
  /** Input that the provider makes up where it is absent. */
  readonly autoNamed?: string;
  /** Inputs that a refresh repeats from the state, whatever is really there. */
  readonly unread?: readonly string[];
  /** Right that reading needs and that the cloud's reader role lacks. */
  readonly readsWith?: string;
  /**
   * How an operation that was accepted fails later. `partial`: the provider saves the state with an error of
   * initialisation. `orphan`: the resource is there, and the engine never hears of it. `refused`: nothing has changed.
   * Default: nothing fails.
   */
  readonly fails?: {
    readonly how: "partial" | "orphan" | "refused";
    readonly message: string;
    /** Types whose resources have to be known by then: while one is not, the operation fails for sure. */
    readonly needs?: readonly string[];
  };
  /** What an update without a changed input does after a failure: nothing, or all of it again. Default: `again`. */
  readonly emptyUpdate?: "nothing" | "again";
  /** Seconds that the rest of the cloud may take to know of a new resource. */
  readonly lateSeconds?: number;
  /** The same of a change: until then some of the cloud goes by what was before. */
  readonly lateUpdateSeconds?: number;
  /** What the cloud answers to a deletion while another resource names this one. Default: it deletes. */
  readonly inUse?: string;
  /** Inputs that the provider would change in place and the cloud refuses to. */
  readonly frozen?: { readonly inputs: readonly string[]; readonly message: string };
  /** Inputs that an update changes one group after the other, each of them live before the next; what is not here is first. */
  readonly steps?: readonly (readonly string[])[];
}

export type Behaviours = Readonly<Record<string, Behaviour>>;
