import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { readApplication } from "../../contract/application";
import { clouds } from "../../contract/clouds";
import { lockedFunctions } from "../../layers/function-locks";
import { requirementsHeader } from "../../layers/lock";

let root: string;

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), "function-locks-"));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

/** An application with these locks, by the name of the requirements file. */
function application(name: string, functions: string, locks: Record<string, string>) {
  const folder = path.join(root, name);
  mkdirSync(folder);
  const project = `[project]\nname = "shop"\nversion = "1.0.0"\n${functions}`;
  writeFileSync(path.join(folder, "pyproject.toml"), project);
  for (const [file, pins] of Object.entries(locks)) {
    writeFileSync(path.join(folder, `${file}.in`), pins);
    writeFileSync(path.join(folder, `${file}.lock`), requirementsHeader(pins) + pins);
  }
  return readApplication(root, name);
}

const fn = (name: string, entry: string, requirements: string) =>
  `[tool.multicloud.functions.${name}]\n${entry}\nrequirements = "${requirements}.in"\nroutes = ["/${name}"]\n`;

describe("the packages of functions", () => {
  it.each([
    ["aws", "asgi", ["mangum", "typing-extensions"]],
    ["aws", "wsgi", ["apig-wsgi"]],
    ["aws", "handler", []],
    ["azure", "handler", ["azure-functions"]],
    ["gcp", "wsgi", ["functions-framework", "flask", "gunicorn"]],
  ] as const)("on %s by %s includes what the adapter needs", async (cloud, protocol, added) => {
    const name = `${cloud}-${protocol}`;
    const shop = application(name, fn("api", `${protocol} = "shop:app"`, "web"), { web: "spelt==1.0\n" });
    const [locked, ...others] = await lockedFunctions(shop, cloud);
    const names = locked?.lock.packages.map((each) => each.name) ?? [];
    expect(others).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(["spelt", ...added]));
    if (added.length === 0) expect(names).toEqual(["spelt"]);
  });

  it("keeps the versions that the application locks itself", async () => {
    const own = application("own", fn("api", 'asgi = "shop:app"', "web"), { web: "mangum==0.1\n" });
    const [locked] = await lockedFunctions(own, "aws");
    expect(locked?.lock.packages).toMatchObject([{ name: "mangum", version: "0.1" }]);
  });

  it("share a lock if the functions' locks are equal, and have separate ones otherwise", async () => {
    const functions = ["one", "two", "three"].map((name, index) =>
      fn(name, 'handler = "shop:handler"', index === 2 ? "heavy" : name),
    );
    const locks = { one: "spelt==1.0\n", two: "spelt==1.0\n", heavy: "rye==2.0\n" };
    const several = application("several", functions.join(""), locks);
    const locked = await lockedFunctions(several, "aws");
    expect(locked.map((each) => each.functions.map(({ name }) => name))).toEqual([["one", "two"], ["three"]]);
  });

  it("are an error on a cloud without an entry point of the function", async () => {
    const aws = application("aws-only", fn("api", 'handler = { aws = "shop:handler" }', "web"), { web: "" });
    await expect(lockedFunctions(aws, "gcp")).rejects.toThrow(
      /function api has an entry point for aws, but none for gcp.*the setting clouds/,
    );
  });

  it("of the message board are those of its own locks, on every cloud", async () => {
    const board = readApplication(path.join(__dirname, "..", ".."), "application");
    for (const cloud of clouds) {
      const [locked] = await lockedFunctions(board, cloud);
      expect(locked?.lock.packages.filter(({ required }) => required).length).toBeGreaterThan(3);
    }
  });
});
