import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { changes, copyOfCheckout, execute, LocalDeployment, type Outputs } from "./local-deployment";

const deployment = new LocalDeployment(["clouds=[aws]"]);
const layerName = "multicloud-auto-deploy-staging-dependencies";
let outputs: Outputs;

beforeAll(async () => {
  const up = await deployment.run(["up", "--detach"]);
  expect(up.code, up.stderr).toBe(0);
  outputs = JSON.parse((await deployment.run(["outputs", "--json"])).stdout) as Outputs;
});

afterAll(() => deployment.end());

test("the API answers, and the frontend's address has the page and the same API", async () => {
  const status = await fetch(outputs.aws.apiUrl);
  expect(await status.json()).toEqual({
    status: "ok",
    provider: "aws",
    version: "3.0.0",
    release: expect.stringMatching(/^[0-9a-f]{12}\.[0-9a-f]{12}$/) as string,
  });
  expect(await (await fetch(outputs.aws.frontendUrl)).text()).toContain("<!doctype html>");

  const posted = await fetch(`${outputs.aws.frontendUrl}/api/messages/`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ content: "héllo", author: "Ada" }),
  });
  expect(posted.status).toBe(201);
  const [newest] = (await (await fetch(`${outputs.aws.apiUrl}/api/messages/`)).json()) as unknown[];
  expect(newest).toEqual(await posted.json());
});

test("the outputs have the layer's ARN and its packages", () => {
  expect(outputs.layerArns[layerName]).toMatch(/^arn:aws:lambda:ap-northeast-1:\d{12}:layer:.+:1$/);
  expect(outputs.layers[layerName]).toMatchObject({
    arn: outputs.layerArns[layerName],
    packages: { mangum: expect.stringMatching(/^\d/) as string, fastapi: expect.stringMatching(/^\d/) as string },
  });
});

test("a second preview shows no change", async () => {
  const preview = await deployment.run(["preview"]);
  expect(preview.stderr).toContain("no changes");
});

test("a preview from another checkout, with another umask, time zone and locale, shows no change", async () => {
  const umask = process.umask(0o077);
  const copy = copyOfCheckout();
  try {
    const env = { TZ: "Pacific/Kiritimati", LC_ALL: "tr_TR.UTF-8", XDG_CACHE_HOME: path.join(copy, "cache") };
    // The engine is on the PATH, so that it is not built again for the empty cache.
    const preview = await deployment.run(["preview"], { checkout: copy, env: { ...env, ...(await enginePath()) } });
    expect(preview.stderr).toContain("no changes");
  } finally {
    process.umask(umask);
    rmSync(copy, { recursive: true });
  }
});

test("a changed pin replaces the layer, updates the function, and changes nothing else", async () => {
  const copy = copyOfCheckout();
  try {
    const requirements = path.join(copy, "application", "requirements", "aws.in");
    const before = outputs.layers[layerName]?.packages.mangum ?? "";
    writeFileSync(requirements, readFileSync(requirements, "utf8").replace(/^mangum.*$/m, `mangum<${before}`));
    const unlocked = await deployment.run(["preview"], { checkout: copy });
    expect(unlocked.code).toBe(1);
    expect(unlocked.stderr).toMatch(/aws\.lock does not match .*aws\.in.*npm run layer -- lock/s);

    const lock = await execute([path.join(copy, "cli", "layer.ts"), "lock", "--target", "aws"], copy);
    expect(lock.code, lock.stderr).toBe(0);
    const preview = await deployment.run(["preview"], { checkout: copy });
    expect(changes(preview).sort()).toEqual([
      "- delete the replaced  aws:lambda:LayerVersion  aws-dependencies",
      "~ update  aws:lambda:Alias  aws-api",
      "~ update  aws:lambda:Function  aws-api",
      "~ update  command:local:Command  aws-api-version",
      "~ update  command:local:Command  aws-smoke-check",
      "± replace  aws:lambda:LayerVersion  aws-dependencies",
    ]);

    const up = await deployment.run(["up", "--detach"], { checkout: copy });
    expect(up.code, up.stderr).toBe(0);
    const after = deployment.outputs();
    expect(after.layerArns[layerName]).toMatch(/:2$/);
    expect(after.layers[layerName]?.packages.mangum).not.toBe(before);
    expect((await fetch(after.aws.apiUrl)).status).toBe(200);
    // The version that other stacks may use still exists.
    expect(deployment.resources("aws").map(({ id }) => id)).toContain(outputs.layerArns[layerName]);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

describe("errors", () => {
  test("wrong settings are one clear error, and nothing changes", async () => {
    const wrong: [string, RegExp][] = [
      ["clouds=[]", /clouds: expected at least one of aws, azure, gcp/],
      ["aws.region=japaneast", /aws\.region: expected one of .*ap-northeast-1/],
      ["cluods=[aws]", /cluods: there is no such setting/],
      ["layerStrategy=fat", /layerStrategy: expected one of full, hybrid, split, auto/],
    ];
    const run = await deployment.run([...wrong.flatMap(([setting]) => ["--config", setting]), "up", "--detach"]);
    expect(run.code).toBe(1);
    for (const [, message] of wrong) expect(run.stderr).toMatch(message);
    expect(run.stderr.match(/cannot be deployed/g)).toHaveLength(1);
    expect(changes(run)).toEqual([]);
  });

  test("an unknown stack names the file to create", async () => {
    const run = await deployment.run(["--stack", "nowhere", "preview"]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/no stack nowhere: Pulumi\.nowhere\.yaml is missing/);
  });
});

test("destroy leaves nothing except the layer versions that other stacks may use", async () => {
  const run = await deployment.run(["destroy"]);
  expect(run.code, run.stderr).toBe(0);
  expect(new Set(deployment.resources("aws").map(({ type }) => type))).toEqual(
    new Set(["aws:lambda/layerVersion:LayerVersion"]),
  );
  await expect(fetch(outputs.aws.apiUrl)).rejects.toThrow();
});

/** An environment with the engine of this checkout as the `pulumi` on the PATH. */
async function enginePath(): Promise<{ PATH: string }> {
  const { findEngine } = await import("../../local/engine");
  const { command } = await findEngine(() => undefined);
  return { PATH: `${path.dirname(command)}${path.delimiter}${process.env.PATH ?? ""}` };
}
