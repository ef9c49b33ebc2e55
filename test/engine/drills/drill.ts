import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { expect, test } from "vitest";

import { readZip } from "../../../layers/unzip";
import { deflated, writeZip, type ZipEntry } from "../../../layers/zip";
import { startCloud, stopCloud } from "../../../local/cloud-process";
import { ResourceStore, type StoredResource } from "../../../local/store";
import type { Report } from "../../../operations/diagnose/report";
import { type Cloud, clouds } from "../../../contract/clouds";
import type { LocalDeployment, Run } from "../local-deployment";

/** A fault, made by hand where the engine does not see it. */
export interface Fault {
  /** @param state folder of the deployment, where the data planes keep what is in the tables. */
  readonly make: (store: ResourceStore, state: string) => void | Promise<void>;
  /** What has to be named before everything else of that cloud. */
  readonly first: { readonly check: string; readonly title: RegExp };
}

/** Faults of one kind, in as many clouds as have it. */
export interface Drill {
  readonly name: string;
  readonly faults: Readonly<Partial<Record<Cloud, Fault>>>;
}

/** The folders of the local clouds, by the names of their providers. */
const folders: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

export const lambda = "aws:lambda/function:Function";
const layerVersion = "aws:lambda/layerVersion:LayerVersion";

/** The resources of a local cloud that does not run. */
export function storeOf(deployment: LocalDeployment, cloud: Cloud): ResourceStore {
  return new ResourceStore(path.join(deployment.state, folders[cloud]));
}

/** Makes each fault on a deployment that is up: diagnose has to name it first, and a refresh to heal it. */
export function practise(deployment: LocalDeployment, drills: readonly Drill[]): void {
  test.each(drills)("$name: that is named first, and a refresh heals it", async ({ faults }) => {
    await stopCloud(deployment.state);
    const faulty = clouds.filter((cloud) => faults[cloud] !== undefined);
    for (const cloud of faulty) {
      await faults[cloud]?.make(storeOf(deployment, cloud), deployment.state);
    }
    await startCloud(deployment.state, { attached: false });
    const { run, report } = await look(deployment);
    const up = await deployment.run(["up", "--detach", "--refresh"]);
    const healed = await look(deployment);

    expect(run.code).toBe(1);
    for (const cloud of faulty) {
      const found = report.results.find((result) => result.cloud === cloud);
      expect(found, run.stdout).toMatchObject({ check: faults[cloud]?.first.check, status: "failed" });
      expect(found?.findings[0]?.title).toMatch(faults[cloud]?.first.title ?? /^$/);
      expect(found?.findings[0]).toMatchObject({
        cause: expect.any(String) as string,
        next: expect.any(String) as string,
      });
    }
    // The other clouds, and what is common to all, are not blamed for it.
    expect(new Set(failed(report).map(({ cloud }) => cloud))).toEqual(new Set(faulty));

    expect(up.code, up.stderr).toBe(0);
    expect(failed(healed.report)).toEqual([]);
    expect(healed.run.code).toBe(0);
  });
}

/** One look by the command line, as whoever is on call takes it. */
export async function look(deployment: LocalDeployment, ...flags: string[]): Promise<{ run: Run; report: Report }> {
  const run = await deployment.run(["diagnose", "--json", ...flags]);
  if (run.stdout === "") throw new Error(`diagnose printed no report:\n${run.stderr}`);
  return { run, report: JSON.parse(run.stdout) as Report };
}

export const failed = (report: Report) => report.results.filter(({ status }) => status === "failed");

export function only(store: ResourceStore, type: string): StoredResource {
  const found = store.list(type);
  const [resource] = found;
  if (resource === undefined || found.length > 1) throw new Error(`expected one ${type}, found ${found.length}`);
  return resource;
}

/** The object that a function app or a function is deployed from. */
export function packageOf(store: ResourceStore, type: string): StoredResource {
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
export function attachedLayer(store: ResourceStore): StoredResource {
  const [arn] = only(store, lambda).inputs.layers as string[];
  const layer = store.get(layerVersion, arn ?? "");
  if (layer === undefined) throw new Error(`there is no layer version ${arn ?? ""}`);
  return layer;
}

export function change(
  store: ResourceStore,
  resource: StoredResource,
  inputs: Readonly<Record<string, unknown>>,
): void {
  store.put({ ...resource, inputs: { ...resource.inputs, ...inputs } });
}

/** Changes an archive file by file: what `edit` gives is the file's new text, `undefined` leaves it out. */
export async function rezipped(
  store: ResourceStore,
  resource: StoredResource,
  property: "code" | "source",
  edit: (file: string) => string | undefined,
): Promise<void> {
  const { path: archive } = resource.inputs[property] as { path: string };
  const entries: ZipEntry[] = [];
  for (const entry of await readZip(readFileSync(archive))) {
    const text = edit(entry.name);
    if (text !== undefined) entries.push(text === "as it is" ? entry : await deflated(entry.name, Buffer.from(text)));
  }
  const file = path.join(tmpdir(), `drill-${process.pid}.zip`);
  writeFileSync(file, writeZip(entries));
  change(store, resource, { [property]: store.keep(file) });
  rmSync(file);
}
