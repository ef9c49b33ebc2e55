import { z } from "zod";

import { awsPolicy, type Place } from "../bootstrap/aws-policy";
import { identities, type Identity, invokeRights, needed, type Operation, rights, rightsOf } from "../bootstrap/rights";
import type { Cloud } from "../contract/clouds";
import { type AccessRequest, allows, parsePolicy, type Statement } from "./aws/iam";
import type { StoredResource } from "./store";

const reportSchema = z.object({
  /** Default: an administrator, who may do everything. */
  identity: z.enum(identities).optional(),
  /** Rights that it was not given. */
  without: z.array(z.string()).default([]),
  place: z
    .object({ project: z.string(), stack: z.string(), account: z.string(), region: z.string() })
    .default({ project: "", stack: "", account: "", region: "" }),
});

/** Who asks the local clouds. */
export type CallerReport = z.input<typeof reportSchema>;

/** A resource that something is done with. */
export type Asked = Pick<StoredResource, "type" | "id" | "inputs">;

/** Who asks one cloud. */
export interface CloudCaller {
  /** @throws as the cloud refuses what the caller may not. */
  require(operation: Operation, resource: Asked): void;
  /** The same for a function of the provider. */
  requireInvoke(token: string): void;
}

/**
 * One of the identities that `bootstrap/` makes, with the rights that it gives them: on AWS by its policies, evaluated with
 * names and conditions; on Azure and Google Cloud by the actions and permissions of its roles.
 */
export class Caller {
  #identity: Identity | undefined;
  #statements: readonly Statement[] = [];
  #allowed: Readonly<Record<Cloud, ReadonlySet<string>>> = { aws: new Set(), azure: new Set(), gcp: new Set() };
  #place: Place = { project: "", stack: "", account: "", region: "" };

  constructor(report: CallerReport = {}) {
    this.change(report);
  }

  change(report: CallerReport): void {
    const { identity, without, place } = reportSchema.parse(report);
    this.#identity = identity;
    this.#place = place;
    if (identity === undefined) return;
    const given = (cloud: Cloud) => new Set(rightsOf(cloud, identity).filter((right) => !without.includes(right)));
    this.#allowed = { aws: given("aws"), azure: given("azure"), gcp: given("gcp") };
    const Statement = awsPolicy(identity, place, without);
    this.#statements = Statement.length === 0 ? [] : parsePolicy(JSON.stringify({ Statement }));
  }

  /** @param roles the cloud's own, whose boundaries count for what is attached to them. */
  of(cloud: Cloud, roles: () => readonly Asked[]): CloudCaller {
    return {
      require: (operation, resource) => {
        const refusal = this.refusal(cloud, operation, resource, roles());
        if (refusal !== undefined) throw new Error(refusal);
      },
      requireInvoke: (token) => {
        const missing = this.#missing(cloud, invokeRights[cloud][token] ?? []);
        if (missing !== undefined) throw new Error(this.#refused(cloud, missing, token));
      },
    };
  }

  /** Why the cloud refuses an operation; undefined where it does not. */
  refusal(cloud: Cloud, operation: Operation, resource: Asked, roles: readonly Asked[]): string | undefined {
    const type = rights[cloud][resource.type];
    if (this.#identity === undefined || type === undefined) return undefined;
    if (cloud !== "aws") {
      const missing = this.#missing(cloud, needed(type, operation));
      return missing && this.#refused(cloud, missing, resource.id);
    }
    for (const action of needed(type, operation)) {
      const request = requestOf(action, resource, this.#place, roles);
      if (!allows(this.#statements, request)) {
        return this.#refused("aws", action, request.resource);
      }
    }
    return undefined;
  }

  #missing(cloud: Cloud, all: readonly string[]): string | undefined {
    return this.#identity === undefined ? undefined : all.find((right) => !this.#allowed[cloud].has(right));
  }

  /** In the cloud's words. */
  #refused(cloud: Cloud, right: string, resource: string): string {
    const who = `${this.#place.stack}-${String(this.#identity)}`;
    const said: Readonly<Record<Cloud, string>> = {
      aws: `AccessDenied: User: arn:aws:sts::${this.#place.account}:assumed-role/${who}/session is not authorized to perform: ${right} on resource: ${resource}`,
      azure: `Code="AuthorizationFailed": The client '${who}' does not have authorization to perform action '${right}' over scope '${resource}'`,
      gcp: `Error 403: Permission '${right}' denied on resource '${resource}' (or it may not exist)., forbidden`,
    };
    return said[cloud];
  }
}

/** How an action of AWS names what it is done with. */
function requestOf(action: string, { type, id, inputs }: Asked, place: Place, roles: readonly Asked[]): AccessRequest {
  const { account, region } = place;
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
