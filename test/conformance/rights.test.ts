import { beforeAll, describe, expect, inject, test } from "vitest";

import { awsRights } from "../../bootstrap/aws-rights";
import { commandCalls } from "../../bootstrap/commands";
import { givenRoles } from "../../bootstrap/gcp";
import { boundaryArn, type Place } from "../../bootstrap/aws-policy";
import { type Identity, invokeRights, needed, type Operation, rights, rightsOf } from "../../bootstrap/rights";
import { roleDefinitions } from "../../components/azure/role";
import { bucketPrefix } from "../../components/names";
import { type Cloud, clouds } from "../../contract/clouds";
import { Caller } from "../../local/caller";
import type { StoredResource } from "../../local/store";
import { deployedIdentities, tokenOf, without } from "../bootstrap/deployed";
import { projectName } from "../configuration";
import { judge } from "./aws/judge";
import { models } from "./aws/models";
import type { Captured } from "./capture";
import { combinations } from "./combinations";

const captured = inject("captured");
const prefixes: Readonly<Record<string, Cloud>> = { aws: "aws", "azure-native": "azure", gcp: "gcp" };

/** CloudFormation's names of types that no model covers. */
const unmodelled: Readonly<Record<string, string>> = {
  "aws:sqs/queue:Queue": "AWS::SQS::Queue",
  "aws:lambda/eventSourceMapping:EventSourceMapping": "AWS::Lambda::EventSourceMapping",
};

/**
 * Permissions of the provider beyond those of the handlers, with the file of hashicorp/terraform-provider-aws that
 * needs them.
 */
const beyond: Readonly<Record<string, string>> = {
  "iam:PutRolePermissionsBoundary": "iam/role.go: resourceRoleUpdate",
  "iam:ListInstanceProfilesForRole": "iam/role.go: deleteRole",
  "lambda:ListVersionsByFunction": "lambda/function.go: findLatestFunctionVersionByName",
  "lambda:GetFunctionConfiguration": "lambda/function.go: waitFunctionUpdated",
  "lambda:PublishVersion": "lambda/function.go: resourceFunctionCreate",
  "lambda:GetLayerVersion": "Lambda API reference, CreateFunction: of each layer",
  "lambda:PutFunctionCodeSigningConfig": "lambda/function.go: resourceFunctionUpdate",
  "lambda:DeleteFunctionCodeSigningConfig": "the same",
  "logs:CreateLogDelivery": "API Gateway, Configuring logging for HTTP APIs: of whom the stage is made by",
  "logs:GetLogDelivery": "the same",
  "logs:UpdateLogDelivery": "the same",
  "logs:DeleteLogDelivery": "the same",
  "logs:ListLogDeliveries": "the same",
  "logs:PutResourcePolicy": "the same",
  "logs:DescribeResourcePolicies": "the same",
  "logs:DescribeLogGroups": "the same",
  "secretsmanager:GetResourcePolicy": "secretsmanager/secret.go: resourceSecretRead",
  "apigateway:TagResource": "apigatewayv2/api.go: tags of a creation",
  "apigateway:UntagResource": "apigatewayv2/api.go: tags of an update",
  "dynamodb:DescribeTimeToLive": "dynamodb/table.go: resourceTableRead",
  "cloudfront:UpdateDistribution": "cloudfront/distribution.go: resourceDistributionDelete disables it",
  "sqs:GetQueueUrl": "sqs/queue.go: resourceQueueRead",
  "s3:ListBucketVersions": "s3/bucket.go: emptyBucket, where forceDestroy is on",
  "s3:DeleteObjectVersion": "s3/bucket.go: emptyBucket, where forceDestroy is on",
  "s3:DeleteObject": "s3/bucket.go: emptyBucket, where forceDestroy is on",
  "s3:ListBucket": "s3/bucket.go: findBucket",
  ...Object.fromEntries(
    [
      ...[
        "Acl",
        "CORS",
        "Logging",
        "ObjectLockConfiguration",
        "Policy",
        "RequestPayment",
        "Tagging",
        "Versioning",
        "Website",
      ].map((setting) => `s3:GetBucket${setting}`),
      "s3:GetAccelerateConfiguration",
      "s3:GetReplicationConfiguration",
    ].map((right) => [right, "s3/bucket.go: resourceBucketRead reads each setting"]),
  ),
  "s3:GetLifecycleConfiguration": "s3/bucket.go: resourceBucketRead",
  "s3:GetEncryptionConfiguration": "s3/bucket.go: resourceBucketRead",
  "s3:UntagResource": "s3/bucket.go: tags of an update",
};

const account = "123456789012";
const placeOf = (stack: string, region = "ap-northeast-1"): Place => ({ project: projectName, stack, account, region });

/** Types of other teams' programs, such as queues, which no combination has: one resource of each. */
const uncaptured = (place: Place): Captured[] => {
  const tokens = Object.values(rights).flatMap((types) => Object.keys(types));
  const known = new Set(Object.values(captured).flatMap((resources) => resources.map(({ type }) => type)));
  const name = `${place.project}-${place.stack}-worker`;
  const arn = (service: string, resource: string) => `arn:aws:${service}:${place.region}:${account}:${resource}`;
  const inputs = {
    name,
    rule: name,
    bucket: `${bucketPrefix(name)}20261124000000000000000001`,
    queueUrl: `https://sqs.${place.region}.amazonaws.com/${account}/${name}`,
    secretId: arn("secretsmanager", `secret:${name}`),
    target: { roleArn: `arn:aws:iam::${account}:role/${name}` },
  };
  return tokens
    .filter((type) => !known.has(type))
    .map((type) => ({ urn: "", type, id: name, inputs, outputs: {}, dependencies: [] }));
};

/** The resources of each combination by cloud. Roles have the boundary that `aws.permissionsBoundary` sets. */
const stacks = combinations.map(({ name, stack, settings }) => {
  const aws = settings.aws as { region?: string } | undefined;
  const place = placeOf(stack, aws?.region);
  const resources = [...(captured[name] ?? []), ...uncaptured(place)].map((resource): Captured => {
    return resource.type === "aws:iam/role:Role"
      ? { ...resource, inputs: { ...resource.inputs, permissionsBoundary: boundaryArn(place) } }
      : resource;
  });
  const of = (cloud: Cloud) => resources.filter(({ type }) => prefixes[type.split(":")[0] ?? ""] === cloud);
  return { name, place, of };
});
const operations: readonly Operation[] = ["create", "read", "update", "delete"];

/** The resources of `bootstrap/`, by stack. */
const made = new Map<string, Record<Cloud, StoredResource[]>>();

beforeAll(async () => {
  for (const place of [...stacks.map((each) => each.place), placeOf("another")]) {
    const key = placeKey(place);
    if (!made.has(key)) made.set(key, await deployedIdentities(place));
  }
});

const placeKey = ({ stack, region }: Place) => `${stack} ${region}`;

/**
 * A job with an identity of a stack, on clouds with these resources and those of `bootstrap/`.
 *
 * @param missing permission to remove from the identity.
 */
function callerAs(identity: Identity, place: Place, resources: readonly Captured[] = [], missing?: string): Caller {
  const stored = (cloud: Cloud) => {
    const identities = made.get(placeKey(place))?.[cloud] ?? [];
    return [...(missing === undefined ? identities : without(missing, identities)), ...resources];
  };
  const byCloud = { aws: stored("aws"), azure: stored("azure"), gcp: stored("gcp") };
  return new Caller((cloud) => ({ list: (type) => byCloud[cloud].filter((resource) => resource.type === type) }), {
    token: tokenOf(identity, place),
    region: place.region,
  });
}

/** The denied operations of an identity, over all combinations. */
function refusals(cloud: Cloud, identity: Identity, asked: readonly Operation[], own = true): string[] {
  return stacks.flatMap(({ place, of }) => {
    const resources = of(cloud);
    const caller = callerAs(identity, own ? place : placeOf("another"), resources);
    return resources.flatMap((resource) =>
      asked.flatMap((operation) => caller.refusal(cloud, operation, resource) ?? []),
    );
  });
}

/**
 * Whether an identity without one permission is denied an operation: permissions are listed by name, so no other one
 * covers it.
 */
function isMissed(cloud: Cloud, right: string): boolean {
  return stacks.some(({ place, of }) => {
    const resources = of(cloud);
    const asked = resources.flatMap((resource) => {
      const type = rights[cloud][resource.type];
      const needing =
        type === undefined ? [] : operations.filter((operation) => needed(type, operation).includes(right));
      return needing.map((operation) => ({ resource, operation }));
    });
    if (asked.length === 0) return false;
    const caller = callerAs("deploy", place, resources, right);
    return asked.some(({ resource, operation }) => caller.refusal(cloud, operation, resource)?.includes(right));
  });
}

/** Same for the commands that run beside the engine, by their calls of the vendors' command lines. */
function isMissedByCommand(cloud: Cloud, right: string): boolean {
  const place = placeOf("staging");
  const calls = Object.values(commandCalls[cloud]).flatMap((each) => Object.entries(each));
  const caller = callerAs("deploy", place, [], right);
  return calls.some(([call, needing]) => {
    const name = `${place.project}-${place.stack}-api`;
    const resource = needing.includes(right) ? arnOf(right, name, place) : "*";
    return needing.includes(right) && caller.callRefusal({ cloud, call, resource })?.includes(right);
  });
}

/** The resource of a call with a permission. */
function arnOf(right: string, name: string, { region }: Place): string {
  const [service = ""] = right.split(":");
  const kinds: Readonly<Record<string, string>> = {
    lambda: right.includes("LayerVersion") ? `layer:${name}` : `function:${name}`,
    dynamodb: `table/${name}`,
    sns: name,
    logs: `log-group:/aws/lambda/${name}`,
  };
  return `arn:aws:${service}:${region}:${account}:${kinds[service] ?? name}`;
}

describe("rights", () => {
  test("are stated for each type that the program declares", () => {
    for (const cloud of clouds) {
      const types = new Set(stacks.flatMap(({ of }) => of(cloud).map(({ type }) => type)));
      expect([...types].filter((type) => !(type in rights[cloud]) && !type.includes("pulumi:"))).toEqual([]);
    }
  });

  test("of AWS are those of the types' handlers, or of the provider, with a source", async () => {
    const typeOf = (token: string) => models[token]?.type ?? unmodelled[token];
    const named = Object.keys(awsRights).flatMap((token) => typeOf(token) ?? []);
    const { handlers } = await judge({ templates: [], calls: [], handlers: [...new Set(named)] });
    const unknown = Object.entries(awsRights).flatMap(([token, { create, read, update = [], delete: deleted }]) => {
      const type = typeOf(token);
      if (type === undefined) return [];
      const held = new Set((handlers[type] ?? []).map((right) => right.toLowerCase()));
      return [...create, ...read, ...update, ...deleted]
        .filter((right) => !held.has(right.toLowerCase()) && !(right in beyond))
        .map((right) => `${token}: ${right}`);
    });
    expect([...new Set(unknown)]).toEqual([]);
  });

  test.each(clouds)("on %s suffice to deploy and to compare", (cloud) => {
    expect([...new Set(refusals(cloud, "deploy", operations))]).toEqual([]);
    expect([...new Set(refusals(cloud, "drift", ["read"]))]).toEqual([]);
  });

  test.each(clouds)("on %s are minimal: a comparison changes nothing, a preview reads nothing", (cloud) => {
    const count = stacks.reduce(
      (sum, { of }) => sum + of(cloud).filter(({ type }) => (rights[cloud][type]?.read.length ?? 0) > 0).length,
      0,
    );
    const changing = refusals(cloud, "drift", ["create"]).length;
    // On Azure one permission, on the account's key, covers reading and writing of blobs and the static website.
    expect(changing).toBeGreaterThan(count * (cloud === "azure" ? 0.5 : 0.95));
    // The program reads Azure's routes, apps and a container in each run, to find the serving app.
    const unread = cloud === "azure" ? 0.85 : 0.95;
    expect(refusals(cloud, "preview", ["read"]).length).toBeGreaterThan(count * unread);
  });

  test("on AWS are limited to the stack: they exclude another stack's tables, functions, roles and logs", () => {
    const refused = refusals("aws", "deploy", ["delete"], false).join("\n");
    for (const right of ["dynamodb:DeleteTable", "lambda:DeleteFunction", "iam:DeleteRole", "logs:DeleteLogGroup"]) {
      expect(refused).toContain(right);
    }
  });

  test("on AWS create no role without the boundary, and change no role of the bootstrap", () => {
    const place = placeOf("staging");
    const caller = callerAs("deploy", place);
    const role = (name: string, more = {}) => ({ type: "aws:iam/role:Role", id: name, inputs: { name, ...more } });
    const own = `${projectName}-staging-api`;
    expect(caller.refusal("aws", "create", role(own))).toMatch(/not authorized to perform: iam:CreateRole/);
    const bounded = { permissionsBoundary: boundaryArn(place) };
    expect(caller.refusal("aws", "create", role(own, bounded))).toBeUndefined();
    const deploy = role(`${projectName}-staging-bootstrap-deploy`, bounded);
    expect(caller.refusal("aws", "update", deploy)).toMatch(/not authorized to perform: iam:/);
  });

  test("grant only the functions' roles, by the conditions of the identity's own roles", () => {
    const caller = callerAs("deploy", placeOf("staging"));
    const assigned = (role: string) => ({
      ...{ type: "azure-native:authorization:RoleAssignment", id: role },
      inputs: { roleDefinitionId: `/providers/Microsoft.Authorization/roleDefinitions/${role}` },
    });
    const owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
    expect(caller.refusal("azure", "create", assigned(owner))).toMatch(
      /Microsoft\.Authorization\/roleAssignments\/write/,
    );
    for (const role of Object.values(roleDefinitions)) {
      for (const operation of ["create", "delete"] as const) {
        expect(caller.refusal("azure", operation, assigned(role))).toBeUndefined();
      }
    }
    const granted = (role: string) => ({ type: "gcp:projects/iAMMember:IAMMember", id: role, inputs: { role } });
    expect(caller.refusal("gcp", "create", granted("roles/owner"))).toMatch(/resourcemanager\.projects\.setIamPolicy/);
    for (const role of givenRoles) expect(caller.refusal("gcp", "create", granted(role))).toBeUndefined();
  });

  test("are each necessary: without it an operation is denied, and the error names it", () => {
    const shares = clouds.map((cloud) => {
      const all = rightsOf(cloud, "deploy");
      const escaped = all.filter((right) => {
        const refused = isMissed(cloud, right) || isMissedByCommand(cloud, right);
        const caller = callerAs("deploy", placeOf("staging"), [], right).of(cloud);
        const called = Object.entries(invokeRights[cloud]).flatMap(([token, rights]) =>
          rights.includes(right)
            ? [
                () => {
                  caller.requireInvoke(token);
                },
              ]
            : [],
        );
        for (const call of called) expect(call).toThrow(right);
        return called.length === 0 && !refused;
      });
      return { cloud, rights: all.length, caught: all.length - escaped.length, escaped };
    });
    const [rightsTried, caught] = [shares, shares].map((list, index) =>
      list.reduce((sum, each) => sum + (index === 0 ? each.rights : each.caught), 0),
    );
    for (const { cloud, rights: tried, caught: found, escaped } of shares) {
      console.log(
        `${cloud}: ${found} of ${tried} rights missed when they are taken away; not: ${escaped.join(", ") || "none"}`,
      );
    }
    expect((caught ?? 0) / (rightsTried ?? 1)).toBeGreaterThanOrEqual(0.95);
  });
});
