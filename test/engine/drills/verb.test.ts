import { afterAll, beforeAll, expect, test } from "vitest";

import { LocalDeployment } from "../local-deployment";

const deployment = new LocalDeployment(["clouds=[aws]", "aws.frontend.enabled=false"]);

beforeAll(() => deployment.restore());

afterAll(() => deployment.end());

/** Splits the output of a run into its parts. */
function parts(told: string): Map<string, string> {
  const found = told.split(/^(?=(?:Before|Break|What users get|Diagnose|Repair|After)\b.*:)/m);
  return new Map(found.map((part) => [part.split(":")[0] ?? "", part]));
}

test("a missing layer shows what users get, why, and the repair", async () => {
  const run = await deployment.run(["drill", "missing-layer"]);
  expect(run.code, run.stderr).toBe(0);
  const story = parts(run.stderr);
  expect(story.get("Before")).toMatch(/aws GET \/api\/ {2}200 /);
  expect(story.get("What users get")).toMatch(/aws GET \/api\/ {2}500 \{"message":"Internal Server Error"\}/);
  expect(story.get("Diagnose")).toMatch(/error {2}aws function: layer .*-dependencies is not attached/);
  expect(story.get("Repair")).toMatch(/~ updated {2}aws:lambda:Alias {2}aws-api/);
  expect(story.get("After")).toMatch(/aws GET \/api\/ {2}200 /);
});

test("an update whose code does not start fails, and users notice nothing", async () => {
  const run = await deployment.run(["drill", "refused-update"]);
  expect(run.code, run.stderr).toBe(0);
  const story = parts(run.stderr);
  expect(story.get("Break")).toMatch(/error: .*drill: this code does not start.*The update was refused\./s);
  expect(story.get("What users get")).toMatch(/aws GET \/api\/ {2}200 /);
  expect(story.get("After")).toMatch(/aws GET \/api\/ {2}200 /);
});

test("an unknown drill names the existing ones", async () => {
  const run = await deployment.run(["drill", "mising-layer"]);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/there is no drill mising-layer.*missing-layer/);
  const list = await deployment.run(["drill"]);
  expect(list.stdout).toMatch(/missing-layer .*\n.*refused-update/s);
});
