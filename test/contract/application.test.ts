import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ApplicationError, readApplication } from "../../contract/application";

let root: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "application-"));
  mkdirSync(path.join(root, "shop", "web"), { recursive: true });
  writeFileSync(path.join(root, "shop", "requirements.in"), "");
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const project = '[project]\nname = "shop"\nversion = "1.4.0"\n';
const api = '[tool.multicloud.functions.api]\nwsgi = "shop.main:app"\nrequirements = "requirements.in"\n';

function described(toml: string) {
  writeFileSync(path.join(root, "shop", "pyproject.toml"), toml);
  return readApplication(root, "shop");
}

function problemOf(toml: string): string {
  try {
    described(toml);
  } catch (error) {
    if (error instanceof ApplicationError) return error.message;
    throw error;
  }
  throw new Error("the description was accepted");
}

describe("the description of an application", () => {
  it("needs a name, a version and one function with an entry point", () => {
    const { name, version, source, site, functions, tables } = described(project + api);
    const entryPoint = { protocol: "wsgi", module: "shop.main", attribute: "app" };
    const requirements = path.join(root, "shop", "requirements.in");
    expect({ name, version, source, site, tables }).toEqual({
      name: "shop",
      version: "1.4.0",
      source: path.join(root, "shop"),
      site: undefined,
      tables: [],
    });
    expect(functions).toEqual([
      {
        kind: "http",
        name: "api",
        entryPoints: { aws: entryPoint, azure: entryPoint, gcp: entryPoint },
        requirements: { aws: requirements, azure: requirements, gcp: requirements },
        memory: undefined,
        timeout: undefined,
        environment: {},
        secrets: [],
        tables: [],
        routes: ["/*"],
        probes: [{ path: "/", status: 200 }],
      },
    ]);
  });

  it("has scheduled functions, tables, secrets and overrides for one cloud", () => {
    const { functions, tables, exclude } = described(`${project}
[tool.multicloud]
requirements = "requirements.in"
exclude = ["tests/**"]
[tool.multicloud.functions.api]
handler = { aws = "shop.fn:handler" }
secrets = ["PAYMENT_KEY"]
tables = ["items"]
health = "/api/health"
[tool.multicloud.functions.nightly]
handler = "shop.jobs:nightly"
schedule = "rate(1 hour)"
memory = 1024
tables = { items = ["get", "put"] }
[tool.multicloud.tables.items]
partition-key = "id"
`);
    expect(functions).toMatchObject([
      { kind: "http", secrets: ["PAYMENT_KEY"], tables: ["items"], probes: [{ path: "/api/health", status: 200 }] },
      {
        kind: "schedule",
        schedule: { kind: "rate", minutes: 60 },
        memory: 1024,
        tables: ["items"],
        operations: { items: ["get", "put"] },
      },
    ]);
    expect(Object.keys(functions[0]?.entryPoints ?? {})).toEqual(["aws"]);
    expect(tables).toEqual([{ name: "items", partitionKey: "id", sortKey: undefined }]);
    expect(exclude).toEqual({ aws: ["tests/**"], azure: ["tests/**"], gcp: ["tests/**"] });
  });

  it.each([
    [
      "an unknown key",
      `${project}${api}memmory = 512\n`,
      /functions\.api\.memmory is not a key; did you mean memory\? Accepted are asgi/,
    ],
    ["no function", `${project}[tool.multicloud]\n`, /tool\.multicloud\.functions is missing/],
    [
      "no description",
      project,
      /tool is missing; expected the application's description, e\.g\. \[tool\.multicloud\.functions/,
    ],
    [
      "no version",
      `[project]\nname = "shop"\n${api}`,
      /project\.version is missing; expected the application's version/,
    ],
    [
      "a value of another type",
      `${project}${api}memory = "big"\nroutes = "/api"\n`,
      /routes is "\/api"; expected a list\n.*memory is "big"; expected a whole number from 128 to 10240/,
    ],
    ["no TOML", "[project", /shop\/pyproject\.toml is no TOML/],
    ["two entry points", `${project}${api}asgi = "shop.main:app"\n`, /has asgi and wsgi; expected one of/],
    [
      "no entry point",
      `${project}[tool.multicloud.functions.api]\nrequirements = "requirements.in"\n`,
      /has no entry point/,
    ],
    [
      "an entry point that names no attribute",
      `${project}${api.replace(":app", "")}`,
      /expected "<module>:<attribute>"/,
    ],
    [
      "an entry point that calls a factory",
      `${project}${api.replace(":app", ":create_app()")}`,
      /expected "<module>:<attribute>".*; call the factory in a module, e\.g\. app = create_app\(\)/,
    ],
    [
      "no requirements",
      `${project}[tool.multicloud.functions.api]\nwsgi = "shop.main:app"\n`,
      /requirements is missing; expected a file, which may be empty: .*\.in.*\.txt.*pylock\.toml.*uv\.lock.*pyproject\.toml.*; requirements\.in is there: write requirements = "requirements\.in"/,
    ],
    [
      "requirements that are not there",
      `${project}${api.replace(".in", ".txt")}`,
      /"requirements.txt", but there is no such file/,
    ],
    ["requirements elsewhere", `${project}${api.replace('"req', '"../req')}`, /lies outside shop/],
    [
      "two functions with one route",
      `${project}${api}${api.replace("api", "other")}`,
      /other\.routes has "\/\*", which the function api answers/,
    ],
    [
      "a table that is not described",
      `${project}${api}tables = ["items"]\n`,
      /has "items"; expected one of tool\.multicloud\.tables/,
    ],
    [
      "an operation that no table has",
      `${project}${api}tables = { items = ["read"] }\n[tool.multicloud.tables.items]\npartition-key = "id"\n`,
      /tables is .*; expected a list of tables, or by table a list of get, query, scan, put, update, delete/,
    ],
    [
      "a schedule that a cloud cannot express",
      `${project}${api.replace("wsgi", "handler")}schedule = "rate(7 hours)"\n`,
      /divide an hour or a day evenly/,
    ],
    ["an application on a schedule", `${project}${api}schedule = "rate(1 hour)"\n`, /needs a handler; found wsgi/],
    [
      "a secret that is a variable too",
      `${project}${api}secrets = ["A"]\nenvironment = { A = "1" }\n`,
      /has A, which environment has too/,
    ],
    [
      "a variable of the runtime's",
      `${project}${api}environment = { AWS_REGION = "x" }\n`,
      /AWS_REGION, which the clouds' runtimes set/,
    ],
    [
      "a function's name that a cloud refuses",
      `${project}${api.replace("functions.api", "functions.API_1")}`,
      /lower-case letters, digits and hyphens/,
    ],
  ])("refuses %s", (_, toml, problem) => {
    expect(problemOf(toml)).toMatch(problem);
  });

  it("refuses a folder outside the project, and one without a description", () => {
    expect(() => readApplication(path.join(root, "shop"), "..")).toThrow(
      /lies outside the project; expected a folder inside it/,
    );
    expect(() => readApplication(root, "web")).toThrow(/there is no web\/pyproject\.toml/);
  });
});
