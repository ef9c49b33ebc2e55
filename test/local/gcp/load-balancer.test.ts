import { describe, expect, it } from "vitest";

import { routeOf } from "../../../local/gcp/load-balancer";

const errorPolicy = { errorService: "site", errorResponseRules: [{ matchResponseCodes: ["404"], path: "/404.html" }] };
const redirect = { httpsRedirect: true, stripQuery: false, redirectResponseCode: "FOUND" };
const urlMap = {
  defaultService: "fallback",
  defaultUrlRedirect: undefined,
  defaultCustomErrorResponsePolicy: undefined,
  hostRules: [
    { hosts: ["app.example.com", "*.example.org"], pathMatcher: "app" },
    { hosts: ["old.example.com"], pathMatcher: "old" },
  ],
  pathMatchers: [
    {
      name: "app",
      defaultService: "site",
      defaultCustomErrorResponsePolicy: errorPolicy,
      pathRules: [
        { paths: ["/api/*", "/status"], service: "api" },
        { paths: ["/api/admin/*"], service: "admin" },
      ],
    },
    { name: "old", defaultUrlRedirect: redirect, pathRules: [] },
  ],
};

describe("a URL map", () => {
  it.each([
    ["app.example.com", "/", { service: "site", errorPolicy }],
    ["app.example.com", "/api/messages", { service: "api", errorPolicy }],
    ["app.example.com", "/api/", { service: "api", errorPolicy }],
    ["app.example.com", "/api", { service: "site", errorPolicy }],
    ["app.example.com", "/apix", { service: "site", errorPolicy }],
    ["app.example.com", "/status", { service: "api", errorPolicy }],
    ["app.example.com", "/status/x", { service: "site", errorPolicy }],
    ["app.example.com", "/api/admin/x", { service: "admin", errorPolicy }],
    ["a.example.org", "/api/x", { service: "api", errorPolicy }],
    ["old.example.com", "/x", { redirect }],
    ["unknown.example.com", "/api/x", { service: "fallback" }],
  ])("sends %s%s where it says", (host, path, route) => {
    expect(routeOf(urlMap, host, path)).toEqual(route);
  });
});
