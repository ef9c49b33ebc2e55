import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "vitest";

import { awsIdentities, inDocuments } from "../../bootstrap/aws";
import { awsPolicy, type Place, statePolicy } from "../../bootstrap/aws-policy";
import { azureIdentities } from "../../bootstrap/azure";
import { gcpIdentities, givenRoles } from "../../bootstrap/gcp";
import { type Command, commandCalls, invocation } from "../../bootstrap/commands";
import { identities, type Identity, rights, rightsOf } from "../../bootstrap/rights";
import { environmentOf, subjects } from "../../bootstrap/subjects";
import { type Cloud, clouds } from "../../contract/clouds";
import { record } from "../components/mocks";

const place: Place = { project: "shop", stack: "staging", account: "123456789012", region: "eu-west-1" };
const repository = { name: "ada/shop", ownerId: "12", id: "34" };
const trusted = (identity: Identity) => subjects(repository, environmentOf(identity, "staging"));

test("a token is trusted in the previous and in the immutable form", () => {
  expect(subjects(repository, "staging")).toEqual([
    "repo:ada/shop:environment:staging",
    "repo:ada@12/shop@34:environment:staging",
  ]);
});

test("on AWS each identity trusts only its own environment, and its policies fit into managed ones", async () => {
  const { recording } = await record(() => awsIdentities(place, trusted));
  const roles = recording.of("aws:iam/role:Role");
  expect(roles.map(({ name }) => name).sort()).toEqual([...identities].sort());
  for (const { name, inputs } of roles) {
    const text = String(inputs.assumeRolePolicy);
    for (const subject of trusted(name as Identity)) expect(text).toContain(subject);
    for (const other of identities.filter((identity) => identity !== name)) {
      for (const subject of trusted(other)) expect(text).not.toContain(`"${subject}"`);
    }
    expect(text).not.toContain("*");
  }
  for (const { inputs } of recording.of("aws:iam/policy:Policy")) {
    expect(String(inputs.policy).length).toBeLessThanOrEqual(6_144);
  }
  const documents = inDocuments(awsPolicy("deploy", place));
  expect(documents.flat()).toEqual(awsPolicy("deploy", place));
});

test("on Azure a deployment assigns the functions' roles and no others, by a role without wildcards", async () => {
  const { recording } = await record(() => azureIdentities({ ...place, location: "japaneast" }, trusted), {
    invokes: {
      "azure-native:authorization:getClientConfig": { subscriptionId: "sub-1", tenantId: "tenant-1" },
    },
  });
  const assignments = recording.of("azure-native:authorization:RoleAssignment");
  expect(new Map(assignments.map(({ name, inputs }) => [name, inputs.condition !== undefined]))).toEqual(
    new Map([
      ["deploy", true],
      ["preview", false],
      ["drift", false],
    ]),
  );
  // Owner and User Access Administrator.
  const condition = String(assignments.find(({ name }) => name === "deploy")?.inputs.condition);
  expect(condition).not.toMatch(/8e3af657-a8ff-443c-a75c-2fe8c4bcb635|18d7d88d-d35e-4fb5-a5c3-7773c20a72d9/);
  expect(condition).toContain("0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3");
  for (const { name, inputs } of recording.of("azure-native:authorization:RoleDefinition")) {
    expect(inputs.permissions).toEqual([{ actions: rightsOf("azure", name as Identity), notActions: [] }]);
    const wildcards = rightsOf("azure", name as Identity).filter((right) => right.includes("*"));
    expect(wildcards).toEqual(name === "deploy" ? ["Microsoft.Cdn/operationresults/*"] : []);
  }
  expect(recording.of("azure-native:managedidentity:FederatedIdentityCredential")).toHaveLength(6);
});

test("on Google Cloud a deployment grants the functions' roles and no others in the project", async () => {
  const { recording } = await record(() => gcpIdentities({ ...place, gcpProject: "shop-1" }, "ada/shop", trusted), {
    invokes: { "gcp:organizations/getProject:getProject": { number: "42" } },
  });
  const grants = recording.of("gcp:projects/iAMMember:IAMMember");
  const conditions = grants.flatMap(({ name, inputs }) => (inputs.condition === undefined ? [] : [name]));
  expect(conditions).toEqual(["deploy_grants"]);
  const roles = recording.of("gcp:projects/iAMCustomRole:IAMCustomRole");
  for (const { name, inputs } of roles) {
    const has = (inputs.permissions as string[]).includes("resourcemanager.projects.setIamPolicy");
    expect(has, name).toBe(name === "deploy_grants");
  }
  const drift = roles.find(({ name }) => name === "drift");
  expect(drift?.inputs.permissions).toContain("storage.buckets.getIamPolicy");
  expect(recording.of("gcp:serviceaccount/iAMMember:IAMMember")).toHaveLength(6);
});

const root = path.join(__dirname, "../..");
const source = (file: string) => readFileSync(path.join(root, file), "utf8");

test("the environment of pull requests belongs to no identity that reads resources", () => {
  expect(identities.map((identity) => environmentOf(identity, "staging"))).toEqual([
    "staging",
    "staging-preview",
    "staging-drift",
  ]);
  expect(source(".github/workflows/drift.yml")).toContain("environment: ${{ matrix.stack }}-drift");
});

/** The files that call a cloud's command line, by the command that runs them. */
const asking: Readonly<Record<Command, Readonly<Partial<Record<Cloud, readonly string[]>>>>> = {
  "version-check": { aws: ["operations/aws-function.ts"] },
  "former-version": { aws: ["operations/former-version.ts"] },
  "smoke-check": {},
  canary: {},
  diagnose: Object.fromEntries(clouds.map((cloud) => [cloud, ["operations/diagnose/vendors.ts"]])),
  releases: {},
  rollback: Object.fromEntries(clouds.map((cloud) => [cloud, [`operations/releases/${cloud}.ts`]])),
  prune: {
    aws: ["operations/layer-versions/aws.ts", "operations/releases/aws.ts"],
    azure: ["operations/releases/azure.ts"],
    gcp: ["operations/releases/gcp.ts"],
  },
};

/** The command groups with which a call begins. */
const groups: Readonly<Record<Cloud, string>> = {
  aws: "lambda|signer|dynamodb|sns|logs|cloudwatch|apigatewayv2",
  azure: "resource|functionapp|storage|deployment|monitor|afd",
  gcp: "functions|run|firestore|logging|projects",
};

test("every call of a cloud's command line is listed with its permissions", () => {
  for (const cloud of clouds) {
    const stated = new Set(Object.values(commandCalls[cloud]).flatMap((calls) => Object.keys(calls)));
    // No command line makes this call.
    stated.delete(invocation);
    const found = Object.values(asking).flatMap((files) =>
      (files[cloud] ?? []).flatMap((file) =>
        [
          ...source(file).matchAll(
            new RegExp(`"(${groups[cloud]})",\\s+("[a-z][a-z0-9-]*"(,\\s+"[a-z][a-z0-9-]*")*)`, "g"),
          ),
        ].map(([, group = "", words = ""]) =>
          [group, ...words.split(/,\s+/).map((word) => word.slice(1, -1))].join(" "),
        ),
      ),
    );
    expect(new Set(found), cloud).toEqual(stated);
  }
});

test("on AWS a deployment's commands reach the stack's functions and logs", () => {
  const resourcesOf = (action: string) =>
    awsPolicy("deploy", place).flatMap(({ Effect, Action, Resource }) =>
      Effect === "Allow" && Action.includes(action) ? Resource : [],
    );
  expect(resourcesOf("lambda:InvokeFunction")).toContain(
    "arn:aws:lambda:eu-west-1:123456789012:function:shop-staging-*",
  );
  expect(resourcesOf("logs:FilterLogEvents")).toContain(
    "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/shop-staging-*",
  );
  for (const action of ["lambda:InvokeFunction", "logs:FilterLogEvents", "lambda:DeleteLayerVersion"])
    expect(resourcesOf(action)).not.toContain("*");
});

test("deployments and comparisons may read the logs for a diagnosis, and a preview may not", () => {
  const logs = {
    aws: "logs:FilterLogEvents",
    azure: "Microsoft.OperationalInsights/workspaces/query/read",
    gcp: "logging.logEntries.list",
  } as const;
  for (const cloud of ["aws", "azure", "gcp"] as const) {
    const having = identities.filter((identity) => rightsOf(cloud, identity).includes(logs[cloud]));
    expect(having, cloud).toEqual(["deploy", "drift"]);
  }
  const tables = [...source("operations/diagnose/vendors.ts").matchAll(/\((App\w+) \|/g)].map(([, table]) => table);
  const queried = [...new Set([...tables, "AppTraces"])].map(
    (table) => `Microsoft.OperationalInsights/workspaces/query/${table}/read`,
  );
  expect(queried).toHaveLength(2);
  for (const right of queried) expect(rightsOf("azure", "deploy")).toContain(right);
});

test("on Azure the status of long-running operations may be read", () => {
  const polled = {
    cdn: /Cdn\/operationresults/,
    web: /Web\/.*operationresults/i,
    frontdoor: /frontdooroperationresults/,
  };
  for (const [provider, right] of Object.entries(polled)) {
    const types = Object.entries(rights.azure).filter(
      ([token]) => token.startsWith(`azure-native:${provider}:`) && !token.endsWith("Allowed"),
    );
    expect(types.length).toBeGreaterThan(0);
    for (const [token, { create, update, delete: deleted }] of types) {
      for (const operation of [create, update, deleted]) expect(operation?.join(), token).toMatch(right);
    }
  }
});

test("on Google Cloud a deployment may grant each role in the project that a component grants there", () => {
  const folder = "components/gcp";
  const sources = readdirSync(path.join(root, folder)).map((file) => source(path.join(folder, file)));
  // In the project itself, and the roles that a table grants to the functions' accounts.
  const granted = sources.flatMap((text) => [
    ...[...text.matchAll(/new (?:gcp\.)?projects\.IAMMember\([^;]*?role: "(roles\/[\w.]+)"/g)].map(([, role]) => role),
    ...[...text.matchAll(/"(roles\/datastore\.\w+)"/g)].map(([, role]) => role),
  ]);
  expect([...new Set(granted)].sort()).toEqual([...givenRoles]);
});

test("on AWS an existing provider of the account is used, and no second one is created", async () => {
  const arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
  const { recording } = await record(() => awsIdentities(place, trusted, { githubProviderArn: arn }));
  expect(recording.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider")).toEqual([]);
  for (const { inputs } of recording.of("aws:iam/role:Role")) expect(inputs.assumeRolePolicy).toContain(arn);
});

test("on AWS each identity can read the state's bucket if it is named, and only a deployment can write state", async () => {
  const policies = async (stateBucket?: string) => {
    const { recording } = await record(() => awsIdentities(place, trusted, { stateBucket }));
    return recording.of("aws:iam/policy:Policy").filter(({ inputs }) => String(inputs.policy).includes(":::state-1"));
  };
  expect(await policies()).toEqual([]);
  const names = (await policies("state-1")).map(({ name }) => name.split("-")[0]);
  expect([...new Set(names)].sort()).toEqual([...identities].sort());
  const writable = (identity: Identity) =>
    statePolicy(identity, "state-1").flatMap(({ Action, Resource }) =>
      Action.includes("s3:PutObject") ? Resource : [],
    );
  expect(writable("deploy")).toEqual(["arn:aws:s3:::state-1/*"]);
  for (const identity of ["preview", "drift"] as const) {
    expect(writable(identity)).toEqual(["arn:aws:s3:::state-1/.pulumi/locks/*"]);
  }
});
