import { expect, test } from "vitest";

import { checkPublicLayers } from "../../../components/aws/public-layers";
import { record } from "../mocks";

const token = "aws:lambda/getLayerVersion:getLayerVersion";
const arn = "arn:aws:lambda:eu-west-1:770693421928:layer:Klayers-p312-PyJWT:1";
const target = { region: "eu-west-1", pythonVersion: "3.12", architecture: "x86_64" };

const checked = (found: Record<string, unknown>) =>
  record(() => checkPublicLayers("aws", [{ arn, packages: { pyjwt: "2.9.0" } }], target), {
    invokes: { [token]: { compatibleRuntimes: [], compatibleArchitectures: [], ...found } },
  });

test("public layers are read in the stack's region, whatever the default provider's is", async () => {
  const { recording } = await checked({});
  expect(recording.calls).toMatchObject([{ token, provider: expect.stringContaining("aws-public-layers") as string }]);
  expect(recording.only("pulumi:providers:aws")).toMatchObject({ region: "eu-west-1" });
});

test("a layer for another Python is refused, with the way out", async () => {
  await expect(checked({ compatibleRuntimes: ["python3.11"] })).rejects.toThrow(
    /is for runtime python3\.11, not for python3\.12; .*layerStrategy to full/,
  );
});

test("without public layers nothing is read, and no provider is declared", async () => {
  const { recording } = await record(() => checkPublicLayers("aws", [], target));
  expect([recording.calls, recording.all]).toEqual([[], []]);
});
