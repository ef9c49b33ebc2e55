import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, test } from "vitest";

import { providerSettings } from "../../components/provider-settings";
import { record, unseal } from "./mocks";

afterEach(() => {
  pulumi.runtime.setAllConfig({});
});

test("the program's own provider gets the stack's settings for it, and none of others", async () => {
  pulumi.runtime.setAllConfig({
    "aws:profile": "dev",
    "aws:allowedAccountIds": '["123456789012"]',
    "aws:maxRetries": "3",
    "gcp:project": "shop-123456",
    "shop:aws": "{}",
  });
  const { recording } = await record(
    () => new aws.Provider("aws", { ...providerSettings("aws"), region: "eu-west-1" }),
  );
  const inputs = recording.only("pulumi:providers:aws");
  expect(unseal(inputs.profile)).toEqual({ secret: true, value: "dev" });
  expect(JSON.stringify(inputs.allowedAccountIds)).toContain("123456789012");
  expect(JSON.stringify(inputs.maxRetries)).toContain("3");
  expect(inputs.region).toBe("eu-west-1");
  expect(inputs).not.toHaveProperty("project");
  expect(Object.keys(providerSettings("gcp"))).toEqual(["project"]);
});
