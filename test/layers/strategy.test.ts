import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Lock, LockedPackage } from "../../layers/lock";
import { layersOf, planLayers } from "../../layers/strategy";

function locked(
  name: string,
  { required = false, neededBy = [], version = "1.0" }: Partial<LockedPackage> = {},
): LockedPackage {
  return { name, version, required, neededBy, hashes: new Set(), statement: `${name}==${version}` };
}

function lockOf(...packages: LockedPackage[]): Lock {
  return { target: "aws", pythonVersion: "3.12", sha256: "", packages };
}

const lock = lockOf(
  locked("fastapi", { required: true }),
  locked("pyjwt", { required: true, version: "2.15.1" }),
  locked("cryptography", { neededBy: ["pyjwt"] }),
  locked("starlette", { neededBy: ["fastapi"] }),
  locked("typing-extensions", { neededBy: ["starlette", "pyjwt"] }),
);

const split = (groups: Record<string, string[]>, of = lock) =>
  planLayers({ kind: "split", groups: new Map(Object.entries(groups)) }, of);

describe("strategy full", () => {
  it("puts everything into one layer", () => {
    expect(planLayers({ kind: "full" }, lock)).toEqual([
      { name: "dependencies", packages: ["cryptography", "fastapi", "pyjwt", "starlette", "typing-extensions"] },
    ]);
  });
});

describe("strategy hybrid", () => {
  const hybrid = (provided: Record<string, string>) =>
    planLayers({ kind: "hybrid", provided: new Map(Object.entries(provided)) }, lock);

  it("leaves out the packages of public layers", () => {
    expect(hybrid({ pyjwt: "2.15.1", cryptography: "1.0" })).toEqual([
      { name: "dependencies", packages: ["fastapi", "starlette", "typing-extensions"] },
    ]);
  });

  it("rejects a version that the lock does not accept, and an unknown package", () => {
    expect(() => hybrid({ pyjwt: "2.9.0", unknown: "1.0" })).toThrow(
      /pyjwt 2\.9\.0, the lock accepts 2\.15\.1\n.*unknown 1\.0, the lock accepts no such package\n.*layerStrategy full/s,
    );
  });
});

describe("strategy split", () => {
  it("puts shared dependencies into the first group", () => {
    expect(split({ web: ["FastAPI"], auth: ["pyjwt"] })).toEqual([
      { name: "web", packages: ["fastapi", "starlette", "typing-extensions"] },
      { name: "auth", packages: ["cryptography", "pyjwt"] },
    ]);
    expect(split({ auth: ["pyjwt"], web: ["fastapi"] })[0]?.packages).toEqual([
      "cryptography",
      "pyjwt",
      "typing-extensions",
    ]);
  });

  it("lets a group list packages that it would not get otherwise", () => {
    expect(split({ web: ["fastapi"], auth: ["pyjwt"], base: ["typing-extensions"] })[2]?.packages).toEqual([
      "typing-extensions",
    ]);
  });

  it.each([
    ["an unlisted requirement", { web: ["fastapi"] }, /pyjwt: in no group, accepted are web/],
    [
      "a package in two groups",
      { web: ["fastapi"], auth: ["pyjwt", "fastapi"] },
      /fastapi is in the groups web and auth/,
    ],
    ["a package in one group twice", { web: ["fastapi", "Fastapi", "pyjwt"] }, /fastapi is in the groups web and web/],
    [
      "a package that is not locked",
      { web: ["fastapi", "pyjwt", "flask"] },
      /web lists flask, which is not in the lock/,
    ],
    [
      "more layers than Lambda mounts",
      { a: ["fastapi"], b: ["pyjwt"], c: ["cryptography"], d: ["starlette"], e: ["typing-extensions"], f: ["extra"] },
      /6 groups .* more than the 5 layers/,
    ],
  ])("refuses %s", (_, groups: Record<string, string[]>, message) => {
    expect(() => split(groups, lockOf(...lock.packages, ...("f" in groups ? [locked("extra")] : [])))).toThrow(message);
  });

  it("rejects a lock without dependency edges", () => {
    expect(() => split({ web: ["fastapi"], auth: ["pyjwt"] }, lockOf(...lock.packages, locked("orphan")))).toThrow(
      /orphan: no group has what needs it.*list it in one of web, auth/,
    );
  });

  it("puts each package of any lock into exactly one layer, that of the first group that needs it", () => {
    const graph = fc
      .integer({ min: 1, max: 12 })
      .chain((count) =>
        fc.tuple(
          fc.array(fc.array(fc.nat(count - 1), { maxLength: 3 }), { minLength: count, maxLength: count }),
          fc.integer({ min: 1, max: 5 }),
        ),
      );
    fc.assert(
      fc.property(graph, ([needs, groupCount]) => {
        const packages = needs.map((by, index) => {
          // Only earlier ones need a package, so that there is no cycle without a requirement.
          const neededBy = by.filter((other) => other < index).map((other) => `p${other}`);
          return locked(`p${index}`, { required: neededBy.length === 0, neededBy });
        });
        const groups = new Map<string, string[]>();
        for (const [index, { name }] of packages.filter(({ required }) => required).entries()) {
          const group = `g${index % groupCount}`;
          groups.set(group, [...(groups.get(group) ?? []), name]);
        }
        const layers = planLayers({ kind: "split", groups }, lockOf(...packages));
        expect(layers.flatMap((layer) => layer.packages).sort()).toEqual(packages.map(({ name }) => name).sort());
        const layerOf = (name: string) => layers.findIndex((layer) => layer.packages.includes(name));
        for (const { name, neededBy } of packages) {
          if (neededBy.length > 0) expect(layerOf(name)).toBe(Math.min(...neededBy.map(layerOf)));
        }
      }),
    );
  });
});

it("without groups, split is refused", () => {
  expect(() => planLayers({ kind: "split", groups: new Map() }, lockOf(locked("p0")))).toThrow(
    /layers\.groups.*pyproject\.toml/,
  );
});

describe("strategy auto", () => {
  const wheels = [
    { name: "tiny", size: 10_000 },
    { name: "numpy", size: 18 * 1024 ** 2 },
    { name: "cryptography", size: 4 * 1024 ** 2 },
    { name: "pandas", size: 12 * 1024 ** 2 },
    { name: "flask", size: 100_000 },
  ];
  const auto = (sized: typeof wheels) =>
    planLayers({ kind: "auto" }, lockOf(...sized.map(({ name }) => locked(name))), sized);

  it("groups packages of similar size", () => {
    expect(auto(wheels)).toEqual([
      { name: "large-packages", packages: ["numpy", "pandas"] },
      { name: "medium-packages", packages: ["cryptography"] },
      { name: "small-packages", packages: ["flask", "tiny"] },
    ]);
  });

  it("moves no other package when one is added or removed, and has no empty layer", () => {
    const sized = fc.uniqueArray(fc.record({ name: fc.stringMatching(/^[a-z]{1,4}$/), size: fc.nat(20 * 1024 ** 2) }), {
      selector: ({ name }) => name,
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(sized, (all) => {
        const layerOf = (found: ReturnType<typeof auto>) =>
          new Map(found.flatMap(({ name, packages }) => packages.map((each) => [each, name])));
        const [before, after] = [layerOf(auto(all.slice(1))), layerOf(auto(all))];
        for (const { name } of all.slice(1)) expect(after.get(name)).toBe(before.get(name));
        expect([...after.keys()].sort()).toEqual(all.map(({ name }) => name).sort());
        expect(auto(all).every(({ packages }) => packages.length > 0)).toBe(true);
      }),
    );
  });
});

describe("strategy split with functions that use some groups", () => {
  const groups = new Map([
    ["web", ["fastapi"]],
    ["auth", ["pyjwt"]],
  ]);
  const strategy = { kind: "split", groups } as const;
  const consumers = [{ name: "api", layers: ["web"] }, { name: "worker", layers: ["auth"] }, { name: "both" }];

  it("puts packages that several groups need into a shared layer, which both functions have", () => {
    const plan = planLayers(strategy, lock, [], consumers);
    expect(plan).toEqual([
      { name: "web", packages: ["fastapi", "starlette"] },
      { name: "auth", packages: ["cryptography", "pyjwt"] },
      { name: "shared", packages: ["typing-extensions"] },
    ]);
    expect(consumers.map((fn) => layersOf(strategy, lock, plan, fn))).toEqual([
      ["web", "shared"],
      ["auth", "shared"],
      ["web", "auth", "shared"],
    ]);
  });

  it("plans the same layers if each function uses all groups", () => {
    const all = [{ name: "api" }, { name: "worker", layers: ["auth", "web"] }];
    expect(planLayers(strategy, lock, [], all)).toEqual(planLayers(strategy, lock));
  });

  it("gives a function the groups of its dependencies and its adapter too", () => {
    const listed = new Map([
      ["web", ["fastapi"]],
      ["auth", ["pyjwt"]],
      ["base", ["typing-extensions"]],
    ]);
    const split = { kind: "split", groups: listed } as const;
    const fn = { name: "worker", layers: ["auth"], packages: ["starlette"] };
    const plan = planLayers(split, lock, [], [fn]);
    expect(layersOf(split, lock, plan, fn)).toEqual(["web", "auth", "base"]);
  });

  it("rejects an unknown group, and more layers than Lambda mounts", () => {
    const unknown = [{ name: "api", layers: ["wbe"] }];
    expect(() => planLayers(strategy, lock, [], unknown)).toThrow(
      /functions\.api\.layers has wbe, accepted are web, auth.*did you mean web\?/,
    );
    const many = lockOf(...["a", "b", "c", "d", "e", "f"].map((name) => locked(name, { required: true })));
    const each = { kind: "split", groups: new Map(many.packages.map(({ name }) => [name, [name]])) } as const;
    expect(planLayers(each, many, [], [{ name: "api", layers: ["a", "f"] }]).length).toBe(6);
    expect(() => planLayers(each, many, [], [{ name: "api", layers: ["a"] }, { name: "all" }])).toThrow(
      /the function all would have 6 layers .*Lambda mounts 5 at most; have it take fewer in functions\.all\.layers/,
    );
  });
});
