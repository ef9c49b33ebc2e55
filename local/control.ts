import type { CodeChange, Invocation } from "./data-plane";
import type { StoredResource } from "./store";

/** Where a running cloud is found: `cloud.json` in its state folder. */
export interface CloudAddress {
  readonly pid: number;
  /** Ports of the providers, by their plugin's name. */
  readonly providers: Readonly<Record<string, number>>;
  /** Port that answers requests with the token. */
  readonly control: number;
  readonly token: string;
  /** Port of the page that shows all of it. Absent in what an older cloud has written. */
  readonly console?: number;
  /** The process that it ends with, where it is attached to one. */
  readonly owner?: number;
  /** Resources of an earlier run that cannot serve now, and why: another program took their port. */
  readonly failures: readonly string[];
}

/** A resource to delete behind the engine's back, as a cloud's own API does. */
export interface DeleteRequest extends Pick<StoredResource, "type" | "id"> {
  /** Name of the cloud's provider, and of its folder. */
  readonly cloud: string;
}

/** Inputs to change behind the engine's back, as a cloud's own API does. */
export interface ChangeRequest extends DeleteRequest {
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Of the Pulumi resource that declared it. Default: none did. */
  readonly urn?: string;
  /** What the cloud adds, where that changes too. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** Whether it is done again what is done at a creation or an update. Default: false, it is read from then on. */
  readonly apply?: boolean;
}

/** Where a function's requests go. */
export interface TrafficRequest {
  /** Name of the cloud's provider. */
  readonly cloud: string;
  readonly functionName: string;
  /** Shares of its revisions, from 0 to 1; together 1. Default: as they are. */
  readonly traffic?: Readonly<Record<string, number>>;
  /** The revision that each tag names from now on; null for none. Default: as they are. */
  readonly tags?: Readonly<Record<string, string | null>>;
}

/** A function's revision to delete. */
export interface RevisionRequest extends Pick<TrafficRequest, "cloud" | "functionName"> {
  readonly revision: string;
}

/** A function to invoke by hand. */
export interface InvokeRequest extends Invocation {
  /** Name of the cloud's provider. */
  readonly cloud: string;
}

/** Code to serve a function from. */
export interface CodeRequest extends CodeChange {
  /** Name of the cloud's provider. */
  readonly cloud: string;
}

/** Something to do with the data of a table. */
export interface DataRequest {
  /** Name of the cloud's provider. */
  readonly cloud: string;
  /** By the words of the cloud's command line. */
  readonly operation: string;
  readonly input: Readonly<Record<string, string>>;
}
