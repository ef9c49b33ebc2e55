import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  checkStorageAccountName,
  compactName,
  compactNameLimits,
  labelValue,
  nameLimits,
  resourceName,
  type Scope,
} from "../../components/names";

/** Names as Pulumi accepts them: letters, digits, hyphens, underscores and periods. */
const pulumiName = fc.stringMatching(/^[A-Za-z0-9_.-]{1,60}$/);
const scope: fc.Arbitrary<Scope> = fc.record({ project: pulumiName, stack: pulumiName });
/** Few letters and many hyphens, so that two different pairs often look alike. */
const confusable = fc.stringMatching(/^[aA-]{1,4}$/);
const confusableScope: fc.Arbitrary<Scope> = fc.record({ project: confusable, stack: confusable });
const part = fc.constantFrom("api", "messages", "dependencies", "web", "source", "build", "web-http");
const owner = fc.option(fc.constantFrom("subscription-1", "subscription-2"), { nil: undefined });

const same = (a: Scope, b: Scope) => a.project === b.project && a.stack === b.stack;

describe("a name with hyphens", () => {
  test("is the contract's form if that is valid", () => {
    const staging = { project: "multicloud-auto-deploy", stack: "staging" };
    expect(resourceName(staging, "api", nameLimits.lambdaFunction)).toBe("multicloud-auto-deploy-staging-api");
    expect(resourceName(staging, "dependencies", nameLimits.lambdaLayer)).toBe(
      "multicloud-auto-deploy-staging-dependencies",
    );
  });

  test.each(Object.entries(nameLimits))("fits %s", (_service, limit) => {
    fc.assert(
      fc.property(scope, part, owner, (anyScope, anyPart, anyOwner) => {
        const name = resourceName(anyScope, anyPart, limit, anyOwner);
        // The strictest rule: RFC 1035, and the shortest limit of any service.
        expect(name).toMatch(/^[a-z]([a-z0-9-]*[a-z0-9])$/);
        expect(name).not.toContain("--");
        expect(name.length).toBeLessThanOrEqual(limit);
        expect(name.length).toBeGreaterThanOrEqual(6);
      }),
    );
  });

  test.each([
    ["of any stacks", scope],
    ["of stacks that read alike", confusableScope],
  ])("is never that of another stack: %s", (_, scopes) => {
    fc.assert(
      fc.property(scopes, scopes, part, (a, b, anyPart) => {
        fc.pre(!same(a, b));
        for (const limit of [nameLimits.serviceAccount, nameLimits.googleCloud]) {
          expect(resourceName(a, anyPart, limit)).not.toBe(resourceName(b, anyPart, limit));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("differs for another owner or another part, and is stable for the same", () => {
    const shop = { project: "shop", stack: "test" };
    const names = ["a", "b"].flatMap((anyOwner) =>
      ["web", "api"].map((anyPart) => resourceName(shop, anyPart, nameLimits.bucket, anyOwner)),
    );
    expect(new Set(names).size).toBe(4);
    expect(resourceName(shop, "web", nameLimits.bucket, "a")).toBe(names[0]);
  });

  test("distinguishes two splits of one hyphenated text", () => {
    expect(resourceName({ project: "shop", stack: "dev-eu" }, "api", 64)).not.toBe(
      resourceName({ project: "shop-dev", stack: "eu" }, "api", 64),
    );
  });
});

describe("a name without hyphens", () => {
  test.each(Object.entries(compactNameLimits))("fits %s", (_service, limit) => {
    fc.assert(
      fc.property(scope, part, owner, (anyScope, anyPart, anyOwner) => {
        const name = compactName(anyScope, anyPart, limit, anyOwner);
        expect(name).toMatch(/^[a-z][a-z0-9]{2,}$/);
        expect(name.length).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test("never equals that of another stack or another owner", () => {
    fc.assert(
      fc.property(confusableScope, confusableScope, owner, owner, (a, b, one, other) => {
        fc.pre(!same(a, b) || one !== other);
        const limit = compactNameLimits.storageAccount;
        expect(compactName(a, "data", limit, one)).not.toBe(compactName(b, "data", limit, other));
      }),
      { numRuns: 1000 },
    );
  });

  test("is valid for an Azure storage account", () => {
    fc.assert(
      fc.property(scope, (anyScope) => {
        const name = compactName(anyScope, "data", compactNameLimits.storageAccount);
        expect(checkStorageAccountName(name)).toBe(name);
      }),
    );
  });
});

describe("a given storage account name", () => {
  test.each(["ab", "a".repeat(25), "shop-data", "Shop", "shop_data", "", "データ"])("%j does not fit", (name) => {
    expect(() => checkStorageAccountName(name)).toThrow(
      /storage account name .* does not fit: Azure accepts 3 to 24 lower-case letters and digits; choose another/,
    );
  });
});

test("a label holds what Google Cloud accepts", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 100 }), (text) => {
      expect(labelValue(text)).toMatch(/^[a-z0-9_-]{0,63}$/);
    }),
  );
});
