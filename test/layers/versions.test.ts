import { describe, expect, it } from "vitest";

import { acceptsPython, normalisedVersion } from "../../layers/versions";

describe("a version", () => {
  // From the specification's list of normalisations.
  it.each([
    ["1.0", "1"],
    ["v1.0.0", "1"],
    ["1.1RC1", "1.1rc1"],
    ["1.1-preview_2", "1.1rc2"],
    ["1.1alpha", "1.1a0"],
    ["1.2-post", "1.2.post0"],
    ["1.0-1", "1.post1"],
    ["1.2.rev3", "1.2.post3"],
    ["1.2dev", "1.2.dev0"],
    ["1!2.0", "1!2"],
    ["1.0+Ubuntu-1", "1+ubuntu.1"],
    ["2024.01.02", "2024.1.2"],
    ["0", "0"],
    ["not a version", "not a version"],
  ])("%s is %s", (text, normalised) => {
    expect(normalisedVersion(text)).toBe(normalised);
    expect(normalisedVersion(normalised)).toBe(normalised);
  });
});

describe("Requires-Python", () => {
  it.each([
    [">=3.8", true],
    [">=3.12.4", true],
    ["<=3.12", true],
    [">=3.12.1,<3.12.9", true],
    [">3.12.3,<3.12.5", true],
    [">3.12.3,<3.12.4", false],
    ["~=3.8", true],
    ["==3.12.*", true],
    ["!=3.12.0,>=3", true],
    [">=2.7, !=3.0.*, !=3.1.*", true],
    ["<4.0,>=3.10", true],
    ["something new", true],
    ["<3.12", false],
    [">=3.13", false],
    ["==3.11.*", false],
    ["~=3.11.0", false],
    ["!=3.12.*", false],
    ["<3", false],
  ])("%s accepts 3.12: %s", (specifiers, accepted) => {
    expect(acceptsPython(specifiers, "3.12")).toBe(accepted);
  });
});
