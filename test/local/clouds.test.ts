import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { AzureEnvironment } from "./azure/environment";
import type { Environment } from "./environment";
import { GcpEnvironment } from "./gcp/environment";

/** Differences between the clouds that run the application's own bundle as one HTTP server. */
interface Expected {
  readonly declare: () => Environment;
  /** Type of the resource that stores the messages. */
  readonly table: string;
  /** Type and id of the resources that let the function be called, or use its table. */
  readonly grants: readonly (readonly [type: string, id: string])[];
  /** Type and id of the function's package, and the function's status after its deletion. */
  readonly source: readonly [type: string, id: string, status: number];
  /** Status of a missing file of the site. */
  readonly missing: number;
}

const clouds: Record<string, Expected> = {
  azure: {
    declare: () => new AzureEnvironment(),
    table: "azure-native:storage:Table",
    grants: [["azure-native:authorization:RoleAssignment", "role"]],
    source: ["azure-native:storage:Blob", "package", 200],
    missing: 404,
  },
  gcp: {
    declare: () => new GcpEnvironment(),
    table: "gcp:firestore/database:Database",
    grants: [
      ["gcp:projects/iAMMember:IAMMember", "messages"],
      ["gcp:cloudrunv2/serviceIamMember:ServiceIamMember", "invoker"],
    ],
    source: ["gcp:storage/bucketObject:BucketObject", "sources-api", 200],
    missing: 200,
  },
};

describe.each(Object.entries(clouds))("local %s", (provider, expected) => {
  let cloud: Environment;
  beforeAll(async () => {
    cloud = await expected.declare().start();
    // The very first start installs the packages.
    await fetch(cloud.apiUrl);
  }, 300_000);
  afterAll(() => cloud.plane.close());

  const post = (content: string) =>
    fetch(`${cloud.siteUrl}/api/messages/`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ content, author: "test" }),
    });
  const messages = async (): Promise<unknown> => (await fetch(`${cloud.siteUrl}/api/messages/`)).json();

  it("answers on the function's own address", async () => {
    const answer = await fetch(`${cloud.apiUrl}/`);
    expect([answer.status, await answer.json()]).toMatchObject([200, { status: "ok", provider, version: "3.0.0" }]);
  });

  it("keeps messages over a restart, but not after the table was deleted", async () => {
    expect((await post("grüße 🎉")).status).toBe(201);
    expect(await messages()).toMatchObject([{ content: "grüße 🎉", author: "test" }]);

    await cloud.plane.close();
    await cloud.restart();
    expect(await messages()).toHaveLength(1);

    const plane = cloud.plane.types[expected.table];
    const [table] = cloud.resources.list(expected.table);
    if (!plane?.remove || !table) throw new Error("the table has no data plane");
    await plane.remove(table);
    await plane.start(table);
    expect(await messages()).toEqual([]);
  });

  it.each([
    ["GET", "/", 200, "text/html"],
    ["GET", "/deep/link", 200, "text/html"],
    ["HEAD", "/index.html", 200, "text/html"],
    ["GET", "/logo.png", 200, "image/png"],
    ["GET", "/missing.js", expected.missing, "text/html"],
    ["POST", "/index.html", 405, "text/html"],
    ["GET", "/api/", 200, "application/json"],
    ["GET", "/api/unknown", 404, "application/json"],
    ["POST", "/api/messages/", 422, "application/json"],
  ])("answers %s %s of the site with %i and %s", async (method, target, status, type) => {
    const answer = await fetch(`${cloud.siteUrl}${target}`, { method });
    expect([answer.status, answer.headers.get("content-type")?.split(";")[0]]).toEqual([status, type]);
  });

  it("compresses the page, and answers 304 for an unchanged copy", async () => {
    const page = await fetch(`${cloud.siteUrl}/`, { headers: { "Accept-Encoding": "br" } });
    expect(page.headers.get("content-encoding")).toBe("br");
    expect(page.headers.get("x-frame-options")).toBe("DENY");
    const etag = page.headers.get("etag") ?? "";
    expect((await fetch(`${cloud.siteUrl}/`, { headers: { "If-None-Match": etag } })).status).toBe(304);
  });

  it.each(expected.grants)(
    "refuses what %s %s does not grant",
    async (type, id) => {
      const granted = cloud.resources.get(type, id);
      cloud.resources.remove(type, id);
      const { status } = await fetch(`${cloud.apiUrl}/api/messages/`);
      if (granted) cloud.resources.put(type, id, granted.inputs, granted.outputs);
      expect([403, 503]).toContain(status);
      expect(await messages()).toEqual([]);
    },
    60_000,
  );

  it("needs its package only if it has no copy of it", async () => {
    const [type, id, status] = expected.source;
    const source = cloud.resources.get(type, id);
    cloud.resources.remove(type, id);
    const answer = await fetch(`${cloud.apiUrl}/`);
    if (source) cloud.resources.put(type, id, source.inputs, source.outputs);
    expect(answer.status).toBe(status);
  });
});
