import type { Probe } from "../../contract/application";

/** One release of one function that still exists in its cloud. */
export interface KeptRelease {
  /** Its name in the cloud: a version number, a revision, a package. */
  readonly name: string;
  /** Prefix of `x-release` in its responses; empty if the cloud does not have it. */
  readonly release: string;
  readonly publishedAt: Date;
  /** Its share of the traffic, from 0 to 1. */
  readonly share: number;
  /** Whether it has ever answered its probes. */
  readonly verified: boolean;
  /** Whether its canary phase rejected it, whatever its probes answered: it is no automatic rollback target. Default: false. */
  readonly refused?: boolean;
  /** Whether releases of such a function are probed; if not, an unverified one is a rollback target too. Default: true. */
  readonly isAsked?: boolean;
  /** Whether something other than traffic references it, so that it cannot be deleted. Default: false. */
  readonly pinned?: boolean;
}

/** A function in a stack's outputs. */
export interface ReleasedFunction {
  /** In the application's description. */
  readonly name: string;
  /** The cloud's name of it. */
  readonly functionName: string;
  /** Base URL of its probes, without a trailing slash. Absent if it runs on a schedule. */
  readonly url?: string;
  /** On Google Cloud, the source of the identity token in each probe. Default: no token. */
  readonly identity?: "caller";
  readonly probes: readonly Probe[];
}

/** A resource in the engine's state. */
export interface EngineResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/**
 * How the engine's state of a resource is updated after a rollback: by reading it from the cloud, or with these values, if
 * its provider does not read it back.
 */
export type Told = "read" | Pick<EngineResource, "inputs" | "outputs">;

/** A cloud's operations for a rollback. */
export interface ReleasePort {
  /** Description of the operation and its duration on the live cloud, e.g. `an alias is moved: seconds`. */
  readonly means: string;
  /** The description for one function, if it is rolled back in another way. */
  meansFor?(fn: ReleasedFunction): string | undefined;
  /** Why a function has no releases, if its kind of deployment keeps none. */
  without?(fn: ReleasedFunction): string | undefined;
  /** The newest first. */
  releases(fn: ReleasedFunction): Promise<KeptRelease[]>;
  /** Earlier releases that are kept but cannot serve again, the newest first. Default: none. */
  leftovers?(fn: ReleasedFunction): Promise<KeptRelease[]>;
  /** Routes all traffic to a release; returns when it serves. */
  serve(fn: ReleasedFunction, release: KeptRelease): Promise<void>;
  /** How the engine's state of a resource changes after `serve`; undefined if it does not depend on the serving release. */
  told(fn: ReleasedFunction, release: KeptRelease, resource: EngineResource): Told | undefined;
  /** Deletes a release permanently. */
  delete(fn: ReleasedFunction, release: KeptRelease): Promise<void>;
}
