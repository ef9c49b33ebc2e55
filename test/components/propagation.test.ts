import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { sayNextStep } from "../../components/next-step";
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

test.each([
  [
    "a new account's CloudFront",
    "creating CloudFront Distribution: AccessDenied: Your account must be verified before you can add new CloudFront resources. To verify your account, please contact AWS Support",
    /support case .*aws\.frontend\.enabled false.*run the same command again/,
  ],
  [
    "a new account's ten executions",
    "InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [10].",
    /L-B99A9384.*aws\.function\.reservedConcurrency -- -1/,
  ],
  [
    "a log that a stack before has left",
    "creating CloudWatch Logs Log Group (/aws/lambda/shop-test-api): ResourceAlreadyExistsException: The specified log group already exists",
    /does not know it.*aws logs delete-log-group/,
  ],
  [
    "a deleted workspace in another region",
    'Code="Conflict" Message="The workspace name \'shop-test-api\' is not unique"',
    /14 days.*azure\.region.*workspace recover, then delete --force/,
  ],
  ["anything else", "status 404", /^Completed changes stay/],
])("after the refusal of %s the next step is named", async (_, error, step) => {
  await record(() => sayNextStep(error));
  expect(pulumi.log.error).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(step));
});
