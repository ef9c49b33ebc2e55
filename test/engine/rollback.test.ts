import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Cloud } from "../../contract/clouds";
import type { ListedRelease } from "../../operations/releases/releases";
import { changes, copyOfCheckout, execute, LocalDeployment, type Run } from "./local-deployment";

const deployment = new LocalDeployment(["clouds=[aws, azure, gcp]", "smokeCheck=true"]);
const copy = copyOfCheckout();
const code = path.join(copy, "application", "api", "app.py");

const local = () => ["-s", "staging", "--local", deployment.state];
const run = (command: "releases" | "rollback", ...args: string[]): Promise<Run> =>
  execute([path.join(copy, "cli", `${command}.ts`), ...local(), ...args], copy);
const releases = async () => JSON.parse((await run("releases", "--json")).stdout) as ListedRelease[];
const serving = async () => (await releases()).filter(({ share }) => share === 1);

/** The release in each cloud's response. */
async function answering(): Promise<Record<Cloud, string>> {
  const { aws, azure, gcp } = deployment.outputs();
  const asked = Object.entries({ aws, azure, gcp }).map(async ([cloud, { apiUrl }]) => {
    return [cloud, (await fetch(`${apiUrl}/api/`)).headers.get("x-release") ?? ""] as const;
  });
  return Object.fromEntries(await Promise.all(asked)) as Record<Cloud, string>;
}

let [first, second]: Record<Cloud, string>[] = [];

beforeAll(async () => {
  await deployment.restore();
  first = await answering();
  const { apiUrl } = deployment.outputs().aws;
  writeFileSync(code, `${readFileSync(code, "utf8")}\n# A second release.\n`);
  const up = await deployment.run(["up", "--detach"], { checkout: copy });
  expect(up.code, up.stderr).toBe(0);
  second = await answering();
  expect(apiUrl).toBe(deployment.outputs().aws.apiUrl);
});

afterAll(() => deployment.end());

describe("a rollback", () => {
  test("rejects a release that does not exist, that serves already, or that is ambiguous", async () => {
    const unknown = await run("rollback", "--to", "0123456789ab");
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(
      /stack staging has no release 0123456789ab; there are \S+ \(api on aws\).*next: npm run releases/s,
    );
    const current = await run("rollback", "--to", second?.aws ?? "");
    expect([current.code, current.stderr]).toEqual([1, expect.stringContaining("serves already")]);
  });

  test("describes a dry run without changes", async () => {
    const dry = await run("rollback", "--dry-run");
    expect(dry.code, dry.stderr).toBe(0);
    expect(dry.stdout).toMatch(
      /aws: api would go from 2 \(.*azure: api would go from .*: minutes.*gcp: api would go from /s,
    );
    expect(await answering()).toEqual(second);
  });

  test("makes the previous release serve on three clouds, and probes it", async () => {
    const back = await run("rollback");
    expect(back.code, back.stderr).toBe(0);
    for (const cloud of ["aws", "azure", "gcp"]) {
      expect(back.stderr).toMatch(new RegExp(`${cloud}: api: release \\S+ serves on ${cloud}`));
    }
    expect(await answering()).toEqual(first);
    expect((await serving()).map(({ cloud, verified }) => [cloud, verified])).toEqual([
      ["aws", true],
      ["azure", true],
      ["gcp", true],
    ]);
  });

  test("is the only change that the next preview would undo", async () => {
    const preview = await deployment.run(["preview"], { checkout: copy });
    expect(preview.code, preview.stderr).toBe(0);
    const checks = ["aws-smoke-check", "gcp-smoke-check"].map((name) => `~ update  command:local:Command  ${name}`);
    expect(
      changes(preview)
        .filter((line) => !checks.includes(line))
        .sort(),
    ).toEqual([
      "~ update  aws:lambda:Alias  aws-api",
      "~ update  azure-native:resources:Deployment  azure-api",
      "~ update  gcp:cloudfunctionsv2:Function  gcp-api",
    ]);
    const up = await deployment.run(["up", "--detach"], { checkout: copy });
    expect(up.code, up.stderr).toBe(0);
    // Instances of the previous release answer for a moment.
    await expect.poll(answering, { timeout: 30_000 }).toEqual(second);
    expect((await deployment.run(["preview"], { checkout: copy })).stderr).toContain("no changes");
  });

  test("can be limited to one cloud", async () => {
    const back = await run("rollback", "--cloud", "gcp", "--to", first?.gcp ?? "");
    expect(back.code, back.stderr).toBe(0);
    expect(await answering()).toEqual({ ...second, gcp: first?.gcp });
  });
});

test("old releases are deleted with the layers, except the newest and the serving one", async () => {
  const layer = (...args: string[]) =>
    execute([path.join(copy, "cli", "layer.ts"), "prune", ...local(), ...args, "--json"], copy);
  const before = (await releases()).map(({ name }) => name);
  const dry = await layer("--keep", "1", "--dry-run");
  expect(dry.stderr).toMatch(/Would delete api-\d{14}-\w+\.zip of api on azure/);
  expect((await releases()).map(({ name }) => name)).toEqual(before);
  const pruned = await layer("--keep", "1");
  expect(pruned.code, pruned.stderr).toBe(0);
  const left = await releases();
  expect(left.filter(({ cloud }) => cloud === "azure")).toHaveLength(1);
  // The newest, and the earlier one that serves.
  expect(left.filter(({ cloud }) => cloud === "gcp").map(({ share }) => share)).toEqual([0, 1]);
  expect(await answering()).toEqual({ ...second, gcp: first?.gcp });
});
