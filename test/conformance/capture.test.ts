import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, inject, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

import { combinations } from "./combinations";

const captured = inject("captured");

test("every combination has resources, each with an id and resolved inputs", () => {
  expect(Object.keys(captured)).toEqual(combinations.map(({ name }) => name));
  for (const [name, resources] of Object.entries(captured)) {
    for (const cloud of ["aws:", "azure-native:", "gcp:"]) {
      expect(resources.filter(({ type }) => type.startsWith(cloud)).length, `${name} ${cloud}`).toBeGreaterThan(10);
    }
    for (const { id, urn } of resources) expect(id, urn).not.toBe("");
    // The engine's markers of secrets and unknown values.
    expect(JSON.stringify(resources)).not.toMatch(
      /1b47061264138c4ac30d75fd1eb44270|04da6b54-80e4-46f7-96ec-b56ff0331ba9/,
    );
  }
});

test("every setting differs from its default in some combination", () => {
  const project = parse(readFileSync(path.join(__dirname, "..", "..", "Pulumi.yaml"), "utf8")) as unknown;
  const { config } = z.object({ config: z.record(z.string(), z.object({ default: z.unknown() })) }).parse(project);
  const varied = (path: readonly string[], unset: unknown) =>
    combinations.some(({ settings }) => {
      const value = path.reduce<unknown>(
        (at, key) => z.record(z.string(), z.unknown()).safeParse(at).data?.[key],
        settings,
      );
      return value !== undefined && value !== unset;
    });
  const same = Object.entries(config).filter(([key, { default: unset }]) => !varied(key.split("."), unset));
  // A disabled cloud registers nothing, and without deployed resources no smoke check can run.
  expect(same.map(([key]) => key)).toEqual(["clouds", "smokeCheck"]);
});
