import type { Probe } from "../../contract/application";

/** One release of one function that its cloud still has. */
export interface KeptRelease {
  /** The cloud's own name of it: a version's number, a revision, a colour. */
  readonly name: string;
  /** What its answers name in `x-release`; empty where the cloud does not tell. */
  readonly release: string;
  readonly publishedAt: Date;
  /** Its share of the traffic, from 0 to 1. */
  readonly share: number;
  /** Whether it has answered its probes, before it served or since. */
  readonly verified: boolean;
}

/** A function as a stack's outputs describe it. */
export interface ReleasedFunction {
  /** In the application's description. */
  readonly name: string;
  /** The cloud's name of it. */
  readonly functionName: string;
  /** Where its probes are asked, without a slash at its end. Absent where it runs on a schedule. */
  readonly url?: string;
  readonly probes: readonly Probe[];
}

/** A resource of the engine's state. */
export interface EngineResource {
  readonly urn: string;
  readonly type: string;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** What a cloud does to let another release serve. */
export interface ReleasePort {
  /** The newest first. */
  releases(fn: ReleasedFunction): Promise<KeptRelease[]>;
  /** Gives all traffic to a release; returns when it serves. */
  serve(fn: ReleasedFunction, release: KeptRelease): Promise<void>;
  /** Whether a resource of the engine's state says which release serves: it is read anew after `serve`. */
  tellsServing(fn: ReleasedFunction, resource: EngineResource): boolean;
  /** Deletes a release for good. */
  delete(fn: ReleasedFunction, release: KeptRelease): Promise<void>;
}
