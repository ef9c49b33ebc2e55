import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { Cloud } from "../../contract/clouds";
import { readZip } from "../../layers/unzip";
import { deflated, writeZip, type ZipEntry } from "../../layers/zip";
import { versionsOf, versionType } from "../aws/versions";
import type { ResourceStore, StoredResource } from "../store";

/** The resources of a local cloud, for a fault to change. */
export type FaultyStore = Pick<ResourceStore, "get" | "list" | "put" | "delete" | "keep">;

/** A fault, made without the engine. */
export interface Fault {
  /** @param state folder of the deployment, where the data planes store tables. */
  readonly make: (store: FaultyStore, state: string) => void | Promise<void>;
  /** The finding that diagnose has to report before any other of that cloud. */
  readonly first: { readonly check: string; readonly title: RegExp };
  /** Why a refresh cannot detect the fault and therefore does not repair it. */
  readonly unseen?: string;
}

/** A kind of fault, on all clouds that have it. */
export interface Drill {
  readonly name: string;
  readonly faults: Readonly<Partial<Record<Cloud, Fault>>>;
  /** Name on the command line. Absent if the fault cannot be made while the clouds are running. */
  readonly id?: string;
  /** The change of the cloud, in one sentence. */
  readonly story?: string;
}

export const lambda = "aws:lambda/function:Function";
const layerVersion = "aws:lambda/layerVersion:LayerVersion";

export function only(store: FaultyStore, type: string): StoredResource {
  // A twin, which only probes call, is not the serving resource.
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

/** Deletes all objects of a frontend. */
export function emptied(type: string): Fault {
  return {
    make: (store) => {
      for (const object of store.list(type)) if (object.urn.includes(":Frontend$")) store.delete(object);
    },
    first: { check: "frontend", title: /the frontend answers \d+ without its page/ },
  };
}

/** The frontend's page is another one than was deployed. */
export function otherPage(type: string, name: "key" | "blobName" | "name"): Fault {
  return {
    make: (store) => {
      const page = store
        .list(type)
        .find(({ urn, inputs }) => urn.includes(":Frontend$") && inputs[name] === "index.html");
      if (page === undefined) throw new Error(`there is no ${type} index.html`);
      const file = path.join(tmpdir(), `drill-${process.pid}.html`);
      writeFileSync(file, "<!doctype html><title>another page</title>");
      change(store, page, { ["content" in page.inputs ? "keptContent" : "source"]: store.keep(file) });
      rmSync(file);
    },
    first: { check: "site", title: /1 of the site's \d+ files are not as they were deployed/ },
    unseen: "no provider reads what a file of the site holds",
  };
}

export function crashing(file: string): string | undefined {
  return file === "api/app.py" ? "raise RuntimeError('drill')\n" : "as it is";
}

/** The function's current layer version; older ones still exist. */
export function attachedLayer(store: FaultyStore): StoredResource {
  const [arn] = only(store, lambda).inputs.layers as string[];
  const layer = store.get(layerVersion, arn ?? "");
  if (layer === undefined) throw new Error(`there is no layer version ${arn ?? ""}`);
  return layer;
}

/** Publishes a copy of the serving version by hand, for a fault to change, and makes it serve. */
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

/** Rewrites an archive file by file: `edit` returns the new text, or `undefined` to leave the file out. */
export async function rezipped(
  store: FaultyStore,
  resource: StoredResource,
  property: "code" | "source" | "layerCode",
  edit: (file: string) => string | undefined,
): Promise<void> {
  const { path: archive } = [resource.inputs[property] ?? resource.outputs[property]].flat()[0] as { path: string };
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
