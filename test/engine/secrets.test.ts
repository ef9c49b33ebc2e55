import { appendFileSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import { afterAll, expect, test } from "vitest";

import { copyOfCheckout, LocalDeployment } from "./local-deployment";

/** A stack whose secrets another provider has encrypted, as `pulumi config set --secret` writes them. */
const checkout = copyOfCheckout();
const deployment = new LocalDeployment([
  "clouds=[aws]",
  "aws.frontend.enabled=false",
  "notificationEmail=ada@example.com",
]);

afterAll(async () => {
  await deployment.end();
  rmSync(checkout, { recursive: true });
});

test("an unreadable secret needs a value, or gets a stand-in with a message; neither is ever plain text", async () => {
  appendFileSync(
    path.join(checkout, "Pulumi.staging.yaml"),
    `
  multicloud-auto-deploy:notificationEmail: {secure: "v1:AAAAAAAAAAAAAAAA:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"}
  aws:token: {secure: "v1:AAAAAAAAAAAAAAAA:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"}
encryptionsalt: v1:AAAAAAAAAAA=:v1:AAAAAAAAAAAAAAAA:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
`,
  );
  const run = await deployment.run(["preview"], { checkout });
  expect(run.stderr).toContain(
    "Secrets that cannot be read here have a stand-in: aws:token; give a value with --config aws:token=<value>\n",
  );
  expect(run.stderr).toMatch(/\+ create {2}aws:sns:TopicSubscription/);
  expect(run.code).toBe(0);
  const kept = readFileSync(path.join(deployment.state, "project", "Pulumi.staging.yaml"), "utf8");
  expect(kept).not.toMatch(/ada@example\.com|stand-in/);
  expect(kept).toMatch(/aws:token:\s+secure: v1:/);
});
