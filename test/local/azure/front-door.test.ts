import { describe, expect, it } from "vitest";

import { routeOf } from "../../../local/azure/front-door";

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

  it("has no route for what nothing matches", () => {
    expect(routeOf([{ patternsToMatch: ["/api/*"] }], "/other")).toBeUndefined();
  });
});
