import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readZip } from "../../../layers/unzip";
import { deflated, writeZip, type ZipEntry } from "../../../layers/zip";
import { startCloud, stopCloud } from "../../../local/cloud-process";
import { versionsOf, versionType } from "../../../local/aws/versions";
import { ResourceStore, type StoredResource } from "../../../local/store";
import { exitCode, type Report } from "../../../operations/diagnose/report";
import { type Cloud, clouds } from "../../../contract/clouds";
import type { LocalDeployment } from "../local-deployment";
import { replaceState } from "../state-copy";

/** A fault, made by hand where the engine does not see it. */
export interface Fault {
  /** @param state folder of the deployment, where the data planes keep what is in the tables. */
  readonly make: (store: ResourceStore, state: string) => void | Promise<void>;
  /** What has to be named before everything else of that cloud. */
  readonly first: { readonly check: string; readonly title: RegExp };
  /** Why a refresh cannot see it, and so does not heal it. */
  readonly unseen?: string;
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

/**
 * Makes each fault on a deployment that is up: diagnose has to name it first, and a refresh to heal it.
 *
 * Each fault is made by itself for diagnose. A refresh, which takes much longer, heals as many faults at once as have
 * no resource in common.
 */
export function practise(deployment: LocalDeployment, drills: readonly Drill[]): void {
  describe("drills", () => {
    const healthy = mkdtempSync(path.join(tmpdir(), "healthy-"));
    /** Faults by what they changed, for the refresh. */
    const made: Made[] = [];

    beforeAll(async () => {
      await stopCloud(deployment.state);
      await replaceState(deployment.state, healthy);
    });

    afterAll(() => {
      rmSync(healthy, { recursive: true });
    });

    test.each(drills)("$name: that is named first", async ({ name, faults }) => {
      await stopCloud(deployment.state);
      await replaceState(healthy, deployment.state);
      const faulty = clouds.filter((cloud) => faults[cloud] !== undefined);
      const changed = new Set<string>();
      for (const cloud of faulty) {
        await faults[cloud]?.make(storeOf(deployment, cloud), deployment.state);
        const [before, after] = [new ResourceStore(path.join(healthy, folders[cloud])), storeOf(deployment, cloud)];
        for (const resource of difference(before, after)) changed.add(resource);
      }
      made.push({ name, faults, changed });
      await startCloud(deployment.state, { attached: true });
      const report = await deployment.diagnose();

      expect(exitCode(report)).toBe(1);
      for (const cloud of faulty) {
        const found = report.results.find((result) => result.cloud === cloud);
        expect(found).toMatchObject({ check: faults[cloud]?.first.check, status: "failed" });
        expect(found?.findings[0]?.title).toMatch(faults[cloud]?.first.title ?? /^$/);
        expect(found?.findings[0]).toMatchObject({
          cause: expect.any(String) as string,
          next: expect.any(String) as string,
        });
      }
      // The other clouds, and what is common to all, are not blamed for it.
      expect(new Set(failed(report).map(({ cloud }) => cloud))).toEqual(new Set(faulty));
    });

    test("a refresh heals each that it can see", async () => {
      expect(made.map(({ name }) => name)).toEqual(drills.map(({ name }) => name));
      for (const together of apart(made)) {
        const names = together.map(({ name }) => name).join(", ");
        await stopCloud(deployment.state);
        await replaceState(healthy, deployment.state);
        for (const { name, faults } of together) {
          for (const cloud of clouds) {
            const { make, unseen } = faults[cloud] ?? {};
            if (unseen === undefined) await make?.(storeOf(deployment, cloud), deployment.state);
            else console.warn(`${cloud}, ${name}: not tried, since ${unseen}`);
          }
        }
        await startCloud(deployment.state, { attached: true });
        await deployment.up({ refresh: true });
        const report = await deployment.diagnose();
        expect(failed(report), names).toEqual([]);
        expect(exitCode(report), names).toBe(0);
      }
    });
  });
}

/** A fault that was made, with the resources that it changed. */
interface Made extends Drill {
  readonly changed: ReadonlySet<string>;
}

/** As few groups as come of taking each fault into the first in which no other has changed what it changes. */
function apart(all: readonly Made[]): Made[][] {
  const groups: Made[][] = [];
  for (const each of all) {
    const group = groups.find(
      (others) => !others.some(({ changed }) => [...each.changed].some((key) => changed.has(key))),
    );
    if (group) group.push(each);
    else groups.push([each]);
  }
  return groups;
}

/** What one store has other than the other, or only one of them has. */
function difference(before: ResourceStore, after: ResourceStore): string[] {
  const lines = (store: ResourceStore) => new Map(store.all().map((each) => [`${each.type} ${each.id}`, each]));
  const [old, now] = [lines(before), lines(after)];
  return [...new Set([...old.keys(), ...now.keys()])].filter(
    (key) => JSON.stringify(old.get(key)) !== JSON.stringify(now.get(key)),
  );
}

export const failed = (report: Report) => report.results.filter(({ status }) => status === "failed");

export function only(store: ResourceStore, type: string): StoredResource {
  // The twin that is asked before what serves is none of it.
  const found = store.list(type).filter(({ urn }) => !urn.endsWith("-next"));
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

/**
 * A version of the function that somebody published by hand, to be changed, and that serves now: a copy of the one that
 * served.
 */
export function publishedByHand(store: ResourceStore): StoredResource {
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
