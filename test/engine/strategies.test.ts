import { afterAll, beforeAll, expect, test } from "vitest";

import { localRegistries } from "../../local/layer-registry";
import { changes, LocalDeployment } from "./local-deployment";

const settings = ["clouds=[aws]", "aws.frontend.enabled=false"];
const deployment = new LocalDeployment(settings);
const prefix = "multicloud-auto-deploy-staging-dependencies";

/** Changes the settings while the API answers before and after; returns the changed resources. */
async function goOver(others: readonly string[]): Promise<string[]> {
  deployment.configure([...settings, ...others]);
  const run = await deployment.up();
  const { aws } = deployment.outputs();
  const answer = await fetch(`${aws.apiUrl}/api/messages/`);
  expect(answer.status, await answer.text()).toBe(200);
  return changes(run).sort();
}

beforeAll(async () => {
  await deployment.restore();
});

afterAll(() => deployment.end());

test("split has a layer for each group, and only layers and function change, and are checked", async () => {
  expect(await goOver(["layerStrategy=split"])).toEqual([
    "+ created  aws:lambda:LayerVersion  aws-dependencies-auth",
    "+ created  aws:lambda:LayerVersion  aws-dependencies-web",
    "- deleted  aws:lambda:LayerVersion  aws-dependencies",
    "~ updated  aws:lambda:Alias  aws-api",
    "~ updated  aws:lambda:Function  aws-api",
    "~ updated  command:local:Command  aws-api-version",
    "~ updated  command:local:Command  aws-smoke-check",
  ]);
  const { layers } = deployment.outputs();
  const packages = (group: string) => Object.keys(layers[`${prefix}-${group}`]?.packages ?? {});
  expect(packages("web")).toContain("fastapi");
  expect(packages("auth")).toContain("pyjwt");
  expect(packages("web").filter((name) => packages("auth").includes(name))).toEqual([]);
});

test("hybrid omits the packages of a public layer", async () => {
  const { layers } = deployment.outputs();
  const { arn, packages } = layers[`${prefix}-auth`] ?? { arn: "", packages: {} };
  const publicLayers = { "ap-northeast-1": [{ arn, packages }] };
  await goOver(["layerStrategy=hybrid", `aws.publicLayers=${JSON.stringify(publicLayers)}`]);

  const after = deployment.outputs();
  const ours = Object.keys(after.layers[prefix]?.packages ?? {});
  expect(ours).toContain("fastapi");
  expect(ours.filter((name) => name in packages)).toEqual([]);
  const fn = deployment.resources("aws").find(({ type }) => type === "aws:lambda/function:Function");
  expect(fn?.inputs.layers).toEqual([after.layerArns[prefix], arn]);

  const { results } = await deployment.diagnose();
  expect(results.filter(({ status }) => status !== "passed")).toEqual([]);
  expect(results.find(({ check }) => check === "public-layers")?.summary).toBe(`${prefix}-auth:1`);
});

/** The user's error message for a public layer that cannot be used. */
async function refusalOf(packages: Readonly<Record<string, string>>): Promise<string> {
  const before = deployment.resources("aws");
  const arn = "arn:aws:lambda:ap-northeast-1:770693421928:layer:Klayers-p312-PyJWT:1";
  const publicLayers = { "ap-northeast-1": [{ arn, packages }] };
  deployment.configure([...settings, "layerStrategy=hybrid", `aws.publicLayers=${JSON.stringify(publicLayers)}`]);
  const refusal: unknown = await deployment.up().catch((error: unknown) => error);
  expect(deployment.resources("aws")).toEqual(before);
  return String(refusal);
}

test("a public layer that cannot be read is an error before anything is deployed, and proposes full", async () => {
  const { layers } = deployment.outputs();
  const version = layers[prefix]?.packages["typing-extensions"] ?? "";
  expect(await refusalOf({ "typing-extensions": version })).toMatch(
    /public layer .*Klayers.* cannot be read: .*AccessDenied.*set layerStrategy to full/,
  );
});

test("a version that the lock does not accept is an error before anything is deployed", async () => {
  expect(await refusalOf({ pyjwt: "1.0.0" })).toMatch(/pyjwt 1\.0\.0, the lock accepts \d/);
});

test("full is one layer again", async () => {
  await goOver([]);
  expect(Object.keys(deployment.outputs().layers)).toEqual([prefix]);
});

test("signed, code and layer are what AWS Signer made of them, answer, and are deployed once", async () => {
  const signed = ["aws.codeSigning=enforce"];
  const changed = await goOver(signed);
  expect(changed.filter((line) => /Signing|Function|LayerVersion/.test(line))).toEqual([
    "+ created  aws:lambda:CodeSigningConfig  aws-signing",
    "+ created  aws:signer:SigningJob  aws-signing-api",
    `+ created  aws:signer:SigningJob  aws-signing-${prefix}`,
    "+ created  aws:signer:SigningProfile  aws-signing",
    "- deleted the replaced  aws:lambda:LayerVersion  aws-dependencies",
    "~ updated  aws:lambda:Function  aws-api",
    "± replaced  aws:lambda:LayerVersion  aws-dependencies",
  ]);
  expect(changes(await deployment.preview())).toEqual([]);
  const all = deployment.resources("aws");
  const profile = all.find(({ type }) => type === "aws:signer/signingProfile:SigningProfile");
  for (const deployed of all.filter(({ type }) => type === "aws:lambda/function:Function")) {
    expect(deployed.outputs.signingProfileVersionArn).toBe(profile?.outputs.versionArn);
  }
  const { results } = await deployment.diagnose();
  expect(results.filter(({ status }) => status !== "passed")).toEqual([]);
  // What was built is known by its hash, which is not that of what was signed.
  const { layers, layerArns } = deployment.outputs();
  const published = await localRegistries(deployment.state)("ap-northeast-1").versions(prefix);
  expect(published.find(({ arn }) => arn === layerArns[prefix])?.sha256).toBe(layers[prefix]?.sha256);

  await goOver([]);
  expect(changes(await deployment.preview())).toEqual([]);
});
