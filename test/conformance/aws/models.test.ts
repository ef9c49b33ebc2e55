import { describe, expect, inject, test } from "vitest";

import { combinations } from "../combinations";
import { judge } from "./judge";
import { models } from "./models";
import { templateOf, translate } from "./translation";

const captured = Object.entries(inject("captured")).map(([name, resources]) => {
  return { name, resources: resources.filter(({ type }) => type.startsWith("aws:")) };
});

/** A combination's region decides which types and values there are. */
function regionOf(name: string): string {
  const aws = combinations.find((combination) => combination.name === name)?.settings.aws as
    { region?: string } | undefined;
  return aws?.region ?? "ap-northeast-1";
}

describe("AWS's own models", () => {
  const templates = captured.map(({ name, resources }) => ({
    region: regionOf(name),
    resources: templateOf(resources),
  }));
  const calls = captured.flatMap(({ resources }) => resources.flatMap((resource) => translate(resource).call ?? []));

  test("accept everything that the program registers", async () => {
    const judged = await judge({ templates, calls });
    expect(judged.templates.flat()).toEqual([]);
    expect(judged.calls.flat()).toEqual([]);
  });

  test("are named for each type that the program uses, and for no other", () => {
    const used = new Set(captured.flatMap(({ resources }) => resources.map(({ type }) => type)));
    expect(Object.keys(models).sort()).toEqual([...used].sort());
  });
});
