import { describe, expect, it } from "vitest";

import { LoadBalancer, routeOf } from "../../../local/gcp/load-balancer";
import { GcpResources } from "../../../local/gcp/resources";
import { declaredObject } from "../../../local/gcp/storage";
import { FakeResources } from "../resources";

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

describe("a bucket", () => {
  it.each([
    ["allUsers", "inherited", 404],
    ["allUsers", "enforced", 403],
    ["serviceAccount:service-1@https-lb.iam.gserviceaccount.com", "enforced", 404],
  ])(
    "that %s may read, with public access prevention %s, answers %i",
    async (member, publicAccessPrevention, status) => {
      const resources = new FakeResources();
      resources.put("gcp:storage/bucket:Bucket", "site", { name: "site", publicAccessPrevention });
      resources.put("gcp:storage/bucketIAMMember:BucketIAMMember", "site", {
        ...{ bucket: "site", role: "roles/storage.objectViewer", member },
      });
      resources.put("gcp:compute/backendBucket:BackendBucket", "site", { bucketName: "site" });
      resources.put("gcp:compute/uRLMap:URLMap", "map", { defaultService: "site" });
      resources.put("gcp:compute/targetHttpProxy:TargetHttpProxy", "proxy", { urlMap: "map" });
      resources.put("gcp:compute/globalAddress:GlobalAddress", "address", {}, { address: "203.0.113.1" });
      const rule = { ipAddress: "203.0.113.1", portRange: "80", target: "proxy" };
      resources.put("gcp:compute/globalForwardingRule:GlobalForwardingRule", "rule", rule);
      const read = new GcpResources(resources);
      const functions = { handle: () => Promise.reject(new Error("no function")) };
      const objects = { find: (bucket: string, name: string) => declaredObject(read, bucket, name) };
      const balancer = new LoadBalancer(read, functions, objects);
      const request = {
        method: "GET",
        target: "/page",
        headers: [],
        body: Buffer.alloc(0),
        remoteAddress: "127.0.0.1",
      };
      expect((await balancer.handle("address", request)).status).toBe(status);
    },
  );
});
