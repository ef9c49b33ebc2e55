import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { readApplication } from "../../contract/application";
import { applicationFiles } from "../../layers/application-files";

let root: string;

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), "application-files-"));
  const files = {
    "pyproject.toml": `
[project]
name = "shop"
version = "1.0.0"
[tool.multicloud]
site = "web"
exclude = { aws = ["notes/**"], gcp = ["**/*.sql"] }
[tool.multicloud.functions.api]
wsgi = "shop.main:app"
requirements = "requirements.in"
`,
    "requirements.in": "",
    "requirements.lock": "",
    "shop/main.py": "app = None",
    "shop/templates/page.html": "<p>",
    "shop/schema.sql": "",
    "shop/data/prices.csv": "1",
    "shop/__pycache__/main.cpython-312.pyc": "",
    "notes/todo.md": "",
    ".env": "KEY=secret",
    ".venv/lib/site.py": "",
    "web/index.html": "",
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), content);
  }
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

it("packs every file of the source except hidden ones, the frontend, the description and excluded ones", async () => {
  const application = readApplication(root, ".");
  const names = async (cloud: "aws" | "azure" | "gcp") =>
    (await applicationFiles(application, cloud)).map(({ name }) => name);
  const code = ["shop/data/prices.csv", "shop/main.py", "shop/schema.sql", "shop/templates/page.html"];
  expect(await names("azure")).toEqual(["notes/todo.md", ...code]);
  expect(await names("aws")).toEqual(code);
  expect(await names("gcp")).toEqual(["notes/todo.md", ...code.filter((name) => !name.endsWith(".sql"))]);
});
