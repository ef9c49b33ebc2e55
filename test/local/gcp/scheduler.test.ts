import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { GcpResources } from "../../../local/gcp/resources";
import { Scheduler } from "../../../local/gcp/scheduler";
import { response } from "../../../local/http";
import { FakeResources } from "../resources";
import { worker } from "./worker";

const job = "gcp:cloudscheduler/job:Job";
const uri = "http://127.0.0.1:1";

const resources = new FakeResources();
const handle = vi.fn(() => Promise.resolve(response(200, "")));
const scheduler = new Scheduler({ resources: new GcpResources(resources), functions: { handle } });

resources.put(...worker("worker@p.iam.gserviceaccount.com", uri));

const declare = (inputs: Record<string, unknown> = {}) =>
  resources.put(job, "nightly", {
    name: "nightly",
    schedule: "0 3 * * *",
    httpTarget: { uri, httpMethod: "POST", oidcToken: { serviceAccountEmail: "invoker@p", audience: uri } },
    ...inputs,
  });

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-03-01T02:58:30Z") });
});

afterEach(() => {
  scheduler.close();
  handle.mockClear();
  vi.useRealTimers();
});

test("a job calls its function once on schedule, as its service account", async () => {
  await scheduler.start(declare());
  await vi.advanceTimersByTimeAsync(60_000);
  expect(handle).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(handle.mock.calls).toEqual([
    ["worker", expect.objectContaining({ method: "POST", target: "/" }), "invoker@p"],
  ]);
  await vi.advanceTimersByTimeAsync(24 * 60 * 60_000);
  expect(handle).toHaveBeenCalledTimes(2);
});

test("a job whose token is for another audience calls without one", async () => {
  const oidcToken = { serviceAccountEmail: "invoker@p", audience: "https://elsewhere.example" };
  await scheduler.start(declare({ httpTarget: { uri, oidcToken } }));
  await vi.advanceTimersByTimeAsync(2 * 60_000);
  expect(handle).toHaveBeenLastCalledWith("worker", expect.anything(), undefined);
});

test("a paused or deleted job calls nothing", async () => {
  await scheduler.start(declare({ paused: true }));
  await vi.advanceTimersByTimeAsync(24 * 60 * 60_000);
  await scheduler.start(declare());
  await scheduler.stop("nightly");
  await vi.advanceTimersByTimeAsync(24 * 60 * 60_000);
  expect(handle).not.toHaveBeenCalled();
});
