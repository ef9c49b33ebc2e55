import { expect, test } from "vitest";

import { awsIdentities, inDocuments } from "../../bootstrap/aws";
import { awsPolicy, type Place } from "../../bootstrap/aws-policy";
import { azureIdentities } from "../../bootstrap/azure";
import { gcpIdentities } from "../../bootstrap/gcp";
import { identities, type Identity, rightsOf } from "../../bootstrap/rights";
import { subjects } from "../../bootstrap/subjects";
import { record } from "../components/mocks";

const place: Place = { project: "shop", stack: "staging", account: "123456789012", region: "eu-west-1" };
const repository = { name: "ada/shop", ownerId: "12", id: "34" };
const trusted = (identity: Identity) => subjects(repository, identity === "deploy" ? "staging" : "staging-preview");

test("a token is trusted in the form of before and in the immutable one", () => {
  expect(subjects(repository, "staging")).toEqual([
    "repo:ada/shop:environment:staging",
    "repo:ada@12/shop@34:environment:staging",
  ]);
});

test("on AWS each identity trusts its own environment alone, and its policies fit into managed ones", async () => {
  const { recording } = await record(() => awsIdentities(place, trusted));
  const roles = recording.of("aws:iam/role:Role");
  expect(roles.map(({ name }) => name).sort()).toEqual([...identities].sort());
  for (const { name, inputs } of roles) {
    const text = String(inputs.assumeRolePolicy);
    for (const subject of trusted(name as Identity)) expect(text).toContain(subject);
    if (name !== "deploy") expect(text).not.toContain(':environment:staging"');
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
    expect(JSON.stringify(inputs.permissions)).not.toContain("*");
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
