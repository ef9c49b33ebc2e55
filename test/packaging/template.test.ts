import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";
import { z } from "zod";

import { packages } from "../../packaging/packages";

const versions = z.record(z.string(), z.string());
const manifestSchema = z.object({ version: z.string().optional(), dependencies: versions, devDependencies: versions });

const read = (...file: string[]) =>
  manifestSchema.parse(JSON.parse(readFileSync(path.join(__dirname, "..", "..", ...file), "utf8")));

test("the template requires the packages and SDKs with which this repository is tested", () => {
  const { version, dependencies } = read("package.json");
  const template = read("template", "package.json");
  const own = packages.map(({ name }) => [name, version]);
  const tested = Object.fromEntries([...Object.entries(dependencies), ...own]) as Record<string, string>;
  const asked = Object.entries({ ...template.dependencies, ...template.devDependencies }).filter(
    ([name]) => !["@types/node", "typescript"].includes(name),
  );
  expect(asked.length).toBeGreaterThan(5);
  expect(Object.fromEntries(asked)).toEqual(
    Object.fromEntries(asked.map(([name]) => [name, `^${tested[name] ?? ""}`])),
  );
});
