import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, test } from "vitest";

import { inertAws, inertAzure, inertGcp } from "../../local/inert";
import { CloudProvider } from "../../local/provider";
import type { InertType } from "../../local/resource-type";
import { ResourceStore } from "../../local/store";

const folder = mkdtempSync(path.join(tmpdir(), "inert-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function cloudOf(unknownType: InertType | undefined): CloudProvider {
  return new CloudProvider({
    version: "0.0.0",
    types: {},
    ...(unknownType !== undefined && { unknownType }),
    configuration: { region: "eu-west-1", project: "shop" },
    store: new ResourceStore(mkdtempSync(path.join(folder, "store-"))),
    dataPlane: () => Promise.resolve({ types: {}, close: () => Promise.resolve() }),
  });
}

const urn = (type: string) => `urn:pulumi:test::test::${type}::it`;
const ending = "[0-9a-f]{7}";
const group = "/subscriptions/[0-9a-f-]+/resourceGroups/shop/providers";

test.each([
  ["aws:sqs/queue:Queue", inertAws, { name: "jobs" }, "jobs", "arn:aws:sqs:eu-west-1:123456789012:jobs"],
  ["aws:iam/user:User", inertAws, {}, `it-${ending}`, `arn:aws:iam::123456789012:user/it-${ending}`],
  [
    "azure-native:keyvault:Key",
    inertAzure,
    { resourceGroupName: "shop", keyName: "k", vaultName: "v" },
    "k",
    undefined,
  ],
  ["azure-native:batch:Pool", inertAzure, { resourceGroupName: "shop" }, `it-${ending}`, undefined],
  ["gcp:pubsub/topic:Topic", inertGcp, { name: "jobs" }, "jobs", undefined],
  ["gcp:workflows/workflow:Workflow", inertGcp, {}, `it-${ending}`, undefined],
])("an inert %s has a name, an id and an ARN as its cloud makes them", async (type, inert, inputs, name, arn) => {
  const { id, properties } = await cloudOf(inert).create(urn(type), inputs);
  expect(properties).toMatchObject(inputs);
  expect(properties.name).toMatch(new RegExp(`^${name}$`));
  expect(id).toMatch(
    new RegExp(
      {
        aws: `^${name}$`,
        "azure-native": `^${group}/\\w+/\\w+/${name}$`,
        gcp: `^projects/shop/\\w+/${name}$`,
      }[type.split(":")[0] as "aws" | "azure-native" | "gcp"],
    ),
  );
  if (arn !== undefined) expect(properties.arn).toMatch(new RegExp(`^${arn}$`));
});

test("two inert resources may have one name", async () => {
  const aws = cloudOf(inertAws);
  const record = (type: string) => aws.create(urn("aws:route53/record:Record"), { name: "www", type });
  expect((await record("A")).id).not.toBe((await record("AAAA")).id);
});

test("each engine gets one warning for each type", async () => {
  const aws = cloudOf(inertAws);
  const told: string[] = [];
  const attach = (engine: string) => {
    const warn = (message: string) => Promise.resolve(void told.push(`${engine} ${message.split(" ")[0] ?? ""}`));
    aws.attach({ engine, progress: () => undefined, warn });
  };
  attach("first");
  await aws.declared(urn("aws:sqs/queue:Queue"));
  // A second provider instance of the same engine.
  attach("first");
  for (const type of ["aws:sqs/queue:Queue", "aws:iam/user:User"]) await aws.declared(urn(type));
  attach("second");
  await aws.declared(urn("aws:sqs/queue:Queue"));
  expect(told).toEqual(["first aws:sqs/queue:Queue", "first aws:iam/user:User", "second aws:sqs/queue:Queue"]);
});

test("a cloud without inert types rejects unknown ones", async () => {
  await expect(cloudOf(undefined).create(urn("aws:sqs/queue:Queue"), {})).rejects.toThrow(/has no aws:sqs/);
});
