import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { retryWhilePropagating } from "../../components/propagation";
import { record } from "./mocks";

beforeEach(() => {
  vi.spyOn(pulumi.log, "info").mockResolvedValue();
  vi.spyOn(pulumi.log, "error").mockResolvedValue();
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Whether a step is retried after `errors`, the newest first. */
async function retried(errors: string[], failedOperation: "create" | "update" = "create"): Promise<boolean> {
  const { result } = await record(() =>
    retryWhilePropagating("role", { error: /\b403\b/, advice: "look here", attempts: 2, delaySeconds: 0 }),
  );
  const [hook] = result.onError ?? [];
  if (hook === undefined) throw new Error("no hook was bound to errors");
  return hook.callback({ urn: "urn", id: "id", name: "role", type: "type", failedOperation, errors });
}

test("an error of propagation is retried up to the given number of times", async () => {
  expect(await retried(["status 403"])).toBe(true);
  expect(await retried(["status 403", "status 403"])).toBe(true);
  expect(await retried(["status 403", "status 403", "status 403"])).toBe(false);
});

test("after the last attempt the advice is printed", async () => {
  await retried(["status 403", "status 403", "status 403"]);
  expect(pulumi.log.error).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("look here"));
});

test("any other error fails at once", async () => {
  expect(await retried(["status 404", "status 403"])).toBe(false);
  expect(pulumi.log.info).not.toHaveBeenCalled();
});

test("what was accepted and failed later is not created again, but updated again", async () => {
  const accepted = "1 error occurred:\n\t* status 403\n\n";
  expect(await retried([accepted], "create")).toBe(false);
  expect(pulumi.log.error).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/run the update again.*look here/));
  expect(await retried([accepted], "update")).toBe(true);
});
