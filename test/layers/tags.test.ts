import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { compareBuilds, specificity } from "../../layers/tags";

const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;
const fits = (tags: string, on: Parameters<typeof specificity>[1] = platform) =>
  specificity(`package-1.0-${tags}.whl`, on) > 0;

describe("a wheel's tags", () => {
  it.each([
    "py3-none-any",
    "py2.py3-none-any",
    "py312-none-any",
    "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp312-cp312-manylinux_2_34_x86_64",
    "cp312-cp312-manylinux1_x86_64",
    "cp311-abi3-manylinux_2_28_x86_64",
    "cp39-abi3-manylinux2010_x86_64",
    "py3-none-manylinux_2_17_x86_64",
    "cp312-cp312-linux_x86_64",
    "1-cp312-cp312-manylinux_2_17_x86_64",
  ])("%s fits", (tags) => {
    expect(fits(tags)).toBe(true);
  });

  it.each([
    "py2-none-any",
    "py313-none-any",
    "cp311-cp311-manylinux_2_17_x86_64",
    "cp313-cp313-manylinux_2_17_x86_64",
    "cp313-abi3-manylinux_2_17_x86_64",
    "cp312-cp312t-manylinux_2_17_x86_64",
    "cp312-cp312-manylinux_2_35_x86_64",
    "cp312-cp312-manylinux_2_17_aarch64",
    "cp312-cp312-musllinux_1_2_x86_64",
    "cp312-cp312-linux_aarch64",
    "cp312-cp312-win_amd64",
    "cp312-cp312-macosx_11_0_arm64",
    "pp310-pypy310_pp73-manylinux_2_17_x86_64",
  ])("%s does not fit", (tags) => {
    expect(fits(tags)).toBe(false);
  });

  it("fit up to the runtime's glibc, and never above", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 60 }), fc.constantFrom("x86_64", "aarch64"), (minor, machine) => {
        const here = machine === "x86_64";
        expect(fits(`cp312-cp312-manylinux_2_${minor}_${machine}`)).toBe(minor <= 34 && here);
        // Lambda's runtime of Python 3.11 has an older one.
        const older = fits(`cp311-cp311-manylinux_2_${minor}_${machine}`, { ...platform, pythonVersion: "3.11" });
        expect(older).toBe(minor <= 26 && here);
      }),
    );
  });

  it("prefer native to pure, this Python to the stable ABI, and the newest glibc", () => {
    const ascending = [
      "py3-none-any",
      "py3-none-manylinux_2_17_x86_64",
      "cp38-abi3-manylinux_2_17_x86_64",
      "cp311-abi3-manylinux_2_17_x86_64",
      "cp312-cp312-manylinux_2_5_x86_64.manylinux1_x86_64",
      "cp312-cp312-manylinux_2_17_x86_64",
      "cp312-cp312-manylinux_2_17_x86_64.manylinux_2_28_x86_64",
    ];
    const scores = ascending.map((tags) => specificity(`package-1.0-${tags}.whl`, platform));
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    expect(new Set(scores).size).toBe(scores.length);
  });

  it("prefer the highest build among those of one release", () => {
    const ascending = ["", "-1", "-2", "-2a", "-10"].map((build) => `package-1.0${build}-py3-none-any.whl`);
    expect([...ascending].reverse().sort(compareBuilds)).toEqual(ascending);
  });

  it("of an invalid wheel name fit nothing", () => {
    expect(specificity("package-1.0.tar.gz", platform)).toBe(0);
  });
});
