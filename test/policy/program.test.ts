import { readFileSync } from "node:fs";
import path from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";

import { violations } from "../../policy/rule";
import { rules } from "../../policy/rules";
import { projectName } from "../configuration";
import { type CloudSettings, programStack } from "./program";

beforeEach(() => {
  // Google Cloud's frontend warns if it has no domain.
  vi.spyOn(pulumi.log, "warn").mockResolvedValue();
});

const messages = async (name: string, settings?: CloudSettings) =>
  violations(rules, await programStack(name, settings)).map(({ message }) => message);

describe("the program follows every rule", () => {
  test("with the defaults", async () => {
    const stack = await programStack("staging");
    for (const provider of ["aws:", "azure-native:", "gcp:"]) {
      expect(stack.resources.filter(({ type }) => type.startsWith(provider)).length, provider).toBeGreaterThan(20);
    }
    expect(violations(rules, stack)).toEqual([]);
  });

  test("with everything enabled", async () => {
    const settings = {
      notificationEmail: "on-call@example.com",
      aws: {
        function: { snapStart: true },
        frontend: {
          waf: true,
          logBucket: "access-logs",
          domain: "app.example.com",
          certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/1",
        },
      },
      azure: { function: { frontDoorOnly: true }, frontend: { waf: true, domain: "azure.example.com" } },
      gcp: { frontend: { cloudArmor: true, publicBucket: true, domain: "gcp.example.com" } },
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

  test("with the settings of Pulumi.production.yaml", async () => {
    const file = readFileSync(path.join(__dirname, "..", "..", "Pulumi.production.yaml"), "utf8");
    const { config } = parse(file) as { config: CloudSettings };
    const settings = Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.replace(`${projectName}:`, ""), value]),
    );
    expect(await messages("production", settings)).toEqual([]);
  });

  test("in production, once deletion protection is enabled", async () => {
    expect((await messages("production")).join()).toMatch(/deletion protection is off.*Set deletionProtection to true/);
    expect(await messages("production", { deletionProtection: true })).toEqual([]);
  });
});

describe("alarms", () => {
  const alarms = /alarm|sns|gcp:monitoring|actionGroup|queryRule/i;
  const watching = async (settings?: CloudSettings) =>
    (await programStack("production", settings)).resources.filter(({ type }) => alarms.test(type));

  test("are disabled without an address", async () => {
    expect(await watching()).toEqual([]);
  });

  test("are enabled on every cloud with an address", async () => {
    const found = await watching({ notificationEmail: "on-call@example.com" });
    expect(new Set(found.map(({ type }) => type.split(":")[0]))).toEqual(new Set(["aws", "azure-native", "gcp"]));
  });

  test("need a valid address", async () => {
    await expect(watching({ notificationEmail: "on-call" })).rejects.toThrow(
      /notificationEmail: expected an e-mail address.*found "on-call"/,
    );
  });
});

test("a short retention period causes a warning, and does not stop a deployment", async () => {
  const found = violations(rules, await programStack("staging", { logRetentionDays: 30 }));
  expect(new Set(found.map(({ rule }) => `${rule.name} ${rule.enforcement ?? ""}`))).toEqual(
    new Set(["aws-log-retention-year advisory"]),
  );
});
