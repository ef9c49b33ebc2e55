import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startCloud, stopCloud } from "../../../local/cloud-process";
import type { Drill } from "../../../local/drills/faults";
import { ResourceStore } from "../../../local/store";
import { exitCode, type Report } from "../../../operations/diagnose/report";
import { type Cloud, clouds } from "../../../contract/clouds";
import type { LocalDeployment } from "../local-deployment";
import { replaceState } from "../state-copy";

/** The folders of the local clouds, by the names of their providers. */
const folders: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

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
