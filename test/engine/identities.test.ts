import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { boundaryArn, type Place } from "../../bootstrap/aws-policy";
import { type Identity } from "../../bootstrap/rights";
import { changeCaller, requireCloud } from "../../local/cloud-process";
import { projectName } from "../configuration";
import { changes, LocalDeployment } from "./local-deployment";

/** The whole program, deployed, previewed and compared by the identities that `bootstrap/` makes for it. */
const place: Place = { project: projectName, stack: "staging", account: "123456789012", region: "ap-northeast-1" };
const deployment = new LocalDeployment([
  `aws.permissionsBoundary=${boundaryArn(place)}`,
  "notificationEmail=a@example.com",
  "gcp.function.public=false",
]);

const as = async (identity?: Identity, without: readonly string[] = []) => {
  await changeCaller(await requireCloud(deployment.state), { identity, without: [...without], place });
};

beforeAll(async () => {
  await deployment.restore();
});

afterAll(() => deployment.end());

test("functions that nobody else may call are asked by who deploys, their twins first", async () => {
  const gcp = deployment.resources("gcp");
  const functions = gcp.filter(({ type }) => type === "gcp:cloudfunctionsv2/function:Function");
  expect(functions.map(({ urn }) => urn.split("::").at(-1)).sort()).toEqual(["gcp-api", "gcp-api-next"]);
  expect(gcp.filter(({ inputs }) => inputs.member === "allUsers" && inputs.role === "roles/run.invoker")).toEqual([]);
  expect((await fetch(deployment.outputs().gcp.apiUrl)).status).toBe(403);
});

describe("on clouds that know who asks", () => {
  test("a preview needs no more than to look the project up, and shows nothing", async () => {
    await as("preview");
    expect(changes(await deployment.preview())).toEqual([]);
  });

  test("what compares may read everything, and change nothing", async () => {
    await as("drift");
    expect(changes(await deployment.preview({ refresh: true }))).toEqual([]);
    deployment.configure([...deployment.configured, "aws.function.memorySize=1024"]);
    await expect(deployment.up()).rejects.toThrow(/AccessDenied.* lambda:UpdateFunctionConfiguration on resource/);
  });

  test("a deployment changes, destroys and makes everything", async () => {
    await as("deploy");
    await deployment.up();
    await deployment.destroy();
    for (const cloud of ["azure-native", "gcp"]) {
      expect(
        deployment.resources(cloud).filter(({ urn }) => urn !== ""),
        cloud,
      ).toEqual([]);
    }
    await deployment.up();
  });

  test("without one right, it is refused and told which", async () => {
    await as("deploy", ["lambda:UpdateAlias"]);
    deployment.configure([...deployment.configured, "aws.function.memorySize=2048"]);
    await expect(deployment.up()).rejects.toThrow(/not authorized to perform: lambda:UpdateAlias on resource: arn:aws/);
  });
});
