import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import type { PythonFunction } from "../../contract/application";
import { describeFaults } from "../../layers/import-faults";
import type { ImportFault } from "../../layers/import-proof";
import type { Lock } from "../../layers/lock";
import { temporaryDirectory } from "../local/resources";

const folder = path.join(temporaryDirectory(), "shop");
mkdirSync(folder);
writeFileSync(path.join(folder, "pyproject.toml"), "[tool.multicloud.functions.api]\n");

const api: PythonFunction = {
  kind: "http",
  name: "api",
  entryPoints: { aws: { protocol: "handler", module: "shop.mian", attribute: "app" } },
  requirements: { aws: path.join(folder, "requirements.in") },
  environment: {},
  secrets: [],
  tables: [],
  routes: ["/*"],
  probes: [],
};

const missing: ImportFault = {
  kind: "missing module",
  file: "multicloud_api.py",
  line: 8,
  module: "shop.mian",
  via: [],
};

const lockOf = (target: Lock["target"], ...names: string[]): Lock => ({
  ...{ target, sha256: "", pythonVersion: "3.12" },
  packages: names.map((name) => ({
    ...{ name, version: "1.0", required: true, neededBy: [], hashes: new Set<string>(), statement: `${name}==1.0` },
  })),
});

async function told(fault: ImportFault, fn = api): Promise<string> {
  const { errors } = await describeFaults(
    { errors: [fault], warnings: [] },
    {
      target: "aws",
      platform: { pythonVersion: "3.12", architecture: "x86_64" },
      entryPoints: [],
      application: ["shop/__init__.py", "shop/main.py"].map((name) => ({ name, content: Buffer.from("") })),
      lock: lockOf("aws", "fastapi"),
    },
    {
      functions: [fn],
      others: () => Promise.resolve([lockOf("gcp", "flask")]),
      files: [
        "shop/main.py",
        "fastapi/__init__.py",
        "fastapi/responses.py",
        "orjson/orjson.cpython-312-x86_64-linux-gnu.so",
      ],
    },
  );
  return errors.join("\n");
}

test("an entry point that is not in the application is named by its key, with a suggestion", async () => {
  expect(await told(missing)).toBe(
    `${folder}/pyproject.toml: tool.multicloud.functions.api.handler is "shop.mian:app", which imports shop.mian, which the ` +
      "application does not have; did you mean shop.main? Correct the import, or add the file",
  );
});

test("an import of the application's own is named by its file and line", async () => {
  expect(await told({ ...missing, file: "shop/main.py", line: 3 })).toMatch(/^shop\/main\.py:3 imports shop\.mian,/);
});

test.each([
  [
    "a module of a package by a wrong name",
    "fastapi.respnses",
    "which fastapi 1.0 does not have; did you mean fastapi.responses?",
  ],
  [
    "a package by a wrong name",
    "fastapy",
    "which no deployed package has; did you mean fastapi? Correct the import; or, where",
  ],
  [
    "a package of another cloud's lock by a wrong name",
    "flaks",
    "which no deployed package has; did you mean flask? Correct",
  ],
])("%s is told with the right one", async (_, module, message) => {
  expect(await told({ ...missing, file: "shop/main.py", line: 1, module })).toContain(message);
});

test("a package that the function does not require is named with the file of requirements and the command for the application", async () => {
  expect(await told({ ...missing, file: "shop/main.py", line: 1, module: "flask" })).toBe(
    "shop/main.py:1 imports flask, which no deployed package has; flask brings it: add flask to " +
      `${folder}/requirements.in, then run: npm run layer -- lock --application ${folder} --target aws`,
  );
});

test.each([
  [
    "imp",
    "which left the standard library after Python 3.11; import something else, or deploy with pythonVersion 3.11",
  ],
  ["annotationlib", "which the standard library has from Python 3.14 on; deploy with pythonVersion 3.14, or"],
])("of %s, which another Python has, the message names that version", async (module, message) => {
  expect(await told({ ...missing, file: "shop/main.py", line: 1, module })).toContain(message);
});

test("a package that a project of another tool does not require is named with that tool's file and command", async () => {
  const project = path.join(folder, "service");
  mkdirSync(project);
  for (const name of ["pyproject.toml", "uv.lock"]) writeFileSync(path.join(project, name), "");
  const fn = { ...api, requirements: { aws: path.join(project, "uv.lock") } };
  const fault = { ...missing, file: "shop/main.py", line: 1, module: "flask" };
  expect(await told(fault, fn)).toContain(`add flask to ${project}/pyproject.toml, then run: uv lock (in ${project})`);
});
