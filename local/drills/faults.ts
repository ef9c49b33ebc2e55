import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { Cloud } from "../../contract/clouds";
import { readZip } from "../../layers/unzip";
import { deflated, writeZip, type ZipEntry } from "../../layers/zip";
import { versionsOf, versionType } from "../aws/versions";
import type { ResourceStore, StoredResource } from "../store";

/** The resources of a local cloud, as a fault changes them. */
export type FaultyStore = Pick<ResourceStore, "get" | "list" | "put" | "delete" | "keep">;

/** A fault, made by hand where the engine does not see it. */
export interface Fault {
  /** @param state folder of the deployment, where the data planes keep what is in the tables. */
  readonly make: (store: FaultyStore, state: string) => void | Promise<void>;
  /** What has to be named before everything else of that cloud. */
  readonly first: { readonly check: string; readonly title: RegExp };
  /** Why a refresh cannot see it, and so does not heal it. */
  readonly unseen?: string;
}

/** Faults of one kind, in as many clouds as have it. */
export interface Drill {
  readonly name: string;
  readonly faults: Readonly<Partial<Record<Cloud, Fault>>>;
  /** What it is called on the command line. Absent where it cannot be made while the clouds run. */
  readonly id?: string;
  /** What was done to the cloud, in one sentence. */
  readonly story?: string;
}

export const lambda = "aws:lambda/function:Function";
const layerVersion = "aws:lambda/layerVersion:LayerVersion";

export function only(store: FaultyStore, type: string): StoredResource {
  // The twin that is asked before what serves is none of it.
  const found = store.list(type).filter(({ urn }) => !urn.endsWith("-next"));
  const [resource] = found;
  if (resource === undefined || found.length > 1) throw new Error(`expected one ${type}, found ${found.length}`);
  return resource;
}

/** The object that a function app or a function is deployed from. */
export function packageOf(store: FaultyStore, type: string): StoredResource {
  const resource = store.list(type).find(({ urn }) => urn.includes(":ApiFunction$"));
  if (resource === undefined) throw new Error(`there is no ${type} of a function`);
  return resource;
}

/** No object of a frontend is there. */
export function emptied(type: string): Fault {
  return {
    make: (store) => {
      for (const object of store.list(type)) if (object.urn.includes(":Frontend$")) store.delete(object);
    },
    first: { check: "frontend", title: /the frontend answers \d+ without its page/ },
  };
}

export function crashing(file: string): string | undefined {
  return file === "api/app.py" ? "raise RuntimeError('drill')\n" : "as it is";
}

/** The layer version that the function has: older ones stay beside it. */
export function attachedLayer(store: FaultyStore): StoredResource {
  const [arn] = only(store, lambda).inputs.layers as string[];
  const layer = store.get(layerVersion, arn ?? "");
  if (layer === undefined) throw new Error(`there is no layer version ${arn ?? ""}`);
  return layer;
}

/**
 * A version of the function that was published by hand, to be changed, and that serves now: a copy of the one that
 * served.
 */
export function publishedByHand(store: FaultyStore): StoredResource {
  const alias = store.list("aws:lambda/alias:Alias").find(({ inputs }) => inputs.name === "live");
  const functionName = String(alias?.inputs.functionName);
  const serving = store.get(versionType, `${functionName}:${String(alias?.inputs.functionVersion)}`);
  const newest = versionsOf(store, functionName).at(-1);
  if (alias === undefined || serving === undefined) throw new Error("no version of a function serves");
  const version = String(Number(newest?.outputs.version) + 1);
  const published = { ...serving, id: `${functionName}:${version}`, outputs: { ...serving.outputs, version } };
  store.put(published);
  change(store, alias, { functionVersion: version });
  return published;
}

export function change(store: FaultyStore, resource: StoredResource, inputs: Readonly<Record<string, unknown>>): void {
  store.put({ ...resource, inputs: { ...resource.inputs, ...inputs } });
}

/** Changes an archive file by file: what `edit` gives is the file's new text, `undefined` leaves it out. */
export async function rezipped(
  store: FaultyStore,
  resource: StoredResource,
  property: "code" | "source" | "layerCode",
  edit: (file: string) => string | undefined,
): Promise<void> {
  const { path: archive } = [resource.inputs[property]].flat()[0] as { path: string };
  const entries: ZipEntry[] = [];
  for (const entry of await readZip(readFileSync(archive))) {
    const text = edit(entry.name);
    if (text !== undefined) entries.push(text === "as it is" ? entry : await deflated(entry.name, Buffer.from(text)));
  }
  const file = path.join(tmpdir(), `drill-${process.pid}.zip`);
  writeFileSync(file, writeZip(entries));
  const kept = store.keep(file);
  change(store, resource, { [property]: Array.isArray(resource.inputs[property]) ? [kept] : kept });
  rmSync(file);
}
