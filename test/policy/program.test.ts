import { describe, expect, test } from "vitest";

import { violations } from "../../policy/rule";
import { rules } from "../../policy/rules";
import type { Configuration } from "../configuration";
import { programStack } from "./program";

const messages = async (name: string, settings?: Configuration) =>
  violations(rules, await programStack(name, settings)).map(({ message }) => message);

describe("the program keeps to every rule", () => {
  test("with the defaults", async () => {
    const stack = await programStack("staging");
    expect(stack.resources.length).toBeGreaterThan(20);
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
    };
    expect(await messages("staging", settings)).toEqual([]);
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
