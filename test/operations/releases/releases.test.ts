import { describe, expect, test } from "vitest";

import { asReleases } from "../../../operations/releases/aws";
import type {
  EngineResource,
  KeptRelease,
  ReleasedFunction,
  ReleasePort,
  Told,
} from "../../../operations/releases/port";
import { rollBack } from "../../../operations/releases/releases";
import type { ReleasedStack } from "../../../operations/releases/stack";

const minutes = (count: number) => new Date(Date.UTC(2026, 0, 1, 0, count));
const release = (name: string, at: number, more: Partial<KeptRelease> = {}): KeptRelease => {
  return { name, release: `r${name}`, publishedAt: minutes(at), share: 0, verified: true, ...more };
};
const released = (name: string): ReleasedFunction => ({ name, functionName: `shop-${name}`, probes: [] });

/** A stack of functions on AWS, with these lists as engine and cloud. */
function shop(
  kept: Readonly<Record<string, KeptRelease[]>>,
  commits: readonly { began: number; commit: string }[] = [],
) {
  const told: string[] = [];
  let broken = "";
  const alias = (name: string): EngineResource => ({
    urn: `urn:${name}`,
    type: "aws:lambda/alias:Alias",
    inputs: {},
    outputs: { functionName: `shop-${name}`, name: "live" },
  });
  const stack = {
    name: "staging",
    clouds: () =>
      Promise.resolve([
        {
          ...{ cloud: "aws" as const, region: "eu-west-1", project: "", subscriptionId: "", resources: [] },
          functions: Object.keys(kept).map(released),
        },
      ]),
    updates: () =>
      Promise.resolve(
        (at: Date) => commits.flatMap(({ began, commit }) => (began === at.getTime() ? [{ began, commit }] : []))[0],
      ),
    tell: (of: (resource: EngineResource) => Told | undefined) => {
      const read = Object.keys(kept)
        .map(alias)
        .filter((resource) => of(resource) === "read");
      told.push(`state reads ${read.map(({ urn }) => urn).join(", ")}`);
      return Promise.resolve();
    },
  } satisfies Partial<ReleasedStack>;
  const port: ReleasePort = {
    releases: ({ name }) => Promise.resolve(kept[name] ?? []),
    serve({ name }, { name: version }) {
      if (name === broken) return Promise.reject(new Error("the cloud refuses"));
      told.push(`${name} serves ${version}`);
      return Promise.resolve();
    },
    means: "an alias is moved",
    told: ({ functionName }, _, { outputs }) => (outputs.functionName === functionName ? "read" : undefined),
    delete: () => Promise.reject(new Error("nothing is to be deleted")),
  };
  const back = async ({ breaks = "", ...options }: { to?: string; dryRun?: boolean; breaks?: string } = {}) => {
    broken = breaks;
    return rollBack({
      stack: stack as unknown as ReleasedStack,
      port: () => port,
      dryRun: false,
      check: ({ name }, { release: id }) => Promise.resolve(`${name} answers as ${id}`),
      progress: () => undefined,
      ...options,
    });
  };
  return { told, back };
}

describe("going back", () => {
  const kept = {
    api: [release("3", 30, { share: 1 }), release("2", 20, { verified: false }), release("1", 10)],
    cleanup: [release("8", 5, { share: 1 }), release("7", 0)],
  };

  test("selects the newest verified release of the functions that the last update changed", async () => {
    const { told, back } = shop(kept);
    const moves = await back();
    expect(moves.map(({ fn, from, to }) => [fn.name, from?.name, to.name])).toEqual([["api", "3", "1"]]);
    expect(told).toEqual(["api serves 1", "state reads urn:api"]);
  });

  test("selects the named release, unless it was never verified", async () => {
    const { told, back } = shop(kept);
    await back({ to: "7" });
    expect(told[0]).toBe("cleanup serves 7");
    await expect(back({ to: "2" })).rejects.toThrow("r2 of api on aws has never been verified");
  });

  test("records what was moved if another function failed, and names that one", async () => {
    const both = { api: kept.api, worker: [release("6", 29, { share: 1 }), release("5", 9)] };
    const { told, back } = shop(both);
    await expect(back({ breaks: "worker" })).rejects.toThrow(/^aws: worker was not moved: the cloud refuses$/);
    expect(told).toEqual(["api serves 1", "state reads urn:api"]);
  });

  test("also selects a release of a function without probes", async () => {
    const never = { verified: false, isAsked: false };
    const { told, back } = shop({ worker: [release("2", 20, { share: 1, ...never }), release("1", 10, never)] });
    await back();
    expect(told[0]).toBe("worker serves 1");
  });

  test("selects the release that a commit's update published", async () => {
    const { told, back } = shop(kept, [{ began: minutes(10).getTime(), commit: "0123456789ab" }]);
    await back({ to: "0123456789abcdef" });
    expect(told[0]).toBe("api serves 1");
    await expect(back({ to: "fedcba987654" })).rejects.toThrow(/no release fedcba987654; there are/);
  });

  test("changes nothing in a dry run", async () => {
    const { told, back } = shop(kept);
    expect(await back({ dryRun: true })).toHaveLength(1);
    expect(told).toEqual([]);
  });

  test("lists the releases if there is no previous one", async () => {
    const { back } = shop({ api: [release("1", 10, { share: 1 })] });
    await expect(back()).rejects.toThrow(/no verified release before the one that serves; there are r1 \(api on aws\)/);
    await expect(back({ to: "r9" })).rejects.toThrow(/no release r9; there are r1 \(api on aws\)/);
    await expect(back({ to: "1" })).rejects.toThrow(/release 1 serves already/);
  });
});

test("versions of a function are its releases, with the state from its aliases", () => {
  const versions = ["$LATEST", "1", "10", "9"].map((version) => {
    return { version, description: `r${version}`, publishedAt: minutes(0) };
  });
  const found = asReleases(versions, [
    { name: "live", version: "9", weights: { 10: 0.25 } },
    { name: "verified-9", version: "9", weights: {} },
  ]);
  expect(found.map(({ name, share, verified }) => [name, share, verified])).toEqual([
    ["10", 0.25, false],
    ["9", 0.75, true],
    ["1", 0, false],
  ]);
});
