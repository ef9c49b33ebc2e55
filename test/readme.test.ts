import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";
import { parse } from "yaml";

const read = (file: string) => readFileSync(path.join(__dirname, "..", file), "utf8");
const readme = read("README.md");

test("the README's table has every setting, with the type and the meaning that Pulumi.yaml gives it", () => {
  const { config } = parse(read("Pulumi.yaml")) as { config: Record<string, { type: string; description: string }> };
  const rows = [...readme.matchAll(/^\| `([\w.]+)` +\| (\w+) +\| .*? \| (.*?) *\|$/gm)].map((row) => row.slice(1));
  const documented = Object.fromEntries(rows.map(([setting = "", type, meaning]) => [setting, { type, meaning }]));
  expect(documented).toEqual(
    Object.fromEntries(
      Object.entries(config).map(([setting, { type, description }]) => [setting, { type, meaning: description }]),
    ),
  );
});

test("every npm script that the README names is there", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, script = ""]) => script);
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
});
