import { appendFileSync, cpSync, rmSync } from "node:fs";
import path from "node:path";

import type { Stack } from "@pulumi/pulumi/automation";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { boundaryArn, type Place } from "../../bootstrap/aws-policy";
import { identities, type Identity } from "../../bootstrap/rights";
import { changeCaller, changeResource, requireCloud } from "../../local/cloud-process";
import { findEngine } from "../../local/engine";
import { identitiesStack, tokenOf } from "../../local/identities";
import { projectName } from "../configuration";
import { findingsOf } from "../../operations/diagnose/report";
import { changes, execute, LocalDeployment } from "./local-deployment";

/** Deploys `bootstrap/`, then deploys, previews and compares the whole program with the identities that it created. */
const place: Place = { project: projectName, stack: "staging", account: "123456789012", region: "ap-northeast-1" };
const settings = [
  `aws.permissionsBoundary=${boundaryArn(place)}`,
  "notificationEmail=a@example.com",
  "gcp.function.public=false",
];
const deployment = new LocalDeployment(settings);
const checkout = path.join(__dirname, "..", "..");
let bootstrap: Stack;
let outputs: Record<string, Record<string, string>>;

const as = async (identity?: Identity, form?: "plain" | "immutable") => {
  const token = identity && tokenOf(identity, place.stack, form);
  await changeCaller(await requireCloud(deployment.state), { token, region: place.region });
};

const releasesIn = (text: string) => JSON.parse(text) as unknown[];

/** The output of a command of the project about the deployment. */
async function command(name: "releases" | "rollback" | "layer", ...args: readonly string[]): Promise<string> {
  const local = ["-s", place.stack, "--local", deployment.state];
  const script = path.join(checkout, "cli", `${name}.ts`);
  const { code, stdout, stderr } = await execute([script, ...args, ...local], checkout);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

beforeAll(async () => {
  await deployment.restore();
  const [engine, cloud] = await Promise.all([findEngine(() => undefined), requireCloud(deployment.state)]);
  bootstrap = await identitiesStack({ engine, cloud, state: deployment.state, stack: place.stack });
  const made = await bootstrap.up();
  outputs = Object.fromEntries(
    Object.entries(made.outputs).map(([name, { value }]) => [name, value as Record<string, string>]),
  );
});

afterAll(() => deployment.end());

test("private functions are probed by the deploying identity, their twins first", async () => {
  const gcp = deployment.resources("gcp");
  const functions = gcp.filter(({ type }) => type === "gcp:cloudfunctionsv2/function:Function");
  expect(functions.map(({ urn }) => urn.split("::").at(-1)).sort()).toEqual(["gcp-api", "gcp-api-next"]);
  expect(gcp.filter(({ inputs }) => inputs.member === "allUsers" && inputs.role === "roles/run.invoker")).toEqual([]);
  expect((await fetch(deployment.outputs().gcp.apiUrl)).status).toBe(403);
});

describe("the program of the identities", () => {
  test("creates them on each cloud, and returns the values for GitHub's environments", () => {
    expect(outputs.aws?.permissionsBoundary).toBe(boundaryArn(place));
    for (const identity of identities) {
      expect(outputs.aws?.[identity]).toBe(
        `arn:aws:iam::${place.account}:role/${projectName}-staging-bootstrap-${identity}`,
      );
      expect(outputs.azure?.[identity]).toMatch(/^[0-9a-f-]{36}$/);
      expect(outputs.gcp?.[identity]).toBe(`staging-${identity}@multicloud-auto-deploy.iam.gserviceaccount.com`);
    }
    expect(outputs.gcp?.provider).toMatch(
      /^projects\/\d+\/locations\/global\/workloadIdentityPools\/github-staging\/providers\/github$/,
    );
  });

  test("shows no change in a preview", async () => {
    expect(Object.keys((await bootstrap.preview()).changeSummary)).toEqual(["same"]);
    expect(Object.keys((await bootstrap.preview({ refresh: true })).changeSummary)).toEqual(["same"]);
  });
});

describe("on clouds that check the caller", () => {
  test("a preview needs only to look up the project, and shows no change", async () => {
    for (const form of ["plain", "immutable"] as const) {
      await as("preview", form);
      expect(changes(await deployment.preview()), form).toEqual([]);
    }
  });

  test("a token of another repository has no identity", async () => {
    const token = { subject: "repo:another/repository:environment:staging", repository: "another/repository" };
    await changeCaller(await requireCloud(deployment.state), { token });
    await expect(command("releases")).rejects.toThrow(/nothing that bootstrap\/ deployed trusts repo:another/);
  });

  test("the comparing identity may read everything, and change nothing", async () => {
    await as("drift");
    expect(changes(await deployment.preview({ refresh: true }))).toEqual([]);
    deployment.configure([...deployment.configured, "aws.function.memorySize=1024"]);
    await expect(deployment.up()).rejects.toThrow(/AccessDenied.* lambda:UpdateFunctionConfiguration on resource/);
  });

  test("the comparing identity may diagnose; a preview's may not, and the error names the missing permission", async () => {
    deployment.configure(settings);
    await as("drift");
    const findings = findingsOf(await deployment.diagnose());
    // The previous test's update, which failed.
    expect(findings.map(({ finding }) => finding.title)).toEqual(["the last update is failed"]);
    await as("preview");
    const report = JSON.stringify(await deployment.diagnose());
    expect(report).toMatch(/is not authorized to perform: lambda:GetFunction on resource: arn:aws:lambda:/);
    expect(report).toMatch(/does not have authorization to perform action 'Microsoft\.\w+\/[\w/]+'/);
    expect(report).toMatch(/Permission 'cloudfunctions\.functions\.get' denied/);
  });

  test("a deployment rolls back to the previous release, lists the releases, and deletes old ones", async () => {
    await as("deploy");
    const folder = path.join(checkout, ".local", `identities-${process.pid}`);
    try {
      cpSync(path.join(checkout, "application"), folder, { recursive: true });
      appendFileSync(path.join(folder, "api", "app.py"), "\n# A second release.\n");
      const application = `application=${path.relative(checkout, folder)}`;
      deployment.configure([...settings, application, "aws.function.memorySize=1024"]);
      await deployment.up();
      expect((await command("rollback")).match(/^\w+: api went from/gm)).toEqual(
        ["aws", "azure", "gcp"].map((cloud) => `${cloud}: api went from`),
      );
      expect(releasesIn(await command("releases", "--json"))).toHaveLength(6);
      await deployment.up();
      await command("layer", "prune", "--keep", "1");
      expect(releasesIn(await command("releases", "--json")).length).toBeLessThan(6);

      await as("preview");
      // Whichever cloud answers first.
      await expect(command("releases")).rejects.toThrow(
        /not authorized to perform|AuthorizationFailed|Permission '\S+' denied/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a deployment destroys everything, and creates it again at once", async () => {
    deployment.configure(settings);
    await as("deploy");
    await deployment.destroy();
    for (const cloud of ["azure-native", "gcp"]) {
      const left = deployment.resources(cloud).filter(({ urn }) => urn !== "" && !urn.includes("multicloud-bootstrap"));
      expect(left, cloud).toEqual([]);
    }
    await deployment.up();
  });

  test("without one permission in a deployed policy it is denied, and the error names the permission", async () => {
    const cloud = await requireCloud(deployment.state);
    const policy = deployment
      .resources("aws")
      .find(
        ({ type, inputs }) =>
          type === "aws:iam/policy:Policy" && String(inputs.policy).includes('"lambda:UpdateAlias"'),
      );
    const without = String(policy?.inputs.policy).replace('"lambda:UpdateAlias",', "");
    const request = { cloud: "aws", type: "aws:iam/policy:Policy", id: policy?.id ?? "" };
    await changeResource(cloud, { ...request, inputs: { policy: without } });
    deployment.configure([...deployment.configured, "aws.function.memorySize=2048"]);
    await expect(deployment.up()).rejects.toThrow(/not authorized to perform: lambda:UpdateAlias on resource: arn:aws/);
  });
});
