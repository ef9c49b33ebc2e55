import { describe, expect, it } from "vitest";

import { applyResponseHeaders, behaviorOf, runViewerRequestFunction } from "../../../local/aws/cloudfront";

const behavior = (targetOriginId: string) => ({
  targetOriginId,
  allowedMethods: ["GET"],
  compress: false,
  cachePolicyId: "id",
  functionAssociations: [],
});
const distribution = {
  defaultCacheBehavior: behavior("default"),
  orderedCacheBehaviors: ["/api/admin/*", "api/*", "*.jpg", "/images/?.gif"].map((pathPattern) => ({
    ...behavior(pathPattern),
    pathPattern,
  })),
};

describe("a distribution", () => {
  it.each([
    ["/", "default"],
    ["/api", "default"],
    ["/api/", "api/*"],
    ["/api/admin/x", "/api/admin/*"],
    ["/deep/photo.jpg", "*.jpg"],
    ["/images/a.gif", "/images/?.gif"],
    ["/images/ab.gif", "default"],
    ["/API/", "default"],
  ])("sends %s to the first behaviour that matches", (path, origin) => {
    expect(behaviorOf(distribution, path).targetOriginId).toBe(origin);
  });
});

describe("a viewer-request function", () => {
  const request = {
    method: "GET",
    target: "/deep/link?a=1",
    headers: [["Host", "site.test"]] as const,
    body: Buffer.alloc(0),
    remoteAddress: "127.0.0.1",
  };

  it.each([
    ["changes the path", "request.uri = '/index.html'; return request;", { target: "/index.html?a=1" }],
    ["may be asynchronous", "return Promise.resolve(request);", { target: "/deep/link?a=1" }],
    [
      "sets a header",
      "request.headers['x-new'] = {value: event.viewer.ip}; return request;",
      {
        headers: [
          ["host", "site.test"],
          ["x-new", "127.0.0.1"],
        ],
      },
    ],
    [
      "answers itself",
      "return {statusCode: 302, headers: {location: {value: '/new'}}};",
      { status: 302, headers: [["location", "/new"]] },
    ],
  ])("%s", async (_, body, expected) => {
    const code = `function handler(event) { var request = event.request; ${body} }`;
    expect(await runViewerRequestFunction(code, request)).toMatchObject(expected);
  });

  it("is stopped if it does not end, and has no access to Node.js", async () => {
    await expect(runViewerRequestFunction("function handler() { for (;;); }", request)).rejects.toThrow("timed out");
    await expect(runViewerRequestFunction("function handler() { return process.env; }", request)).rejects.toThrow(
      "process is not defined",
    );
  });
});

it("replaces the origin's security headers if it overrides them", () => {
  const policy = {
    id: "id",
    securityHeadersConfig: {
      contentTypeOptions: { override: true },
      referrerPolicy: { referrerPolicy: "same-origin", override: false },
      strictTransportSecurity: { accessControlMaxAgeSec: 1, includeSubdomains: false, preload: true, override: true },
    },
    customHeadersConfig: { items: [{ header: "X-Custom", value: "1", override: true }] },
  };
  const headers = applyResponseHeaders(policy, [
    ["x-custom", "0"],
    ["Referrer-Policy", "no-referrer"],
  ]);
  expect(headers).toEqual([
    ["Referrer-Policy", "no-referrer"],
    ["X-Content-Type-Options", "nosniff"],
    ["Strict-Transport-Security", "max-age=1; preload"],
    ["X-Custom", "1"],
  ]);
});
