import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { FrontDoor, routeOf } from "../../../local/azure/front-door";
import { AzureResources } from "../../../local/azure/resources";
import { FakeResources } from "../resources";

const routes = [["/*"], ["/api/*", "/status"], ["/api/admin/*"]].map((patternsToMatch) => ({ patternsToMatch }));

describe("Front Door", () => {
  it.each([
    ["/", 0],
    ["/index.html", 0],
    ["/apix", 0],
    ["/api/messages", 1],
    ["/API/messages", 1],
    ["/api", 1],
    ["/status", 1],
    ["/status/x", 0],
    ["/api/admin/x", 2],
  ])("sends %s to the most specific route", (path, index) => {
    expect(routeOf(routes, path)).toBe(routes[index]);
  });

  it("has no route for a path without a match", () => {
    expect(routeOf([{ patternsToMatch: ["/api/*"] }], "/other")).toBeUndefined();
  });
});

describe("a route that goes to another origin group", () => {
  const servers: Server[] = [];
  const stored = new FakeResources();
  const frontDoor = new FrontDoor(new AzureResources(stored));
  const inProfile = { profileName: "p", endpointName: "e" };

  /** Moves the route to an origin group; the change becomes visible at a given time. */
  const move = (group: string, knownAt: number) => {
    const route = stored.put("azure-native:cdn:Route", "/route", {
      ...inProfile,
      routeName: "api",
      originGroup: { id: `/${group}` },
    });
    frontDoor.changed({ ...route, knownAt });
    // Like the store, which does not list resources that are not visible yet.
    if (knownAt > Date.now()) stored.remove("azure-native:cdn:Route", "/route");
  };
  const answers = async () => {
    const request = { method: "GET", target: "/", headers: [], body: Buffer.alloc(0), remoteAddress: "127.0.0.1" };
    const asked = Array.from({ length: 6 }, () => frontDoor.handle("/endpoint", request));
    return (await Promise.all(asked)).map(({ body }) => String(body)).sort();
  };

  beforeAll(async () => {
    stored.put("azure-native:cdn:AFDEndpoint", "/endpoint", inProfile);
    for (const colour of ["blue", "green"]) {
      const server = createServer((_, response) => response.end(colour)).listen(0, "127.0.0.1");
      servers.push(server);
      await new Promise((resolve) => server.once("listening", resolve));
      const hostName = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      stored.put("azure-native:cdn:AFDOriginGroup", `/${colour}`, { ...inProfile, originGroupName: colour });
      stored.put("azure-native:cdn:AFDOrigin", `/${colour}/o`, { ...inProfile, originGroupName: colour, hostName });
    }
  });

  afterAll(() => {
    for (const server of servers) server.close();
  });

  it("is used in some places while others use the previous one, until it has propagated", async () => {
    move("blue", 0);
    expect(new Set(await answers())).toEqual(new Set(["blue"]));
    move("green", Date.now() + 60_000);
    expect(await answers()).toEqual(["blue", "blue", "blue", "green", "green", "green"]);
    move("green", 0);
    expect(new Set(await answers())).toEqual(new Set(["green"]));
  });
});
