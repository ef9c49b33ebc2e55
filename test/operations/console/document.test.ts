import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { strToU8, zipSync } from "fflate";
import { afterAll, expect, test } from "vitest";

import { consoleDocument, inspectedModel } from "../../../operations/console/document";
import type { Report } from "../../../operations/diagnose/report";
import { InspectedStack } from "../../../operations/diagnose/stack";
import type { ReleaseSource } from "../../../operations/releases/releases";
import { ReleasedStack } from "../../../operations/releases/stack";
import { stateResource } from "../../../operations/stack-state";
import { UnansweredError } from "../../../operations/unanswered-error";

const folder = mkdtempSync(path.join(tmpdir(), "document-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const archive = path.join(folder, "layer.zip");
writeFileSync(
  archive,
  zipSync({
    "python/pydantic/main.py": strToU8("x".repeat(900)),
    "python/pydantic-2.11.7.dist-info/METADATA": strToU8("x".repeat(100)),
    "python/six.py": strToU8("x".repeat(10)),
  }),
);

const [signature, secret] = ["4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"];
const urn = (name: string) => `urn:pulumi:staging::shop::type::${name}`;
const [before, during] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:05Z"];

const resources = [
  {
    ...{ urn: urn("stack"), type: "pulumi:pulumi:Stack" },
    outputs: { aws: { region: "eu-west-1", functions: { api: { functionName: "shop-api" } } } },
  },
  { urn: urn("aws"), type: "multicloud:aws:WebApplication", parent: urn("stack") },
  { urn: urn("aws-dependencies"), type: "multicloud:aws:DependencyLayer", parent: urn("aws") },
  {
    ...{ urn: urn("layer"), type: "aws:lambda/layerVersion:LayerVersion", parent: urn("aws-dependencies") },
    ...{ created: before, modified: before },
    inputs: { code: { [signature]: "0def7320c3a5731c473e5ecbe6d01bc7", path: archive } },
  },
  { urn: urn("aws-api"), type: "multicloud:aws:ApiFunction", parent: urn("aws") },
  {
    ...{ urn: urn("function"), type: "aws:lambda/function:Function", parent: urn("aws-api") },
    ...{ created: before, modified: during, dependencies: [urn("layer")] },
    inputs: {
      encrypted: { [signature]: secret, ciphertext: "v1:c1pher" },
      plain: { nested: [{ [signature]: secret, plaintext: '"hunter2"' }] },
      address: "https://store.example/package.zip?se=2030-01-01&sig=s1gned%3D&sp=r",
      description: "</script><script>document.title='other'</script>",
    },
  },
];

/** A `pulumi` that prints this stack. */
const pulumi = path.join(folder, "pulumi");
writeFileSync(
  pulumi,
  `#!/usr/bin/env node
const printed = {
  export: ${JSON.stringify({ version: 3, deployment: { resources } })},
  history: [{ kind: "update", result: "succeeded", startTime: "2026-01-02T00:00:00.000Z", endTime: "2026-01-02T00:00:12.000Z" }],
  output: ${JSON.stringify({ aws: { region: "eu-west-1", functions: { api: { functionName: "shop-api" } } } })},
};
require("node:fs").appendFileSync(${JSON.stringify(path.join(folder, "asked"))}, process.argv[3] + "\\n");
console.log(JSON.stringify(printed[process.argv[3]]));
`,
  { mode: 0o755 },
);
const stack = new InspectedStack("staging", { command: pulumi });

const report: Report = {
  ...{ project: "shop", stack: "staging", startedAt: "2026-01-02T03:04:05.000Z", durationMs: 1234 },
  clouds: [
    {
      ...{ cloud: "aws", region: "eu-west-1", apiUrl: "https://api.example.com", functionName: "shop-api" },
      ...{ version: "4.0.0", latencyMs: 12.4, layers: [{ name: "shop-dependencies", version: "7" }] },
    },
  ],
  results: (["credentials", "function"] as const).map((check) => ({
    ...{ check, cloud: "aws", status: "unknown", summary: "not signed in", durationMs: 1 },
    findings: [{ severity: "error", title: "the session has ended", evidence: [], next: "aws sso login" }],
  })),
};

const releases = (): Promise<ReleaseSource> =>
  Promise.resolve({
    stack: new ReleasedStack("staging", { command: pulumi }),
    port: () => ({
      means: "",
      releases: () =>
        Promise.resolve([{ name: "3", release: "c0de", publishedAt: new Date(during), share: 1, verified: true }]),
      serve: () => Promise.reject(new Error("diagnose changes nothing")),
      delete: () => Promise.reject(new Error("diagnose changes nothing")),
      told: () => undefined,
    }),
    progress: () => undefined,
  });

const live = { isLive: true };

const written = (page: string) =>
  JSON.parse(/<script type="application\/json" id="document">(.*?)<\/script>/s.exec(page)?.[1] ?? "") as unknown;

test("has the stack's graph, layers by size, releases and what the last update changed", async () => {
  const model = await inspectedModel(report, stack, releases, live);
  expect(model.clouds).toMatchObject([
    {
      cloud: "aws",
      facts: [
        ["Function", "shop-api"],
        ["Layers", "shop-dependencies:7"],
        ["Latency", "12 ms"],
      ],
      graph: { nodes: [{ name: "aws-dependencies" }, { name: "aws-api", needs: [urn("aws-dependencies")] }] },
    },
  ]);
  expect(model.packed).toEqual([
    {
      ...{ cloud: "aws", name: "layer", size: 1010 },
      parts: [
        { name: "pydantic", size: 1000 },
        { name: "six", size: 10 },
      ],
    },
  ]);
  expect(model.releases).toEqual([
    { cloud: "aws", function: "api", name: "3", release: "c0de", share: 1, publishedAt: "2026-01-02T00:00:05.000Z" },
  ]);
  expect(model.lastUpdate).toMatchObject({
    seconds: 12,
    changes: [{ name: "function", how: "updated" }],
    unchanged: 1,
  });
  expect(model.missing).toEqual({});
});

test("starts the engine as often for several clouds as for one", async () => {
  const asked = path.join(folder, "asked");
  const several = { ...report, clouds: report.clouds.flatMap((each) => [each, { ...each, cloud: "gcp" as const }]) };
  writeFileSync(asked, "");
  const fresh = new InspectedStack("staging", { command: pulumi });
  await Promise.all([fresh.pendingOperations(), fresh.siteFiles(), inspectedModel(several, fresh, releases, live)]);
  // The stack's own, and the releases'.
  expect(readFileSync(asked, "utf8").trim().split("\n").sort()).toEqual(["export", "export", "history", "history"]);
});

test("has no secret, neither encrypted nor in plain text, and no signature of an address", async () => {
  const page = consoleDocument(await inspectedModel(report, stack, releases, live), report);
  for (const each of ["c1pher", "hunter2", "s1gned"]) expect(page).not.toContain(each);
  expect(page).toContain("sig=[secret]&sp=r");
  expect(page).toContain('"encrypted":"[secret]"');
});

test("is one file whose own script and style alone are allowed", async () => {
  const page = consoleDocument(await inspectedModel(report, stack, releases, live), report);
  expect(page).not.toMatch(/ (src|href)="/);
  expect(page.match(/<script/g)).toHaveLength(2);
  const hash = (text = "") => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const [script, style] = [/<script type="module">(.*)<\/script>/s, /<style>(.*)<\/style>/s].map((pattern) =>
    hash(pattern.exec(page)?.[1]),
  );
  expect(page).toContain(
    `content="default-src 'none'; style-src ${style ?? ""}; script-src ${script ?? ""}; base-uri 'none'"`,
  );
  expect(page).toContain("<title>shop, staging: 1 error</title>");
});

test("says why something is not there", async () => {
  const refused = () => Promise.reject(new UnansweredError("pulumi: not logged in", "pulumi login"));
  const model = await inspectedModel(report, { resources: refused, lastUpdate: refused }, refused, live);
  const reason = "pulumi: not logged in; next: pulumi login";
  expect(model.missing).toEqual({
    graph: `Without a graph: the stack's state could not be read: ${reason}`,
    ...{ changes: reason, releases: reason, packed: reason },
  });
  expect(written(consoleDocument(model, report))).toMatchObject({
    model: { clouds: [{ cloud: "aws", region: "eu-west-1" }], releases: [], packed: [] },
  });
});

test("says that archives of another machine are not here", async () => {
  const elsewhere = resources.map((each) => ({ id: "", dependencies: [], outputs: {}, ...each, inputs: {} }));
  const lastUpdate = () => Promise.resolve(undefined);
  const model = await inspectedModel(
    report,
    { resources: () => Promise.resolve(elsewhere), lastUpdate },
    releases,
    live,
  );
  expect(model.missing).toMatchObject({ packed: expect.stringContaining("not on this machine") as unknown });
});

const named = (type: string, name: string, outputs: object = {}) =>
  stateResource.parse({ urn: urn(name), type, id: name, outputs: { name, ...outputs } });

test.each([
  [
    named("aws:lambda/function:Function", "api", { arn: "arn:aws:lambda:eu-west-1:123456789012:function:api" }),
    "https://console.aws.amazon.com/go/view?arn=arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aapi",
  ],
  [
    named("azure-native:web:WebApp", "/subscriptions/1/resourceGroups/shop/providers/Microsoft.Web/sites/api"),
    "https://portal.azure.com/#resource/subscriptions/1/resourceGroups/shop/providers/Microsoft.Web/sites/api",
  ],
  [
    named("gcp:cloudfunctionsv2/function:Function", "api", { project: "shop", location: "europe-west1" }),
    "https://console.cloud.google.com/functions/details/europe-west1/api?project=shop",
  ],
  [named("gcp:projects/service:Service", "shop/run", { project: "shop" }), undefined],
])("links $type to its cloud's own console, on the real clouds only", async (resource, link) => {
  const one = { resources: () => Promise.resolve([resource]), lastUpdate: () => Promise.resolve(undefined) };
  const real = await inspectedModel(report, one, releases, live);
  expect(real.links).toEqual(link === undefined ? {} : { [resource.urn]: link });
  expect((await inspectedModel(report, one, releases, { isLive: false })).links).toBeUndefined();
});
