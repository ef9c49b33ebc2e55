import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

const read = (file: string) => readFileSync(path.join(__dirname, "..", file), "utf8");
const readme = read("README.md");

test("every npm script that the README names is there", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, script = ""]) => script);
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
});
