import { afterAll, beforeAll, expect, test } from "vitest";

import { changes, LocalDeployment } from "./local-deployment";

const deployment = new LocalDeployment(["clouds=[aws]", "aws.frontend=false"]);
const prefix = "multicloud-auto-deploy-staging-dependencies";

/** Goes over to other settings, with the API answering before and after; gives the changed resources. */
async function goOver(settings: readonly string[]): Promise<string[]> {
  deployment.configure(["clouds=[aws]", "aws.frontend=false", ...settings]);
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
    "~ updated  aws:lambda:Function  aws-api",
    "~ updated  command:local:Command  aws-smoke-check",
  ]);
  const { layers } = deployment.outputs();
  const packages = (group: string) => Object.keys(layers[`${prefix}-${group}`]?.packages ?? {});
  expect(packages("web")).toContain("fastapi");
  expect(packages("auth")).toContain("pyjwt");
  expect(packages("web").filter((name) => packages("auth").includes(name))).toEqual([]);
});

test("hybrid leaves to a public layer what it carries", async () => {
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

test("a public layer that cannot be read is an error before anything is deployed, and proposes full", async () => {
  const arn = "arn:aws:lambda:ap-northeast-1:770693421928:layer:Klayers-p312-PyJWT:1";
  const { layers } = deployment.outputs();
  const version = layers[prefix]?.packages["typing-extensions"] ?? "";
  const publicLayers = { "ap-northeast-1": [{ arn, packages: { "typing-extensions": version } }] };
  const run = await deployment.run(["--config", `aws.publicLayers=${JSON.stringify(publicLayers)}`, "up", "--detach"]);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/public layer .*Klayers.* cannot be read: .*AccessDenied.*set layerStrategy to full/);
  expect(changes(run)).toEqual([]);
});

test("a version that the lock does not accept is an error before anything is deployed", async () => {
  const arn = "arn:aws:lambda:ap-northeast-1:770693421928:layer:Klayers-p312-PyJWT:1";
  const publicLayers = { "ap-northeast-1": [{ arn, packages: { pyjwt: "1.0.0" } }] };
  const run = await deployment.run(["--config", `aws.publicLayers=${JSON.stringify(publicLayers)}`, "up", "--detach"]);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/pyjwt 1\.0\.0, the lock accepts \d/);
  expect(changes(run)).toEqual([]);
});

test("full is one layer again", async () => {
  await goOver([]);
  expect(Object.keys(deployment.outputs().layers)).toEqual([prefix]);
});
