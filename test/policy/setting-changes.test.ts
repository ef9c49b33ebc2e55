import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { format, resolveConfig } from "prettier";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { type Crossing, crossings, standing, withWorker } from "../../bench/weather/crossings";
import { losing, type Step } from "../../bench/weather/verdict";
import { settingChanges, type SettingChange } from "../../bench/weather/setting-changes";
import { type Cloud, clouds } from "../../contract/clouds";
import { awsBehaviours } from "../../local/aws/behaviour";
import { awsTypes } from "../../local/aws/types";
import { azureBehaviours } from "../../local/azure/behaviour";
import { azureTypes } from "../../local/azure/types";
import { gcpBehaviours } from "../../local/gcp/behaviour";
import { gcpTypes } from "../../local/gcp/types";
import { CloudProvider } from "../../local/provider";
import type { Properties } from "../../local/provider-server";
import { ResourceStore } from "../../local/store";
import { settings } from "../../settings/schema";
import { engineConfiguration } from "../configuration";
import { type Registered, registeredBy } from "./program";

const checkout = path.join(__dirname, "..", "..");
const folder = mkdtempSync(path.join(tmpdir(), "setting-changes-"));
/** The message board with a worker and a secret; an application is a folder of the project. */
const application = path.join(checkout, ".local", path.basename(folder));

beforeAll(() => {
  mkdirSync(path.dirname(application), { recursive: true });
  cpSync(path.join(checkout, "application"), application, { recursive: true });
  withWorker({ folder: application });
});

beforeEach(() => {
  vi.spyOn(pulumi.log, "warn").mockResolvedValue();
});

afterAll(() => {
  for (const made of [folder, application]) rmSync(made, { recursive: true });
});

/** The local clouds' own comparison of inputs: it decides what is replaced, and in which order. */
const providers: Readonly<Record<string, CloudProvider>> = Object.fromEntries(
  [
    { name: "aws", types: awsTypes, behaviours: awsBehaviours },
    { name: "azure-native", types: azureTypes, behaviours: azureBehaviours },
    { name: "gcp", types: gcpTypes, behaviours: gcpBehaviours },
  ].map(({ name, ...cloud }) => {
    const store = new ResourceStore(path.join(folder, name));
    const dataPlane = () => Promise.resolve({ types: {}, close: () => Promise.resolve() });
    return [name, new CloudProvider({ ...cloud, version: "0.0.0", store, dataPlane, configuration: {} })];
  }),
);

async function byUrn(resources: readonly Registered[]): Promise<Map<string, Known>> {
  const own = resources.filter(({ type }) => !type.startsWith("pulumi:"));
  const known = own.map(async ({ urn, type, name, inputs, provider }) => {
    return [urn, { urn, type, name, provider, inputs: (await settled(inputs)) as Properties }] as const;
  });
  return new Map(await Promise.all(known));
}

/** A resource with inputs in JSON. */
interface Known extends Pick<Registered, "urn" | "type" | "name" | "provider"> {
  readonly inputs: Properties;
}

/** Inputs with each file replaced by its path, which the SDK holds as a promise. */
async function settled(value: unknown): Promise<unknown> {
  if (value instanceof pulumi.asset.FileArchive || value instanceof pulumi.asset.FileAsset) {
    return { file: await value.path };
  }
  if (Array.isArray(value)) return Promise.all(value.map((item) => settled(item)));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([key, item]) => [key, await settled(item)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

const savedIn = (resources: readonly Registered[]) =>
  new Map(
    resources
      .filter(({ type }) => type === "pulumi:index:Stash")
      .map(({ name, inputs }) => [name, inputs.input] as const),
  );

const stackOf = (on: readonly Cloud[], given: Crossing["to"]) =>
  engineConfiguration({
    clouds: on,
    application: path.relative(checkout, application),
    "gcp.project": "shop-123456",
    // Other applications have neither the board's secret nor its worker.
    ...("application" in given ? {} : standing),
    ...given,
  });

/** Stacks with default settings, from which most changes start, by cloud. */
const atDefaults = new Map<string, Promise<Registered[]>>();

function startOf(on: readonly Cloud[], from: Crossing["from"]): Promise<Registered[]> {
  if (from !== undefined) return registeredBy("staging", stackOf(on, from));
  const known = atDefaults.get(on.join()) ?? registeredBy("staging", stackOf(on, {}));
  atDefaults.set(on.join(), known);
  return known;
}

/**
 * Simulates the engine's update from one set of settings to another: a replaced resource gets another id, and resources
 * that refer to it are compared again, until nothing more is replaced.
 */
async function crossed({ clouds: concerned = clouds, from, to }: Crossing): Promise<Step[]> {
  // A setting of one cloud is changed only there, except for the one that selects the clouds.
  const on = "clouds" in to ? clouds : concerned;
  const before = await startOf(on, from);
  const saved = savedIn(before);
  const olds = await byUrn(before);
  const renewed = new Set<string>();
  for (;;) {
    const after = await registeredBy("staging", stackOf(on, to), ({ urn, type, name, inputs }) => {
      if (type === "pulumi:index:Stash") return { state: { output: saved.get(name) ?? inputs.input } };
      return renewed.has(urn) ? { id: `${urn}-renewed`, state: { arn: `arn:aws:renewed:${name}` } } : {};
    });
    const news = await byUrn(after);
    const steps: (Step & { readonly urn: string })[] = [
      ...[...news.values()].flatMap((resource) => {
        const does = stepTo(resource, olds.get(resource.urn));
        return does === undefined ? [] : [{ ...resource, does }];
      }),
      ...[...olds.values()].filter(({ urn }) => !news.has(urn)).map((gone) => ({ ...gone, does: "delete" as const })),
    ];
    const found = steps.filter(({ urn, does }) => (does === "replace" || does === "renew") && !renewed.has(urn));
    if (found.length === 0) return steps.map(({ type, name, does }) => ({ type, name, does }));
    for (const { urn } of found) renewed.add(urn);
  }
}

function stepTo({ urn, type, inputs, provider }: Known, old: Known | undefined): Step["does"] | undefined {
  if (old === undefined) return "create";
  const cloud = providers[type.split(":")[0] ?? ""];
  // Commands belong to no cloud.
  if (cloud === undefined) return JSON.stringify(old.inputs) === JSON.stringify(inputs) ? undefined : "update";
  const { changed, replaces, deleteBeforeReplace } = cloud.diff(urn, old.inputs, inputs);
  if (replaces.length > 0 && deleteBeforeReplace) return "renew";
  if (replaces.length > 0 || provider !== old.provider) return "replace";
  return changed.length > 0 ? "update" : undefined;
}

/** The program's error for a value that a stack cannot change to, before it declares anything. */
const refusals = /this stack was deployed with/;

async function changeOf(name: string, crossing: Crossing): Promise<SettingChange> {
  try {
    return { name, crossing, steps: await crossed(crossing) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!refusals.test(message)) throw new Error(`${name}: ${message}`, { cause: error });
    return { name, crossing, steps: [], refusal: message.replace(/'urn:\S+'/, "URN") };
  }
}

describe("every setting", () => {
  test("is changed in a test, and no other", () => {
    expect(Object.keys(crossings)).toEqual(settings.map(({ name }) => name));
  });

  test("that another test changes names an existing test", () => {
    const named = Object.values(crossings).flatMap(({ crossedBy }) => crossedBy ?? []);
    expect(named.filter((file) => !existsSync(path.join(checkout, file)))).toEqual([]);
  });

  test(
    "behaves as docs/reference/setting-changes.md says (`npm run diagrams` writes it)",
    { timeout: 900_000 },
    async () => {
      const changes: SettingChange[] = [];
      for (const { name } of settings) {
        const crossing = crossings[name];
        if (crossing !== undefined) changes.push(await changeOf(name, crossing));
      }
      const at = path.join(checkout, "docs", "reference", "setting-changes.md");
      const lost = changes.filter(
        ({ name, steps }) => name !== "clouds" && name !== "application" && losing(steps).length > 0,
      );
      expect(
        lost.map(
          ({ name, steps }) =>
            `${name}: ${losing(steps)
              .map(({ name }) => name)
              .join(", ")}`,
        ),
      ).toEqual([]);
      const page = await format(settingChanges(changes), { ...(await resolveConfig(at)), parser: "markdown" });
      await expect(page).toMatchFileSnapshot(at);
    },
  );
});
