import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, test } from "vitest";

const read = (file: string) => readFileSync(path.join(__dirname, "..", file), "utf8");
const readme = read("README.md");

test("the code on the page about components is that of the example that the tests deploy", () => {
  const withoutSpace = (text: string) => text.replace(/\s+/g, "");
  const example = withoutSpace(read("examples/orders/index.ts"));
  const blocks = [...read("docs/components.md").matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
  expect(blocks.length).toBeGreaterThan(2);
  // Prettier breaks lines depending on indentation, and adds a comma at the end of a list.
  const bare = (text: string) => withoutSpace(text).replace(/,(?=[)\]}])/g, "");
  for (const code of blocks) expect(bare(example)).toContain(bare(code));
});

test("every npm script in the README exists", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, script = ""]) => script);
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
});

describe("README.ja.md keeps step with README.md:", () => {
  const japanese = read("README.ja.md");
  const headings = (text: string) => [...text.matchAll(/^(#+) /gm)].map(([, level]) => level);
  const blocks = (text: string) => [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands);
  const inTables = (text: string) =>
    [...text.matchAll(/^\|.*\|$/gm)].flatMap(([row]) =>
      [...row.matchAll(/`((?:npm|pulumi) [^`]+)`/g)].map(([, name]) => name),
    );

  test.each([
    ["headings", headings],
    ["commands", blocks],
    ["commands in tables", inTables],
  ])("%s", (_, of) => {
    expect(of(readme)).not.toEqual([]);
    expect(of(japanese)).toEqual(of(readme));
  });

  test.each(["README.md", "README.ja.md"])("the links of %s within this repository exist", (file) => {
    const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = ""]) => target);
    expect(links.filter((target) => !existsSync(path.join(__dirname, "..", target)))).toEqual([]);
  });
});

test("the README is one page", () => {
  expect(readme.split("\n").length).toBeLessThanOrEqual(120);
});
