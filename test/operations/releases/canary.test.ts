import { describe, expect, test } from "vitest";

import {
  type Answers,
  type Canary,
  type CanaryPort,
  canaryTold,
  holdTraffic,
  watchCanary,
} from "../../../operations/releases/canary";
import type { KeptRelease, ReleasedFunction } from "../../../operations/releases/port";

const fn: ReleasedFunction = { name: "api", functionName: "shop-api", probes: [] };
const release = (name: string, share: number, more: Partial<KeptRelease> = {}): KeptRelease => {
  return { name, release: `r${name}`, publishedAt: new Date(Number(name)), share, verified: true, ...more };
};

interface Cloud {
  readonly kept?: readonly KeptRelease[];
  /** Results of the new release, one for each check; the last one repeats. */
  readonly answers?: readonly (Answers | Error)[];
  readonly firing?: readonly (readonly string[])[];
  readonly signal?: AbortSignal;
  /** Whether promoting a release always fails. */
  readonly stuck?: boolean;
}

/** A cloud with these releases, and a record of its calls. */
async function watched({ kept = [release("2", 0), release("1", 1)], ...cloud }: Cloud) {
  const told: string[] = [];
  const answers = [...(cloud.answers ?? [{ asked: 10, failed: 0 }])];
  const firing = [...(cloud.firing ?? [[]])];
  const next = <Item>(items: Item[]): Item => {
    const [first] = items.length > 1 ? items.splice(0, 1) : items;
    if (first === undefined) throw new Error("nothing is left to tell");
    return first;
  };
  const port: CanaryPort = {
    releases: () => Promise.resolve([...kept]),
    serve: (_, { name }) =>
      cloud.stuck === true ? Promise.reject(new Error("denied")) : Promise.resolve(void told.push(`${name} has all`)),
    split: (_, serving, { name }, share) => Promise.resolve(void told.push(`${name} has ${share} of ${serving.name}`)),
    answers() {
      const found = next(answers);
      return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
    },
    firing: () => Promise.resolve(next(firing)),
    noteRefused: (_, { name }, isRefused) => Promise.resolve(void told.push(`${name} refused: ${isRefused}`)),
  };
  const canary: Canary = {
    ...{ port, fn, percentage: 10, seconds: 0.02, errors: 2, alarms: ["slow"], signal: cloud.signal },
    isNew: ({ name }) => name === "2",
    pace: { known: 0.01, between: 0.005 },
    countedFrom: (now) => now,
    progress: () => undefined,
  };
  const said = await watchCanary(canary).catch((error: unknown) => error);
  return { told, said: said instanceof Error ? said.message : said, failed: said instanceof Error };
}

describe("a new release with a share of the requests", () => {
  test("gets all of them afterwards, if it fails less often than allowed", async () => {
    expect(await watched({ answers: [{ asked: 40, failed: 1 }] })).toEqual({
      told: ["2 has 0.1 of 1", "2 refused: false", "2 has all"],
      said: "api: release r2 (2) had 10 % of the requests: 40 requests, 1 of them failed; it has all of them now",
      failed: false,
    });
  });

  test("is rolled back as soon as it fails more often", async () => {
    const { told, said, failed } = await watched({
      answers: [
        { asked: 5, failed: 0 },
        { asked: 9, failed: 2 },
      ],
    });
    expect(told).toEqual(["2 has 0.1 of 1", "1 has all", "2 refused: true"]);
    expect(said).toBe(
      "api: release r2 (2) failed at 2 of 9 requests while it had 10 % of the requests.\n" +
        "Release r1 (1) has all requests again.",
    );
    expect(failed).toBe(true);
  });

  test("is rolled back when an alarm fires, except for one that fired before", async () => {
    expect((await watched({ firing: [[], ["slow"]] })).said).toMatch(/was rejected by the alarm slow/);
    expect((await watched({ firing: [["slow"]] })).failed).toBe(false);
    expect((await watched({ firing: [["slow"], [], ["slow"]] })).said).toMatch(/was rejected by the alarm slow/);
  });

  test("is rolled back if it cannot be watched, or the watch is interrupted", async () => {
    const blind = await watched({ answers: [new Error("AccessDenied: cloudwatch:GetMetricData")] });
    expect(blind.told).toEqual(["2 has 0.1 of 1", "1 has all"]);
    expect(blind.said).toMatch(/AccessDenied.*\nRelease r1 \(1\) has all requests again/);
    const ended = await watched({ signal: AbortSignal.abort() });
    expect(ended.told).toEqual(["2 has 0.1 of 1", "1 has all"]);
    expect(ended.said).toMatch(/interrupted; the next update repeats it/);
  });

  test("reports if it cannot be rolled back", async () => {
    expect((await watched({ answers: [{ asked: 9, failed: 2 }], stuck: true })).said).toMatch(
      /failed at 2 of 9 .*\nRelease r1 \(1\) could not be given all requests again: denied\n.*npm run rollback/,
    );
  });

  test("starts again if a killed update left a share", async () => {
    const { told } = await watched({ kept: [release("3", 0), release("2", 0.1), release("1", 0.9)] });
    expect(told[0]).toBe("2 has 0.1 of 1");
  });

  test("gets all of them at once if it serves already, or nothing serves yet", async () => {
    for (const kept of [[release("2", 1), release("1", 0)], [release("2", 0)]]) {
      const { told, failed } = await watched({ kept });
      expect([told, failed]).toEqual([[], false]);
    }
  });

  test("does not serve after a rollback if it got no requests since", async () => {
    const kept = [release("2", 0, { refused: true }), release("1", 1)];
    expect((await watched({ kept, answers: [{ asked: 0, failed: 0 }] })).said).toMatch(
      /no request has reached it since/,
    );
    expect((await watched({ kept })).failed).toBe(false);
    expect((await watched({ answers: [{ asked: 0, failed: 0 }] })).said).toMatch(/no request reached it; it has all/);
  });

  test("is named if it does not exist", async () => {
    expect((await watched({ kept: [release("1", 1)] })).said).toMatch(/is not there; there are r1 \(1\)/);
  });
});

test("the serving release keeps all requests while another one is deployed", async () => {
  const told: string[] = [];
  const port = (kept: readonly KeptRelease[]) => ({
    releases: () => Promise.resolve([...kept]),
    serve: (_: unknown, { name }: KeptRelease) => Promise.resolve(void told.push(name)),
  });
  await holdTraffic(port([release("2", 0.1), release("1", 0.9)]), fn);
  expect(await holdTraffic(port([]), fn)).toMatch(/nothing serves yet/);
  expect(told).toEqual(["1"]);
});

test("after a rollback the engine's state has the previous release as passed, so that the next one gets a share again", () => {
  const resource = (environment: object) => ({
    ...{ urn: "urn:canary", type: "command:local:Command", outputs: { stdout: "", environment } },
    inputs: { create: "node", environment },
  });
  const environment = { FUNCTION: "shop-api", PERCENTAGE: "10", VERSION: "2" };
  expect(canaryTold(fn, { VERSION: "1" }, resource(environment))).toEqual({
    inputs: { create: "node", environment: { ...environment, VERSION: "1" } },
    outputs: { stdout: "", environment: { ...environment, VERSION: "1" } },
  });
  for (const other of [
    { ...environment, FUNCTION: "shop-worker" },
    { FUNCTION: "shop-api", VERSION: "2" },
  ]) {
    expect(canaryTold(fn, { VERSION: "1" }, resource(other))).toBeUndefined();
  }
});
