import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, test } from "vitest";

import { azureTypes } from "../../local/azure/types";
import { gcpTypes } from "../../local/gcp/types";
import { CloudProvider, type ResourceType } from "../../local/provider";
import type { Properties } from "../../local/provider-server";
import { ResourceStore } from "../../local/store";

const folder = mkdtempSync(path.join(tmpdir(), "refusals-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What a local cloud has against properties of a resource. */
function refused(types: Readonly<Record<string, ResourceType>>, type: string, inputs: Properties): string[] {
  const dataPlane = () => Promise.resolve({ types: {}, close: () => Promise.resolve() });
  const store = new ResourceStore(path.join(folder, type));
  const provider = new CloudProvider({ version: "0.0.0", types, configuration: {}, store, dataPlane });
  return provider.check(`urn:pulumi:test::test::${type}::it`, inputs, {}).failures.map(({ property }) => property);
}

test.each([
  ["4096Mi", undefined, false],
  ["4097Mi", "1", true],
  ["4097Mi", "2", false],
  ["32768Mi", "8", false],
  ["32769Mi", "8", true],
  ["64Mi", "1", true],
  ["512Mi", "3", true],
])("local Google Cloud and %s with the CPUs %s: refused is %s", (availableMemory, availableCpu, expected) => {
  const serviceConfig = { availableMemory, ...(availableCpu !== undefined && { availableCpu }) };
  const properties = refused(gcpTypes, "gcp:cloudfunctionsv2/function:Function", { serviceConfig });
  expect(properties.includes("serviceConfig.availableMemory")).toBe(expected);
});

test("local Azure refuses a firewall policy in a group with a long name", () => {
  const properties = (length: number) =>
    refused(azureTypes, "azure-native:frontdoor:Policy", { resourceGroupName: "g".repeat(length), policyName: "web" });
  // Once, since there is no such group.
  expect(properties(80)).toEqual(["resourceGroupName"]);
  expect(properties(81)).toEqual(["resourceGroupName", "resourceGroupName"]);
});
