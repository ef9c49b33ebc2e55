import type { Probe } from "../../contract/application";

/** One release of one function that its cloud still has. */
export interface KeptRelease {
  /** The cloud's own name of it: a version's number, a revision, a package. */
  readonly name: string;
  /** What its answers' `x-release` begins with; empty where the cloud does not tell. */
  readonly release: string;
  readonly publishedAt: Date;
  /** Its share of the traffic, from 0 to 1. */
  readonly share: number;
  /** Whether it has answered its probes, before it served or since. */
  readonly verified: boolean;
  /** Whether it went back as a canary, whatever its probes said: it does not serve again by itself. Default: false. */
  readonly refused?: boolean;
  /** Whether a release of such a function is asked at all: one that never is may serve again all the same. Default: true. */
  readonly isAsked?: boolean;
  /** Whether something beside the traffic names it, so that it cannot be deleted. Default: false. */
  readonly pinned?: boolean;
}

/** A function as a stack's outputs describe it. */
export interface ReleasedFunction {
  /** In the application's description. */
  readonly name: string;
  /** The cloud's name of it. */
  readonly functionName: string;
  /** Where its probes are asked, without a slash at its end. Absent where it runs on a schedule. */
  readonly url?: string;
  /** Whose identity token each probe has, on Google Cloud. Default: none. */
  readonly identity?: "caller";
  readonly probes: readonly Probe[];
}

/** A resource of the engine's state. */
export interface EngineResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/**
 * What the engine's state is told of a resource, once another release serves: that it is read anew, or what it is now,
 * where its provider repeats what it was given last.
 */
export type Told = "read" | Pick<EngineResource, "inputs" | "outputs">;

/** What a cloud does to let another release serve. */
export interface ReleasePort {
  /** What it does for that, and how long it takes on the live cloud, e.g. `an alias is moved: seconds`. */
  readonly means: string;
  /** The same of one function, where that is done in another way. */
  meansFor?(fn: ReleasedFunction): string | undefined;
  /** Why a function has no releases, where it is deployed in a way that keeps none. */
  without?(fn: ReleasedFunction): string | undefined;
  /** The newest first. */
  releases(fn: ReleasedFunction): Promise<KeptRelease[]>;
  /** What is kept of earlier releases beside those that may serve again, the newest first. Default: nothing. */
  leftovers?(fn: ReleasedFunction): Promise<KeptRelease[]>;
  /** Gives all traffic to a release; returns when it serves. */
  serve(fn: ReleasedFunction, release: KeptRelease): Promise<void>;
  /** What is told of a resource of the engine's state after `serve`; undefined where it says nothing of what serves. */
  told(fn: ReleasedFunction, release: KeptRelease, resource: EngineResource): Told | undefined;
  /** Deletes a release for good. */
  delete(fn: ReleasedFunction, release: KeptRelease): Promise<void>;
}
