import type { CodeChange, Invocation } from "./data-plane";
import type { StoredResource } from "./store";

/** The addresses of a running cloud: `cloud.json` in its state folder. */
export interface CloudAddress {
  readonly pid: number;
  /** Ports of the providers, by plugin name. */
  readonly providers: Readonly<Record<string, number>>;
  /** Port of the control API, whose requests need the token. */
  readonly control: number;
  readonly token: string;
  /** Port of the console. Absent if an older version started the cloud. */
  readonly console?: number;
  /** The process with which an attached cloud ends. */
  readonly owner?: number;
  /** Resources of an earlier run that cannot be served now, and why, e.g. because another program uses their port. */
  readonly failures: readonly string[];
}

/** Deletes a resource without the engine, like the cloud's own API. */
export interface DeleteRequest extends Pick<StoredResource, "type" | "id"> {
  /** Name of the cloud's provider, and of its folder. */
  readonly cloud: string;
}

/** Changes inputs without the engine, like the cloud's own API. */
export interface ChangeRequest extends DeleteRequest {
  readonly inputs: Readonly<Record<string, unknown>>;
  /** URN of the declaring Pulumi resource. Default: none. */
  readonly urn?: string;
  /** Changed outputs, if any. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** Whether to run the data plane's start again, as after an update. Default: false; the inputs are only stored. */
  readonly apply?: boolean;
}

/** Distributes a function's requests. */
export interface TrafficRequest {
  /** Name of the cloud's provider. */
  readonly cloud: string;
  readonly functionName: string;
  /** Share of each revision, from 0 to 1; the sum is 1. Default: unchanged. */
  readonly traffic?: Readonly<Record<string, number>>;
  /** Revision for each tag; null removes the tag. Default: unchanged. */
  readonly tags?: Readonly<Record<string, string | null>>;
}

/** Deletes a revision of a function. */
export interface RevisionRequest extends Pick<TrafficRequest, "cloud" | "functionName"> {
  readonly revision: string;
}

/** Invokes a function by hand. */
export interface InvokeRequest extends Invocation {
  /** Name of the cloud's provider. */
  readonly cloud: string;
}

/** Replaces the code of a function. */
export interface CodeRequest extends CodeChange {
  /** Name of the cloud's provider. */
  readonly cloud: string;
}

/** An operation on the data of a table. */
export interface DataRequest {
  /** Name of the cloud's provider. */
  readonly cloud: string;
  /** Words of the cloud's command line. */
  readonly operation: string;
  readonly input: Readonly<Record<string, string>>;
}
