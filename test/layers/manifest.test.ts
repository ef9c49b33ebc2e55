import { readFile, rm, writeFile } from "node:fs/promises";

import path from "node:path";

import { describe, expect, it } from "vitest";

import { compare } from "../../layers/compare";
import { manifestFile, readManifest, sbomFile } from "../../layers/manifest";
import { resolve } from "../../layers/relock";
import { comparisonForms, lockSummary, manifestTable, outdatedTable } from "../../layers/report";
import { readLock } from "../../layers/lock-forms";
import type { Strategy } from "../../layers/strategy";
import { useWorkspace } from "./workspace";

const workspace = useWorkspace();

async function builtLayer(requirements: readonly string[]): Promise<string> {
  await workspace.require(requirements);
  const [layer] = await workspace.build();
  return layer?.path ?? "";
}

describe("the manifest of a bundle", () => {
  it("has the name, version and origin of each package", async () => {
    const [left, right] = workspace.index.publish(
      { name: "left", version: "1.5", requires: ["right"], metadata: ["License-Expression: MIT"] },
      { name: "right", metadata: ["License: homemade"] },
    );
    const zip = await builtLayer(["left"]);
    const manifest = await readManifest(zip);
    const lock = await readLock("aws", path.join(workspace.folder, "aws.in"));
    expect(manifest).toMatchObject({
      target: "aws",
      kind: "layer",
      name: "dependencies",
      pythonVersion: "3.12",
      architecture: "x86_64",
      lockSha256: lock.sha256,
      builder: expect.stringMatching(/^\d+\.\d+\.\d+\+[0-9a-f]{12}$/) as string,
      size: (await readFile(zip)).length,
      packages: [
        {
          name: "left",
          version: "1.5",
          licence: "MIT",
          wheel: left?.filename,
          sha256: left?.sha256,
          requires: ["right"],
        },
        { name: "right", version: "1.0", licence: "homemade", sha256: right?.sha256, requires: [] },
      ],
    });
    expect(manifest.packages.reduce((total, { unpackedSize }) => total + unpackedSize, 0)).toBe(manifest.unpackedSize);
    expect(await readManifest(manifestFile(zip))).toEqual(manifest);
    expect(await manifestTable(manifest)).toMatch(/left +│ 1\.5 +│ MIT /);
  });

  it("is that of the last build, if other inputs give the same zip", async () => {
    workspace.index.publish({ name: "pure" });
    const zip = await builtLayer(["pure"]);
    const built = async (pythonVersion: string) => {
      const [layer] = await workspace.build({ pythonVersion });
      expect(layer?.path).toBe(zip);
      return (await readManifest(zip)).pythonVersion;
    };
    expect([await built("3.13"), await built("3.12"), await built("3.13")]).toEqual(["3.13", "3.12", "3.13"]);
  });

  it("is that of the last build, if another strategy gives the same zip under another name", async () => {
    workspace.index.publish({ name: "pure" });
    const zip = await builtLayer(["pure"]);
    const strategies: readonly Strategy[] = [
      { kind: "split", groups: new Map([["web", ["pure"]]]) },
      { kind: "full" },
      { kind: "split", groups: new Map([["web", ["pure"]]]) },
    ];
    const found: string[] = [];
    for (const strategy of strategies) {
      await workspace.build({ strategy });
      found.push((await readManifest(zip)).name);
    }
    expect(found).toEqual(["web", "dependencies", "web"]);
  });

  it.each([
    ["manifest", manifestFile],
    ["SBOM", sbomFile],
  ])("is written again with a damaged %s", async (_, beside) => {
    workspace.index.publish({ name: "pure" });
    const file = beside(await builtLayer(["pure"]));
    const intact = await readFile(file, "utf8");
    await writeFile(file, intact.replace('"pure"', '"poor"'));
    await workspace.build();
    expect(await readFile(file, "utf8")).toBe(intact);
  });

  it("has a CycloneDX SBOM beside it, with the same bytes in each build", async () => {
    workspace.index.publish(
      { name: "billed", requires: ["material"], metadata: ["License-Expression: MIT OR Apache-2.0"] },
      { name: "material", metadata: ["License: BSD-3-Clause"] },
    );
    const zip = await builtLayer(["billed"]);
    const text = await readFile(sbomFile(zip), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      metadata: { component: { name: "dependencies", hashes: [{ alg: "SHA-256" }] } },
      components: [
        { name: "billed", purl: "pkg:pypi/billed@1.0", licenses: [{ expression: "MIT OR Apache-2.0" }] },
        { name: "material", licenses: [{ license: { id: "BSD-3-Clause" } }] },
      ],
      dependencies: expect.arrayContaining([
        { ref: "pkg:pypi/billed@1.0", dependsOn: ["pkg:pypi/material@1.0"] },
      ]) as unknown,
    });
    await rm(sbomFile(zip));
    await workspace.build();
    expect(await readFile(sbomFile(zip), "utf8")).toBe(text);
  });

  it("is reported if missing, with the next step", async () => {
    await expect(readManifest("/nowhere/a.zip")).rejects.toThrow(
      /a\.zip has no readable manifest.*layer build has printed/s,
    );
  });
});

describe("two bundles", () => {
  it("differ in terms of packages", async () => {
    workspace.index.publish(
      { name: "grows", version: "1.0" },
      { name: "grows", version: "2.0", files: { "grows/more.bin": Buffer.alloc(3000, "0123456789abcdef") } },
      { name: "goes", version: "1.0" },
      { name: "comes", version: "1.0" },
      { name: "stays", version: "1.0" },
    );
    const before = await readManifest(await builtLayer(["grows==1.0", "goes", "stays"]));
    const after = await readManifest(await builtLayer(["grows==2.0", "comes", "stays"]));
    const comparison = compare(before, after);
    expect(comparison.packages).toMatchObject([
      { name: "comes", before: undefined, after: "1.0" },
      { name: "goes", before: "1.0", after: undefined },
      { name: "grows", before: "1.0", after: "2.0" },
    ]);
    expect(comparison.unpackedGrowth).toBe(after.unpackedSize - before.unpackedSize);
    expect(comparisonForms.text(comparison)).toMatch(
      /^comes 1\.0 added, \+0\.\d kB\ngoes 1\.0 removed, -0\.\d kB\ngrows 1\.0 -> 2\.0, \+0\.\d kB\nzip [+-]/,
    );
    expect(comparisonForms.markdown(comparison)).toContain("| grows | 1.0 | 2.0 | +0.");
    expect(JSON.parse(comparisonForms.json(comparison))).toMatchObject({ growth: comparison.growth });
    expect(compare(after, after)).toEqual({ packages: [], growth: 0, unpackedGrowth: 0 });
  });
});

describe("a lock", () => {
  it("is compared with the newest versions that its requirements accept, and not changed", async () => {
    workspace.index.publish({ name: "ages", version: "1.0" });
    await workspace.require(["ages<3"]);
    workspace.index.publish({ name: "ages", version: "2.0" }, { name: "ages", version: "3.0" });
    const { before, after } = await resolve(path.join(workspace.folder, "aws.in"), { upgrade: "all" });
    expect(lockSummary(before, after)).toBe("ages 1.0 -> 2.0");
    expect(await outdatedTable(before, after)).toMatch(/ages +│ 1\.0 +│ 2\.0 /);
    expect((await readLock("aws", path.join(workspace.folder, "aws.in"))).packages).toMatchObject([{ version: "1.0" }]);
  });
});
