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

/** Folders of the local clouds, by provider. */
const folders: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

/** The resources of a stopped local cloud. */
export function storeOf(deployment: LocalDeployment, cloud: Cloud): ResourceStore {
  return new ResourceStore(path.join(deployment.state, folders[cloud]));
}

/**
 * Makes each fault on a running deployment: diagnose has to name it first, and a refresh has to repair it.
 *
 * Diagnose sees each fault separately. A refresh takes much longer, so it repairs as many faults at once as share no
 * resource.
 */
export function practise(deployment: LocalDeployment, drills: readonly Drill[]): void {
  describe("drills", () => {
    const healthy = mkdtempSync(path.join(tmpdir(), "healthy-"));
    /** Faults by the resources that they changed, for the refresh. */
    const made: Made[] = [];

    beforeAll(async () => {
      await stopCloud(deployment.state);
      await replaceState(deployment.state, healthy);
    });

    afterAll(() => {
      rmSync(healthy, { recursive: true });
    });

    test.each(drills)("$name: diagnose names it first", async ({ name, faults }) => {
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
      // The other clouds and the shared parts have no findings.
      expect(new Set(failed(report).map(({ cloud }) => cloud))).toEqual(new Set(faulty));
    });

    test("a refresh repairs each fault that it can see", async () => {
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

/** A fault, with the resources that it changed. */
interface Made extends Drill {
  readonly changed: ReadonlySet<string>;
}

/** Groups faults greedily: each goes into the first group in which no other fault has changed its resources. */
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

/** Resources that differ between two stores. */
function difference(before: ResourceStore, after: ResourceStore): string[] {
  const lines = (store: ResourceStore) => new Map(store.all().map((each) => [`${each.type} ${each.id}`, each]));
  const [old, now] = [lines(before), lines(after)];
  return [...new Set([...old.keys(), ...now.keys()])].filter(
    (key) => JSON.stringify(old.get(key)) !== JSON.stringify(now.get(key)),
  );
}

export const failed = (report: Report) => report.results.filter(({ status }) => status === "failed");
