import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Cloud } from "../../contract/clouds";
import { smokeCheck } from "../../operations/smoke-check";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const release = "r1.0123456789ab";
const serving = () => new Response('{"status":"ok"}', { headers: { "x-release": release } });

/** The result of a check whose first six requests are answered by `early`, within 300 seconds of patience. */
async function checked(cloud: Cloud, early: () => Response): Promise<string> {
  let asked = 0;
  vi.stubGlobal("fetch", () => Promise.resolve((asked += 1) > 6 ? serving() : early()));
  const result = smokeCheck({
    ...{ cloud, address: "https://api.example.com", release, timeoutSeconds: 300 },
    probes: [{ path: "/api/", status: 200, json: { status: "ok" } }],
    explain: () => Promise.resolve([]),
  }).catch((error: unknown) => String(error));
  await vi.runAllTimersAsync();
  return result;
}

const gateway = () => new Response('{"message":"Internal Server Error"}', { status: 500 });

test("an HTTP API that may not invoke its function yet is waited for", async () => {
  expect(await checked("aws", gateway)).toMatch(/^release r1\.0123456789ab serves on aws/);
});

test.each<[string, Cloud, () => Response]>([
  ["of the release itself", "aws", () => new Response(null, { status: 500, headers: { "x-release": release } })],
  ["with another body", "aws", () => new Response("Traceback", { status: 500 })],
  ["of another cloud", "azure", gateway],
])("three failures %s end the check", async (_, cloud, early) => {
  expect(await checked(cloud, early)).toMatch(/answers 500, not 200/);
});
