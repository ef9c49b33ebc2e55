import { z } from "zod";

import { callRights } from "../bootstrap/commands";
import { invokeRights, needed, type Operation, rights } from "../bootstrap/rights";
import type { Cloud } from "../contract/clouds";
import { type AccessRequest, allows } from "./aws/iam";
import { account } from "./aws/types";
import { awsPrincipal, azurePrincipal, gcpPrincipal, type Listed, type RoleGrant } from "./sign-in";
import type { StoredResource } from "./store";

const reportSchema = z.object({
  /**
   * Token of a job that deploys, previews or compares. Default: the caller is an administrator, who may do everything.
   */
  token: z.object({ subject: z.string(), repository: z.string() }).optional(),
  /** Region of the AWS stack, for the ARNs in requests. */
  region: z.string().default(""),
});

/** The caller of the local clouds. */
export type CallerReport = z.input<typeof reportSchema>;

/** A resource in a request. */
export type Asked = Pick<StoredResource, "type" | "id" | "inputs">;

/** A call of a vendor's command line tool. */
export interface AskedCall {
  readonly cloud: Cloud;
  /** Service and operation, e.g. `lambda update-alias`. */
  readonly call: string;
  /** ARN of the resource. Default: the call names no resource, or its cloud checks none. */
  readonly resource?: string;
}

/** The caller of one cloud. */
export interface CloudCaller {
  /** @throws the cloud's error for an operation that the caller may not perform. */
  require(operation: Operation, resource: Asked): void;
  /** Same as `require`, for a function of the provider. */
  requireInvoke(token: string): void;
}

/** The caller's permissions, and the cloud's name for the caller. */
interface Access {
  readonly name: string;
  readonly may: (right: string, asked: Asked | undefined, resource?: string) => boolean;
}

/**
 * An identity that `bootstrap/` deployed onto the local clouds, found by the token that it trusts. On AWS its
 * permissions are the policies of its role, evaluated with resources and conditions; on Azure and Google Cloud the
 * actions and permissions of its roles, with the conditions of their assignments.
 */
export class Caller {
  #report = reportSchema.parse({});

  constructor(
    private readonly stored: (cloud: Cloud) => Listed,
    report: CallerReport = {},
  ) {
    this.change(report);
  }

  change(report: CallerReport): void {
    this.#report = reportSchema.parse(report);
  }

  of(cloud: Cloud): CloudCaller {
    return {
      require: (operation, resource) => {
        throwIf(this.refusal(cloud, operation, resource));
      },
      requireInvoke: (token) => {
        throwIf(this.#refused(cloud, invokeRights[cloud][token] ?? [], undefined, token));
      },
    };
  }

  /** The cloud's error for an operation; undefined if it is allowed. */
  refusal(cloud: Cloud, operation: Operation, resource: Asked): string | undefined {
    const type = rights[cloud][resource.type];
    return type === undefined ? undefined : this.#refused(cloud, needed(type, operation), resource, resource.id);
  }

  /** The cloud's error for a call of its command line tool; undefined if it is allowed. */
  callRefusal({ cloud, call, resource = "*" }: AskedCall): string | undefined {
    return this.#refused(cloud, callRights(cloud, call), undefined, resource);
  }

  /** The error in the cloud's own words. */
  #refused(cloud: Cloud, asked: readonly string[], about: Asked | undefined, name: string): string | undefined {
    const { token } = this.#report;
    if (token === undefined || asked.length === 0) return undefined;
    const access = this.#access(cloud);
    if (access === undefined) {
      const said: Readonly<Record<Cloud, string>> = {
        aws: "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        azure: "AADSTS700213: No matching federated identity record found for presented assertion subject",
        gcp: "Error 403: Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)",
      };
      return `${said[cloud]}: nothing that bootstrap/ deployed trusts ${token.subject}`;
    }
    const missing = asked.find((right) => !access.may(right, about, name));
    if (missing === undefined) return undefined;
    const resource = about === undefined || cloud !== "aws" ? name : this.#request(missing, about).resource;
    const said: Readonly<Record<Cloud, string>> = {
      aws: `AccessDenied: User: arn:aws:sts::${account}:assumed-role/${access.name}/session is not authorized to perform: ${missing} on resource: ${resource}`,
      azure: `Code="AuthorizationFailed": The client '${access.name}' does not have authorization to perform action '${missing}' over scope '${resource}'`,
      gcp: `Error 403: Permission '${missing}' denied on resource '${resource}' (or it may not exist)., forbidden`,
    };
    return said[cloud];
  }

  #access(cloud: Cloud): Access | undefined {
    const { token } = this.#report;
    if (token === undefined) return undefined;
    const stored = this.stored(cloud);
    if (cloud === "aws") {
      const found = awsPrincipal(stored, token, (trust, provider, context) =>
        allows(
          trust.map((statement) => ({ ...statement, Resource: ["*"] })),
          { action: "sts:AssumeRoleWithWebIdentity", resource: "", principal: ["Federated", provider], context },
        ),
      );
      return (
        found && {
          name: found.name,
          may: (action, asked, resource = "*") =>
            allows(found.grants, asked === undefined ? { action, resource } : this.#request(action, asked)),
        }
      );
    }
    const found = cloud === "azure" ? azurePrincipal(stored, token) : gcpPrincipal(stored, token);
    const holds = cloud === "azure" ? azureCondition : gcpCondition;
    const has = (grant: RoleGrant, right: string) =>
      grant.rights.some((given) => given === right || (given.endsWith("*") && right.startsWith(given.slice(0, -1))));
    return (
      found && {
        name: found.name,
        may: (right, asked) =>
          found.grants.some(
            (grant) => has(grant, right) && (grant.condition === undefined || holds(grant.condition, right, asked)),
          ),
      }
    );
  }

  #request(action: string, asked: Asked): AccessRequest {
    return requestOf(action, asked, this.#report.region, this.stored("aws").list("aws:iam/role:Role"));
  }
}

function throwIf(refusal: string | undefined): void {
  if (refusal !== undefined) throw new Error(refusal);
}

/**
 * Evaluates the supported part of Azure's role assignment conditions: which role definitions an action may concern.
 *
 * @throws for any other condition.
 */
function azureCondition(condition: string, right: string, asked: Asked | undefined): boolean {
  const clauses = [...condition.matchAll(/!\(ActionMatches\{'([^']+)'\}\)\) OR \([^{]*GuidEquals \{([^}]*)\}\)/g)];
  if (clauses.length === 0) throw new Error(`the local Azure does not evaluate the condition ${condition}`);
  const definition = asked?.inputs.roleDefinitionId;
  const named = typeof definition === "string" ? definition.split("/").at(-1) : undefined;
  return clauses
    .filter(([, action]) => action === right)
    .every(([, , ids = ""]) => ids.split(", ").some((id) => id === named));
}

/**
 * Evaluates the supported part of CEL for changes of a project's policy: which roles are granted.
 *
 * @throws for any other condition.
 */
function gcpCondition(expression: string, _: string, asked: Asked | undefined): boolean {
  const [, listed] =
    /^api\.getAttribute\('iam\.googleapis\.com\/modifiedGrantsByRole', \[\]\)\.hasOnly\(\[(.*)\]\)$/.exec(expression) ??
    [];
  if (listed === undefined) throw new Error(`the local Google Cloud does not evaluate the condition ${expression}`);
  return listed.split(", ").includes(`'${String(asked?.inputs.role)}'`);
}

/** The action and resource of a request to AWS. */
function requestOf(
  action: string,
  { type, id, inputs }: Asked,
  region: string,
  roles: readonly Pick<Asked, "inputs">[],
): AccessRequest {
  const here = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
  const text = (key: string) => {
    const value = inputs[key];
    return typeof value === "string" ? value : id;
  };
  const role = (name: string) => (name.startsWith("arn:") ? name : `arn:aws:iam::${account}:role/${name}`);
  if (action === "iam:PassRole") {
    const target = inputs.target as { roleArn?: string } | undefined;
    const service = type.startsWith("aws:lambda") ? "lambda.amazonaws.com" : "scheduler.amazonaws.com";
    return {
      action,
      resource: role(target?.roleArn ?? text("role")),
      context: { "iam:passedtoservice": service },
    };
  }
  const boundary =
    inputs.permissionsBoundary ?? roles.find((each) => each.inputs.name === inputs.role)?.inputs.permissionsBoundary;
  const arns: Readonly<Record<string, () => string>> = {
    "aws:iam/role:Role": () => role(text("name")),
    "aws:iam/rolePolicy:RolePolicy": () => role(text("role")),
    "aws:cloudwatch/logGroup:LogGroup": () => here("logs", `log-group:${text("name")}`),
    "aws:lambda/layerVersion:LayerVersion": () => here("lambda", `layer:${text("layerName")}`),
    "aws:lambda/layerVersionPermission:LayerVersionPermission": () =>
      here("lambda", `layer:${text("layerName").split(":").at(6) ?? text("layerName")}`),
    "aws:lambda/function:Function": () => here("lambda", `function:${text("name")}`),
    "aws:lambda/alias:Alias": () => here("lambda", `function:${text("functionName")}`),
    "aws:lambda/permission:Permission": () => here("lambda", `function:${text("function")}`),
    "aws:lambda/codeSigningConfig:CodeSigningConfig": () => id,
    "aws:signer/signingProfile:SigningProfile": () => here("signer", `/signing-profiles/${text("name")}`),
    "aws:signer/signingJob:SigningJob": () => {
      const destination = inputs.destination as { s3?: { bucket?: string } } | undefined;
      return action.startsWith("s3:")
        ? `arn:aws:s3:::${destination?.s3?.bucket ?? ""}`
        : here("signer", `/signing-profiles/${text("profileName")}`);
    },
    "aws:dynamodb/table:Table": () => here("dynamodb", `table/${text("name")}`),
    "aws:secretsmanager/secret:Secret": () => here("secretsmanager", `secret:${text("name")}`),
    "aws:secretsmanager/secretVersion:SecretVersion": () => text("secretId"),
    "aws:scheduler/schedule:Schedule": () => here("scheduler", `schedule/default/${text("name")}`),
    "aws:sqs/queue:Queue": () => here("sqs", text("name")),
    "aws:sqs/queuePolicy:QueuePolicy": () => here("sqs", text("queueUrl").split("/").at(-1) ?? ""),
    "aws:cloudwatch/eventRule:EventRule": () => here("events", `rule/${text("name")}`),
    "aws:cloudwatch/eventTarget:EventTarget": () => here("events", `rule/${text("rule")}`),
    "aws:sns/topic:Topic": () => here("sns", text("name")),
    "aws:sns/topicSubscription:TopicSubscription": () => text("topic"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": () => here("cloudwatch", `alarm:${text("name")}`),
    "aws:cloudwatch/dashboard:Dashboard": () => `arn:aws:cloudwatch::${account}:dashboard/${text("dashboardName")}`,
    "aws:s3/bucketObjectv2:BucketObjectv2": () => `arn:aws:s3:::${text("bucket")}/${text("key")}`,
  };
  const resource =
    type.startsWith("aws:s3/bucket") && arns[type] === undefined ? `arn:aws:s3:::${text("bucket")}` : undefined;
  return {
    action,
    resource: resource ?? arns[type]?.() ?? "*",
    context: typeof boundary === "string" ? { "iam:permissionsboundary": boundary } : {},
  };
}
