import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { violations } from "../../policy/rule";
import { rules } from "../../policy/rules";
import { type CloudSettings, programStack } from "./program";

beforeEach(() => {
  // Google Cloud's frontend warns where it has no domain.
  vi.spyOn(pulumi.log, "warn").mockResolvedValue();
});

const messages = async (name: string, settings?: CloudSettings) =>
  violations(rules, await programStack(name, settings)).map(({ message }) => message);

describe("the program keeps to every rule", () => {
  test("with the defaults", async () => {
    const stack = await programStack("staging");
    for (const provider of ["aws:", "azure-native:", "gcp:"]) {
      expect(stack.resources.filter(({ type }) => type.startsWith(provider)).length, provider).toBeGreaterThan(20);
    }
    expect(violations(rules, stack)).toEqual([]);
  });

  test("with everything switched on", async () => {
    const settings = {
      aws: {
        waf: true,
        snapStart: true,
        logBucket: "access-logs",
        domain: "app.example.com",
        certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/1",
      },
      azure: { waf: true, frontDoorOnly: true, domain: "azure.example.com" },
      gcp: { cloudArmor: true, domain: "gcp.example.com" },
    };
    expect(await messages("staging", settings)).toEqual([]);
  });

  test.each([[["aws"]], [["azure"]], [["gcp"]], [["aws", "gcp"]]])("on %s alone", async (clouds) => {
    const stack = await programStack("staging", { clouds });
    const providers = { aws: "aws", azure: "azure-native", gcp: "gcp" };
    const found = new Set(stack.resources.map(({ type }) => type.split(":")[0]));
    for (const [cloud, provider] of Object.entries(providers)) {
      expect(found.has(provider), provider).toBe(clouds.includes(cloud));
    }
    expect(violations(rules, stack)).toEqual([]);
  });

  test("in production, once deletion protection is on", async () => {
    expect((await messages("production")).join()).toMatch(/deletion protection is off.*Set deletionProtection to true/);
    expect(await messages("production", { deletionProtection: true })).toEqual([]);
  });
});

test("a short retention is remarked upon, and does not stop a deployment", async () => {
  const found = violations(rules, await programStack("staging", { logRetentionDays: 30 }));
  expect(new Set(found.map(({ rule }) => `${rule.name} ${rule.enforcement ?? ""}`))).toEqual(
    new Set(["aws-log-retention-year advisory"]),
  );
});
