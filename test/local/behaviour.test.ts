import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, describe, expect, test, vi } from "vitest";

import { awsBehaviours } from "../../local/aws/behaviour";
import { awsTypes } from "../../local/aws/types";
import { azureBehaviours } from "../../local/azure/behaviour";
import { azureTypes } from "../../local/azure/types";
import type { Behaviours } from "../../local/behaviour";
import { gcpBehaviours } from "../../local/gcp/behaviour";
import { gcpTypes } from "../../local/gcp/types";
import { CloudProvider } from "../../local/provider";
import type { ResourceType } from "../../local/resource-type";
import { InitializationError } from "../../local/provider-server";
import { ResourceStore } from "../../local/store";
import { Weather, type WeatherReport } from "../../local/weather";

const clouds = {
  aws: { types: awsTypes, behaviours: awsBehaviours },
  azure: { types: azureTypes, behaviours: azureBehaviours },
  gcp: { types: gcpTypes, behaviours: gcpBehaviours },
} satisfies Record<string, { types: Readonly<Record<string, ResourceType>>; behaviours: Behaviours }>;

const folder = mkdtempSync(path.join(tmpdir(), "behaviour-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const urn = (type: string, name = "it") => `urn:pulumi:test::test::${type}::${name}`;

/** A cloud without data planes; `report` are the faults. */
function cloudOf(
  { types, behaviours }: { types: Readonly<Record<string, ResourceType>>; behaviours: Behaviours },
  report: WeatherReport = {},
) {
  const store = new ResourceStore(mkdtempSync(path.join(folder, "store-")));
  const provider = new CloudProvider({
    version: "0.0.0",
    types,
    behaviours,
    configuration: { region: "eu-west-1", project: "shop" },
    store,
    dataPlane: () => Promise.resolve({ types: {}, close: () => Promise.resolve() }),
    weather: new Weather(report),
  });
  return { provider, store };
}

/** One resource type with one behaviour. */
const type = "test:index/thing:Thing";
const plainType: ResourceType = { id: ({ name }) => String(name) };
const thing = (behaviour: Partial<Behaviours[string]>, report?: WeatherReport) =>
  cloudOf(
    { types: { [type]: plainType }, behaviours: { [type]: { sources: [], replaceOn: [], ...behaviour } } },
    report,
  );

describe("the behaviour table", () => {
  test("has a record for every type of the local clouds, and a type and a source for every record", () => {
    const counts = Object.entries(clouds).map(([cloud, { types, behaviours }]) => {
      const records = Object.entries<Behaviours[string]>(behaviours);
      expect(Object.keys(types).filter((token) => !(token in behaviours))).toEqual([]);
      expect(records.filter(([token, { sources }]) => !(token in types) || sources.length === 0)).toEqual([]);
      const having = (has: (behaviour: Behaviours[string]) => boolean) =>
        records.filter(([, behaviour]) => has(behaviour)).length;
      return {
        cloud,
        types: records.length,
        "force replacement": records.reduce((sum, [, { replaceOn }]) => sum + replaceOn.length, 0),
        "old one first": having(({ first }) => first === "old" || first === "named"),
        "not read back": having(({ unread = [] }) => unread.length > 0),
        "fail half-way": having(({ fails }) => fails !== undefined),
        "known late": having(({ lateSeconds = 0 }) => lateSeconds > 0),
        "changed in steps": having(({ steps = [] }) => steps.length > 0),
        "reads need a right": having(({ readsWith }) => readsWith !== undefined),
      };
    });
    console.table(counts);
  });
});

describe("a replacement", () => {
  test.each([
    ["a name that was given", { name: "given" }, true],
    ["a name that was made up", { name: "it-0a1b2c3" }, false],
  ])("with %s deletes the old one first: %s", (_, name, expected) => {
    const { provider } = thing({ replaceOn: ["zone"], first: "named", autoNamed: "name" });
    const difference = provider.diff(urn(type), { ...name, zone: "a" }, { ...name, zone: "b" });
    expect(difference).toEqual({ changed: ["zone"], replaces: ["zone"], deleteBeforeReplace: expected });
  });

  test("replaces only for the nested input that requires it", () => {
    const { provider } = thing({ replaceOn: ["build.source.project"], first: "old" });
    const build = (project: string, object: string) => ({ build: { source: { project, object } } });
    expect(provider.diff(urn(type), build("a", "1"), build("b", "1")).replaces).toEqual(["build"]);
    const inPlace = provider.diff(urn(type), build("a", "1"), build("a", "2"));
    expect(inPlace).toEqual({ changed: ["build"], replaces: [], deleteBeforeReplace: false });
  });

  test.each([
    ["aws", "aws:iam/role:Role", { name: "api", path: "/" }, { path: "/team/" }, true],
    [
      "aws",
      "aws:lambda/function:Function",
      { name: "api", architectures: ["arm64"] },
      { architectures: [] },
      undefined,
    ],
    ["azure", "azure-native:web:WebApp", { name: "api", kind: "functionapp" }, { kind: "functionapp,linux" }, true],
    ["azure", "azure-native:cdn:Profile", { profileName: "p", sku: { name: "a" } }, { sku: { name: "b" } }, true],
    ["azure", "azure-native:storage:Blob", { blobName: "a", source: 1 }, { source: 2 }, true],
    ["gcp", "gcp:storage/bucketObject:BucketObject", { name: "a", source: 1 }, { source: 2 }, true],
    ["gcp", "gcp:compute/managedSslCertificate:ManagedSslCertificate", { name: "a", managed: 1 }, { managed: 2 }, true],
    ["gcp", "gcp:compute/backendService:BackendService", { name: "a", protocol: 1 }, { protocol: 2 }, undefined],
  ] as const)("on local %s, %s of %j with %j: the old one goes first: %s", (cloud, token, olds, change, first) => {
    const { replaces, deleteBeforeReplace } = cloudOf(clouds[cloud]).provider.diff(urn(token), olds, {
      ...olds,
      ...change,
    });
    expect(replaces.length > 0).toBe(first !== undefined);
    expect(deleteBeforeReplace).toBe(first ?? false);
  });
});

describe("a failure half-way", () => {
  const message = "accepted, then failed";
  const once = (operation: "create" | "update"): WeatherReport => ({ faults: [{ operation, type }] });
  const partial = { fails: { how: "partial", message } } as const;

  test("of a create saves the state with an error, and the cloud keeps a resource without behaviour", async () => {
    const { provider, store } = thing(partial, once("create"));
    await expect(provider.create(urn(type), { name: "a" })).rejects.toEqual(
      new InitializationError("a", { name: "a" }, message),
    );
    expect(store.get(type, "a")).toBeDefined();
    expect(store.known.get(type, "a")).toBeUndefined();
    // An error hook makes the engine create again.
    await expect(provider.create(urn(type), { name: "a" })).rejects.toThrow("already exists");
  });

  test.each([
    ["again", true],
    ["nothing", false],
  ] as const)("is mended by an update of nothing that does %s: %s", async (emptyUpdate, mended) => {
    const { provider, store } = thing({ ...partial, emptyUpdate }, once("create"));
    await expect(provider.create(urn(type), { name: "a" })).rejects.toThrow(message);
    await provider.update(urn(type), "a", { name: "a" }, { name: "a" });
    expect(store.known.get(type, "a") !== undefined).toBe(mended);
    await provider.update(urn(type), "a", { name: "a" }, { name: "a", size: 2 });
    expect(store.known.get(type, "a")).toBeDefined();
  });

  test("of an update leaves the live resource as it was, with the new inputs in the state", async () => {
    const { provider, store } = thing(partial, once("update"));
    await provider.create(urn(type), { name: "a", size: 1 });
    const failed = provider.update(urn(type), "a", { name: "a", size: 1 }, { name: "a", size: 2 });
    await expect(failed).rejects.toEqual(new InitializationError("a", { name: "a", size: 2 }, message));
    expect(store.known.get(type, "a")?.inputs.size).toBe(1);
  });

  test("that is rejected leaves nothing; one whose response is lost leaves an orphan", async () => {
    for (const [how, left] of [
      ["refused", false],
      ["orphan", true],
    ] as const) {
      const { provider, store } = thing({ fails: { how, message } }, once("create"));
      await expect(provider.create(urn(type), { name: "a" })).rejects.toThrow(message);
      expect(store.get(type, "a") !== undefined).toBe(left);
    }
  });

  test("is certain while a dependency is not visible, and random but reproducible under a seed", async () => {
    const outcomes = async (seed: string) => {
      const { provider } = thing(partial, { seed });
      const all = Array.from({ length: 60 }, (_, index) => index).map(async (index) => {
        const name = `n${index}`;
        return provider.create(urn(type, name), { name }).then(
          () => "created",
          () => "failed",
        );
      });
      return Promise.all(all);
    };
    const first = await outcomes("1");
    expect(await outcomes("1")).toEqual(first);
    expect(await outcomes("2")).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set(["created", "failed"]));

    const grant = "test:index/grant:Grant";
    const needy = cloudOf(
      {
        types: { [type]: plainType, [grant]: plainType },
        behaviours: {
          [type]: { sources: [], replaceOn: [], fails: { how: "partial", message, needs: [grant] } },
          [grant]: { sources: [], replaceOn: [], lateSeconds: 1e6 },
        },
      },
      { seed: "0" },
    );
    await needy.provider.create(urn(grant), { name: "grant" });
    expect(needy.store.known.list(grant)).toEqual([]);
    await expect(needy.provider.create(urn(type), { name: "a" })).rejects.toThrow(message);
  });
});

test("a refresh copies what the provider does not read, and reads the rest", async () => {
  const { provider, store } = thing({ unread: ["code"] });
  const inputs = { name: "a", code: 1, size: 1 };
  await provider.create(urn(type), inputs);
  const resource = store.get(type, "a");
  if (resource === undefined) throw new Error("it was not stored");
  store.put({ ...resource, inputs: { ...resource.inputs, code: 2, size: 2 } });
  expect((await provider.read(urn(type), "a", inputs))?.inputs).toEqual({ name: "a", code: 1, size: 2 });
});

test("an update in steps serves the new configuration with the old code before it serves both", async () => {
  const { provider, store } = thing({ steps: [["code"]] }, { faults: [{ operation: "create", type: "another" }] });
  await provider.create(urn(type), { name: "a", code: 1, size: 1 });
  const served: unknown[] = [];
  const put = store.put.bind(store);
  store.put = (resource) => {
    served.push(resource.inputs);
    put(resource);
  };
  await provider.update(urn(type), "a", { name: "a", code: 1, size: 1 }, { name: "a", code: 2, size: 2 });
  expect(served).toEqual([
    { name: "a", code: 1, size: 2 },
    { name: "a", code: 2, size: 2 },
  ]);
});

test("a change that the cloud refuses fails an update in place", async () => {
  const { provider } = thing({ frozen: { inputs: ["role"], message: "UpdateNotPermitted" } });
  await provider.create(urn(type), { name: "a", role: "x" });
  await expect(provider.update(urn(type), "a", { name: "a", role: "x" }, { name: "a", role: "y" })).rejects.toThrow(
    "UpdateNotPermitted",
  );
});

test("a deleted workspace comes back with its log, and in another region it is refused", async () => {
  const { provider, store } = cloudOf(clouds.azure);
  const group = "azure-native:resources:ResourceGroup";
  const workspace = "azure-native:operationalinsights:Workspace";
  const up = async (location: string) => {
    await provider.create(urn(group), { resourceGroupName: "shop", location });
    return provider.create(urn(workspace), { resourceGroupName: "shop", workspaceName: "it", location });
  };
  const destroy = async () => {
    for (const type of [workspace, group]) {
      for (const { id } of store.list(type)) await provider.delete(urn(type), id);
    }
  };
  const first = await up("japaneast");
  await destroy();
  expect(store.list(workspace)).toEqual([]);
  expect(await up("japaneast")).toEqual(first);
  await destroy();
  await expect(up("westeurope")).rejects.toThrow("The workspace name 'it' is not unique");
  vi.useFakeTimers({ now: Date.now() + 15 * 86_400_000, toFake: ["Date"] });
  await destroy();
  expect((await up("westeurope")).properties.customerId).not.toBe(first.properties.customerId);
  vi.useRealTimers();
});
