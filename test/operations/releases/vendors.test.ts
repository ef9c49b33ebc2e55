import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { awsVersion } from "../../../operations/aws-function";
import { keepFormerVersion } from "../../../operations/former-version";
import { awsCanary } from "../../../operations/releases/aws";
import { azureReleases } from "../../../operations/releases/azure";
import { gcpCanary, gcpReleases } from "../../../operations/releases/gcp";
import type { EngineResource, KeptRelease, ReleasedFunction } from "../../../operations/releases/port";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "releases-"));
  vi.stubEnv("PATH", `${folder}${path.delimiter}${path.dirname(process.execPath)}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/**
 * Puts a command line tool on the PATH that records its arguments and files, and prints an answer, chosen by a part of
 * them.
 */
function install(program: string, answers: Readonly<Record<string, unknown>>): void {
  const script = `#!${process.execPath}
const fs = require("node:fs");
const args = process.argv.slice(2);
const asked = args.join(" ");
const files = args.map((each) => each.replace(/^@/, "")).filter((each) => each.endsWith(".json") && fs.existsSync(each));
fs.appendFileSync(${JSON.stringify(path.join(folder, "asked"))}, JSON.stringify({ asked, files: files.map((file) => JSON.parse(fs.readFileSync(file, "utf8"))) }) + "\\n");
const answers = ${JSON.stringify(answers)};
const found = Object.keys(answers).find((part) => asked.includes(part));
if (found === undefined) { process.stderr.write("not expected: " + asked); process.exit(1); }
process.stdout.write(JSON.stringify(answers[found]));
`;
  writeFileSync(path.join(folder, program), script, { mode: 0o755 });
}

const asked = () =>
  readFileSync(path.join(folder, "asked"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { asked: string; files: unknown[] });

const fn: ReleasedFunction = { name: "api", functionName: "shop-api", probes: [] };

describe("a canary on AWS", () => {
  const canary = awsCanary("eu-west-1");
  const release = (name: string): KeptRelease => ({
    ...{ name, release: `r${name}`, publishedAt: new Date(), share: 0, verified: true },
  });

  test("is a weight of the alias", async () => {
    install("aws", { "lambda update-alias": {} });
    await canary.split(fn, release("1"), release("2"), 0.1);
    expect(asked()[0]?.asked).toContain(
      "--name live --function-version 1 --routing-config AdditionalVersionWeights={2=0.1}",
    );
  });

  test("fails by CloudWatch's count of errors of its version", async () => {
    const values = [
      { Id: "asked", Values: [40, 2] },
      { Id: "failed", Values: [1] },
      { Id: "serverErrors", Values: [2] },
    ];
    install("aws", { "cloudwatch get-metric-data": { MetricDataResults: values } });
    expect(await canary.answers(fn, release("2"), new Date())).toEqual({ asked: 42, failed: 3 });
    expect(asked()[0]?.asked).toMatch(/"Resource","Value":"shop-api:live".*"ExecutedVersion","Value":"2"/);
  });

  test("is watched by existing alarms", async () => {
    const alarms = [
      { AlarmName: "slow", StateValue: "ALARM" },
      { AlarmName: "full", StateValue: "OK" },
    ];
    install("aws", { "describe-alarms": { MetricAlarms: alarms } });
    expect(await canary.firing(["slow", "full"])).toEqual(["slow"]);
    await expect(canary.firing(["slow", "absent"])).rejects.toThrow(/CloudWatch has no alarm absent/);
  });

  test("that was rolled back is recorded by an alias, until it serves", async () => {
    install("aws", { "lambda create-alias": {}, "lambda delete-alias": {} });
    await canary.noteRefused(fn, release("2"), true);
    await canary.noteRefused(fn, { ...release("2"), refused: true }, true);
    await canary.noteRefused(fn, { ...release("2"), refused: true }, false);
    expect(asked().map((each) => each.asked.split(" --region")[0])).toEqual([
      "lambda create-alias --function-name shop-api --name refused-2 --function-version 2",
      "lambda delete-alias --function-name shop-api --name refused-2",
    ]);
  });
});

describe("a version whose snapshot could not be made, on AWS,", () => {
  const version = () => awsVersion("arn:aws:lambda:eu-west-1:123456789012:function:shop-api", "2");
  const commands = () => asked().map((each) => each.asked.split(" --")[0]);

  test("is deleted, and published anew after a change that Lambda notices", async () => {
    install("aws", {
      "get-function-configuration": { State: "Failed", StateReason: "no such file", Description: "a.b" },
      "list-versions-by-function": { Versions: [{ Version: "$LATEST" }, { Version: "1" }, { Version: "2" }] },
      "delete-function": {},
      "update-function-configuration": {},
      "lambda wait": {},
      "publish-version": { Version: "3" },
    });
    expect(await version().notInvokable()).toEqual({ state: "Failed", reason: "no such file" });
    expect((await version().publishAnew()).number).toBe("3");
    const changes = ["lambda update-function-configuration", "lambda wait function-updated-v2"];
    expect(commands().slice(-6)).toEqual([
      "lambda get-function-configuration",
      ...changes,
      ...changes,
      "lambda publish-version",
    ]);
    expect(asked().find((each) => each.asked.includes("delete-function"))?.asked).toContain("--qualifier 2");
  });

  test("is left to the version that took its place", async () => {
    install("aws", {
      "get-function-configuration": { State: "Active" },
      "list-versions-by-function": { Versions: [{ Version: "$LATEST" }, { Version: "3" }] },
    });
    expect((await version().publishAnew()).number).toBe("3");
  });
});

test("an API that calls a function by its name alone calls a version of it before the function changes", async () => {
  const uri = (name: string) =>
    `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:1:function:${name}/invocations`;
  const source = "arn:aws:execute-api:eu-west-1:1:abc123/*/*";
  const statement = {
    Principal: { Service: "apigateway.amazonaws.com" },
    Condition: { ArnLike: { "AWS:SourceArn": source } },
  };
  install("aws", {
    "get-policy": { Policy: JSON.stringify({ Statement: [statement, { Principal: "*" }] }) },
    "publish-version": { Version: "1" },
    "get-integrations": {
      Items: ["shop-api", "shop-api-2", "shop-api:live"].map((name) => {
        return { IntegrationId: name, IntegrationUri: uri(name) };
      }),
    },
    "add-permission": {},
    "update-integration": {},
  });
  await keepFormerVersion("shop-api", "eu-west-1", 0);
  const changed = asked().flatMap((each) => (/add-permission|update-integration/.test(each.asked) ? [each.asked] : []));
  expect(changed).toHaveLength(2);
  expect(changed[0]).toContain("--qualifier 1 --statement-id former-abc123");
  expect(changed[1]).toContain(`--integration-id shop-api --integration-uri ${uri("shop-api:1")}`);
});

test("a canary on Google Cloud is a traffic share of the service, and its failures are in the request log", async () => {
  const canary = gcpCanary({ project: "shop", region: "europe-west1" });
  const release = (name: string): KeptRelease => ({
    ...{ name, release: "", publishedAt: new Date(), share: 0, verified: true },
  });
  const requests = (...statuses: number[]) => statuses.map((status) => ({ httpRequest: { status } }));
  install("gcloud", {
    "update-traffic": {},
    "httpRequest.status>=500": requests(503),
    "logging read": requests(200, 503),
  });
  await canary.split(fn, release("shop-api-00001-abc"), release("shop-api-00002-def"), 0.1);
  expect(await canary.answers(fn, release("shop-api-00002-def"), new Date())).toEqual({ asked: 2, failed: 1 });
  await canary.noteRefused(fn, release("shop-api-00002-def"), true);
  const [split, , , note] = asked();
  expect(split?.asked).toContain("--to-revisions shop-api-00001-abc=90,shop-api-00002-def=10");
  expect(note?.asked).toContain("--update-tags refused-2=shop-api-00002-def");
});

describe("Google Cloud", () => {
  const revision = (name: string, day: number, variables: Record<string, string>, ready = "True") => ({
    metadata: { name, creationTimestamp: `2026-01-0${day}T00:00:00Z` },
    spec: { containers: [{ env: Object.entries(variables).map(([key, value]) => ({ name: key, value })) }] },
    status: { conditions: [{ type: "Ready", status: ready }] },
  });
  const ours = (code: string) => ({ MULTICLOUD_CODE: code, MULTICLOUD_RELEASE: "c", MULTICLOUD_VERIFIED: "true" });

  test("the revisions of the service are the releases, except those that never became ready", async () => {
    install("gcloud", {
      "run revisions list": [
        revision("shop-api-1", 1, {}),
        revision("shop-api-2", 2, ours("a")),
        revision("shop-api-3", 3, { MULTICLOUD_CODE: "b", MULTICLOUD_RELEASE: "c" }),
        revision("shop-api-4", 4, ours("c"), "False"),
      ],
      "run services describe": {
        status: {
          traffic: [
            { revisionName: "shop-api-3", percent: 100 },
            { revisionName: "shop-api-2", tag: "kept" },
          ],
        },
      },
    });
    const releases = await gcpReleases({ project: "shop", region: "europe-west1" }).releases(fn);
    expect(
      releases.map(({ name, release, share, verified, isAsked, pinned }) => {
        return [name, release, share, verified, isAsked, pinned];
      }),
    ).toEqual([
      ["shop-api-3", "b.c", 1, false, false, false],
      ["shop-api-2", "a.c", 0, true, true, true],
      ["shop-api-1", "", 0, false, true, false],
    ]);
  });

  test("traffic is moved on the service of a function with a long name", async () => {
    const functionName = "a".repeat(50);
    install("gcloud", {
      "functions describe": { serviceConfig: { service: "projects/p/locations/l/services/aaa-1x2y" } },
      "update-traffic": {},
    });
    const release = { name: "aaa-1x2y-00001", release: "", publishedAt: new Date(), share: 0, verified: true };
    await gcpReleases({ project: "shop", region: "europe-west1" }).serve({ ...fn, functionName }, release);
    expect(asked().at(-1)?.asked).toBe(
      "run services update-traffic aaa-1x2y --region europe-west1 --to-revisions aaa-1x2y-00001=100 --project shop --format json --quiet",
    );
  });
});

describe("Azure", () => {
  const resource = (type: string, inputs: Record<string, unknown>): EngineResource => {
    return { urn: `urn:${type}`, type, parent: "urn:deployment", inputs, outputs: inputs };
  };
  const deployment = resource("azure-native:resources:Deployment", {
    deploymentName: "onedeploy",
    resourceGroupName: "shop",
    properties: {
      template: { resources: [{ name: "shop-api/onedeploy" }] },
      parameters: { packageUri: { value: "secret" }, release: { value: "api-2.zip" } },
    },
  });
  const blob = { accountName: "shopweb", containerName: "packages", blobName: "api-2.zip" };
  const resources = [deployment, resource("azure-native:storage:Blob", blob)];
  const port = () => azureReleases("sub-1", resources);
  const kept = (name: string, day: number, metadata: Record<string, string> | null = { release: name[4] ?? "" }) => {
    return { name, metadata, properties: { creationTime: `2026-01-0${day}T00:00:00+00:00` } };
  };

  test("the packages in the container are the releases; a blob beside one says that it was verified", async () => {
    install("az", {
      "storage blob list": [kept("api-1.zip", 1), kept("api-1.zip.verified", 1, null), kept("api-2.zip", 2)],
      "deployment group show": { properties: { parameters: { packageUri: {}, release: { value: "api-2.zip" } } } },
    });
    const releases = await port().releases(fn);
    expect(releases.map(({ name, release, share, verified }) => [name, release, share, verified])).toEqual([
      ["api-2.zip", "2", 1, false],
      ["api-1.zip", "1", 0, true],
    ]);
  });

  test("a kept package is deployed by its address, and its name is recorded in the state's deployment", async () => {
    install("az", { "generate-sas": "https://shopweb.blob/packages/api-1.zip?sig=1", "deployment group create": {} });
    const release = { name: "api-1.zip", release: "1", publishedAt: new Date(), share: 0, verified: true };
    await port().serve(fn, release);
    const [signed, created] = asked();
    expect(signed?.asked).toContain("--container-name packages --name api-1.zip --permissions r");
    expect(created?.asked).toContain("deployment group create --resource-group shop --name onedeploy");
    expect(created?.files).toEqual([
      expect.objectContaining({ resources: [expect.objectContaining({ name: "shop-api/onedeploy" })] }),
      { packageUri: { value: "https://shopweb.blob/packages/api-1.zip?sig=1" }, release: { value: "api-1.zip" } },
    ]);
    const told = port().told(fn, release, deployment);
    expect(told).toMatchObject({ inputs: { properties: { parameters: { release: { value: "api-1.zip" } } } } });
    expect(told).toMatchObject({ inputs: { properties: { parameters: { packageUri: { value: "secret" } } } } });
  });

  test("an app that the Azure CLI deploys has no releases, with the reason", () => {
    expect(azureReleases("sub-1", []).without?.(fn)).toMatch(/shop-api gets its package by the Azure CLI/);
    expect(port().without?.(fn)).toBeUndefined();
  });
});

describe("a blue/green function on Azure", () => {
  const group = "/subscriptions/sub-1/resourceGroups/shop/providers/Microsoft.Cdn/profiles/shop-web/originGroups/";
  const inProfile = { resourceGroupName: "shop", profileName: "shop-web", endpointName: "shop-web" };
  const probed = { ...fn, probes: [{ path: "/api/", status: 200 }] };
  let server: Server;
  let release = "";
  let status = 200;
  let resources: EngineResource[] = [];

  const resource = (type: string, inputs: Record<string, unknown>, outputs = inputs): EngineResource => {
    return { urn: `urn:${type}`, type: `azure-native:${type}`, inputs, outputs };
  };
  const route = () =>
    resource("cdn:Route", { ...inProfile, routeName: "api", originGroup: { id: `${group}api-green` } });

  beforeEach(async () => {
    status = 200;
    server = createServer((request, response) => {
      const isKnown = request.headers["x-azure-fdid"] === "front-door";
      response.writeHead(isKnown ? status : 403, { "x-release": release }).end("{}");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const blue = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const app = (name: string, defaultHostName: string) => resource("web:WebApp", { name }, { defaultHostName });
    resources = [
      route(),
      resource("cdn:Profile", { profileName: "shop-web" }, { frontDoorId: "front-door" }),
      resource("cdn:AFDOrigin", { originGroupName: "api", hostName: blue }),
      resource("cdn:AFDOrigin", { originGroupName: "api-green", hostName: "green.test" }),
      app("shop-api", blue),
      app("shop-api-next", "green.test"),
    ];
    install("az", {
      "afd route show": { originGroup: { id: `${group}api-green`, resourceGroup: "shop" } },
      "--name shop-api-next": {
        tags: { release: "b.2" },
        properties: { lastModifiedTimeUtc: "2026-01-02T00:00:00.1" },
      },
      "--name shop-api": { tags: { release: "a.1" }, properties: { lastModifiedTimeUtc: "2026-01-01T00:00:00.1" } },
      "afd route update": {},
    });
  });

  afterEach(() => server.close());

  test("both apps are its releases; the idle one is verified if it answers now", async () => {
    const seen = async () => {
      const found = await azureReleases("sub-1", resources).releases(probed);
      return found.map(({ name, release, publishedAt, share, verified, pinned }) => {
        return [name, release, publishedAt.toISOString().slice(0, 10), share, verified, pinned];
      });
    };
    release = "a.1.x";
    expect(await seen()).toEqual([
      ["green", "b.2", "2026-01-02", 1, true, true],
      ["blue", "a.1", "2026-01-01", 0, true, true],
    ]);
    status = 500;
    expect((await seen())[1]?.[4]).toBe(false);
  });

  test("the route moves to the other app, also in the state", async () => {
    const port = azureReleases("sub-1", resources);
    const blue = { name: "blue", release: "a.1", publishedAt: new Date(), share: 0, verified: true };
    await port.serve(probed, blue);
    expect(asked().at(-1)?.asked).toContain(
      `afd route update --resource-group shop --profile-name shop-web --endpoint-name shop-web --route-name api --origin-group ${group}api`,
    );
    expect(port.told(probed, blue, route())).toMatchObject({
      inputs: { routeName: "api", originGroup: { id: `${group}api` } },
      outputs: { originGroup: { id: `${group}api` } },
    });
    expect(port.meansFor?.(probed)).toMatch(/Front Door's route is moved/);
    expect(port.without?.(probed)).toBeUndefined();
    await expect(port.serve(probed, { ...blue, name: "red" })).rejects.toThrow("there is no colour red");
  });
});
