import { createHmac } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { boundaryArn } from "../../bootstrap/aws-policy";
import { clouds } from "../../contract/clouds";
import { projectName } from "../configuration";
import { LocalDeployment } from "./local-deployment";

const json = async (url: string, init?: RequestInit): Promise<unknown> => (await fetch(url, init)).json();
const posted = (body: string): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body,
});

describe("a Flask shop with a worker, a table, a secret and a template, described only in its own folder", () => {
  const secret = "the-key-of-the-shop";
  const permissionsBoundary = boundaryArn({
    ...{ project: projectName, stack: "staging" },
    ...{ account: "123456789012", region: "ap-northeast-1" },
  });
  const shop = new LocalDeployment([
    "application=examples/shop",
    `functions.api.secrets.PAYMENT_KEY=${secret}`,
    `aws.permissionsBoundary=${permissionsBoundary}`,
  ]);

  beforeAll(async () => {
    // Like a workflow, with only the permissions of its identity.
    await shop.signIn("deploy");
    await shop.up();
  });
  afterAll(() => shop.end());

  const address = (cloud: (typeof clouds)[number], route: string) => `${shop.outputs()[cloud].apiUrl}${route}`;

  test.each(clouds)("serves on %s, with its environment, its table, its template and its secret", async (cloud) => {
    expect(await json(address(cloud, "/health"))).toEqual({ shop: "open", currency: "EUR" });
    expect(await json(address(cloud, "/items"), posted('{"id":"apple","count":0}'))).toEqual({ id: "apple", count: 0 });
    expect(await (await fetch(address(cloud, "/"))).text()).toContain("<li>apple: 0, priced in EUR</li>");
    const signature = createHmac("sha256", secret).update("an order").digest("hex");
    expect(await json(address(cloud, "/orders"), posted("an order"))).toEqual({ signature });
  });

  test("runs its worker when it is invoked by hand, on every cloud", async () => {
    const run = await shop.run(["invoke", "nightly"]);
    expect(run, run.stderr).toMatchObject({ code: 0 });
    for (const cloud of clouds) expect(await json(address(cloud, "/items"))).toEqual([{ id: "apple", count: 10 }]);
  });

  test("has its secret nowhere as plain text in the engine's state or history", () => {
    const folder = path.join(shop.state, "engine");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
      /\.(json|yaml)$/.test(file),
    );
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(readFileSync(path.join(folder, file), "utf8")).not.toContain(secret);
  });

  test("is healthy, and a preview without a change is empty", async () => {
    const { results } = await shop.diagnose();
    expect(results.filter(({ status }) => status !== "passed")).toEqual([]);
    expect((await shop.preview()).stderr).toContain("no changes");
  });
});

test("a plain handler without a framework or a package serves on AWS", async () => {
  const plain = new LocalDeployment(["application=examples/plain", "clouds=[aws]"]);
  try {
    await plain.up();
    const { apiUrl } = plain.outputs().aws;
    expect(await json(`${apiUrl}/anything?name=Ada`)).toEqual({ hello: "Ada" });
  } finally {
    await plain.end();
  }
});

test("an application that needs a secret says so before anything is deployed", async () => {
  const shop = new LocalDeployment(["application=examples/shop"]);
  try {
    await expect(shop.up()).rejects.toThrow(
      /functions\.api\.secrets\.PAYMENT_KEY: the application needs it, and it has no value/,
    );
    expect(existsSync(path.join(shop.state, "aws", "resources.json"))).toBe(false);
  } finally {
    await shop.end();
  }
});
