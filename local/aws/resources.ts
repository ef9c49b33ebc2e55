import { createHash } from "node:crypto";

import { z } from "zod";

import type { Resources } from "../store";
import { TypedResources } from "../typed-resources";
import { type AccessRequest, allows, parsePolicy, type Statement } from "./iam";
import { versionType } from "./versions";

const blob = z.object({ path: z.string(), sha256: z.string() });

const behavior = z.object({
  targetOriginId: z.string(),
  allowedMethods: z.array(z.string()),
  compress: z.boolean().default(false),
  cachePolicyId: z.string(),
  originRequestPolicyId: z.string().optional(),
  responseHeadersPolicyId: z.string().optional(),
  functionAssociations: z
    .array(z.object({ eventType: z.literal("viewer-request"), functionArn: z.string() }))
    .default([]),
});

const functionSchema = z.object({
  name: z.string(),
  arn: z.string(),
  role: z.string(),
  handler: z.string(),
  runtime: z.string(),
  architectures: z.array(z.string()).default(["x86_64"]),
  description: z.string().default(""),
  code: blob,
  layers: z.array(z.string()).default([]),
  /** Seconds. */
  timeout: z.number().default(3),
  /** MiB. */
  memorySize: z.number().default(128),
  reservedConcurrentExecutions: z.number().default(-1),
  environment: z.object({ variables: z.record(z.string(), z.string()).default({}) }).optional(),
  loggingConfig: z
    .object({
      logFormat: z.enum(["JSON", "Text"]).default("Text"),
      logGroup: z.string().optional(),
      applicationLogLevel: z.string().optional(),
    })
    .optional(),
  snapStart: z.object({ applyOn: z.enum(["PublishedVersions", "None"]) }).default({ applyOn: "None" }),
});

const notifiedDestination = z.object({
  id: z.string().optional(),
  events: z.array(z.string()),
  filterPrefix: z.string().default(""),
  filterSuffix: z.string().default(""),
});

export const bucketNotification = z.object({
  bucket: z.string(),
  lambdaFunctions: z.array(notifiedDestination.extend({ lambdaFunctionArn: z.string() })).default([]),
  queues: z.array(notifiedDestination.extend({ queueArn: z.string() })).default([]),
});

/** The properties of each resource type that the data planes read, by the type's own property names. */
const schemas = {
  "aws:lambda/function:Function": functionSchema,
  [versionType]: functionSchema.extend({
    version: z.string(),
    versionOf: z.string(),
    layerCode: z.array(blob),
    /** Absent for a version without a snapshot. */
    state: z.enum(["Active", "Failed"]).optional(),
    stateReason: z.string().optional(),
  }),
  "aws:lambda/alias:Alias": z.object({
    name: z.string(),
    functionName: z.string(),
    functionVersion: z.string(),
    routingConfig: z
      .object({ additionalVersionWeights: z.record(z.string(), z.number()).default({}) })
      .default({ additionalVersionWeights: {} }),
  }),
  "aws:lambda/layerVersion:LayerVersion": z.object({
    arn: z.string(),
    code: blob,
    compatibleRuntimes: z.array(z.string()).default([]),
    compatibleArchitectures: z.array(z.string()).default([]),
    createdDate: z.string().optional(),
  }),
  "aws:lambda/permission:Permission": z.object({
    action: z.string(),
    function: z.string(),
    qualifier: z.string().optional(),
    principal: z.string(),
    sourceArn: z.string().optional(),
    sourceAccount: z.string().optional(),
  }),
  "aws:iam/role:Role": z.object({ name: z.string(), arn: z.string(), permissionsBoundary: z.string().optional() }),
  "aws:iam/policy:Policy": z.object({ arn: z.string(), policy: z.string() }),
  "aws:iam/rolePolicy:RolePolicy": z.object({ role: z.string(), policy: z.string() }),
  "aws:cloudwatch/logGroup:LogGroup": z.object({ name: z.string(), arn: z.string() }),
  "aws:cloudwatch/metricAlarm:MetricAlarm": z.object({
    name: z.string(),
    namespace: z.string().default(""),
    metricName: z.string().default(""),
    dimensions: z.record(z.string(), z.string()).default({}),
    statistic: z.string().default("Sum"),
    extendedStatistic: z.string().optional(),
    comparisonOperator: z.enum([
      "GreaterThanOrEqualToThreshold",
      "GreaterThanThreshold",
      "LessThanThreshold",
      "LessThanOrEqualToThreshold",
    ]),
    threshold: z.number().default(0),
    evaluationPeriods: z.number(),
    period: z.number().default(300),
    treatMissingData: z.string().default("missing"),
  }),
  "aws:sns/topicSubscription:TopicSubscription": z.object({
    topic: z.string(),
    endpoint: z.string(),
    pendingConfirmation: z.boolean().default(true),
  }),
  "aws:dynamodb/table:Table": z.object({
    name: z.string(),
    arn: z.string(),
    hashKey: z.string(),
    rangeKey: z.string().optional(),
    attributes: z.array(z.object({ name: z.string(), type: z.string() })),
    pointInTimeRecovery: z.object({ enabled: z.boolean() }).optional(),
    deletionProtectionEnabled: z.boolean().optional(),
  }),
  "aws:apigatewayv2/api:Api": z.object({ id: z.string(), executionArn: z.string(), apiEndpoint: z.string() }),
  "aws:apigatewayv2/stage:Stage": z.object({
    apiId: z.string(),
    name: z.string(),
    stageVariables: z.record(z.string(), z.string()).optional(),
    accessLogSettings: z.object({ destinationArn: z.string(), format: z.string() }).optional(),
    defaultRouteSettings: z
      .object({ throttlingRateLimit: z.number().optional(), throttlingBurstLimit: z.number().optional() })
      .optional(),
  }),
  "aws:apigatewayv2/route:Route": z.object({ apiId: z.string(), routeKey: z.string(), target: z.string() }),
  "aws:apigatewayv2/integration:Integration": z.object({
    id: z.string(),
    apiId: z.string(),
    integrationType: z.literal("AWS_PROXY"),
    integrationUri: z.string(),
    payloadFormatVersion: z.literal("2.0"),
    timeoutMilliseconds: z.number().default(30_000),
  }),
  "aws:secretsmanager/secret:Secret": z.object({ name: z.string(), arn: z.string() }),
  "aws:secretsmanager/secretVersion:SecretVersion": z.object({
    secretId: z.string(),
    versionId: z.string(),
    secretString: z.string(),
    createdDate: z.string(),
  }),
  "aws:scheduler/schedule:Schedule": z.object({
    arn: z.string(),
    scheduleExpression: z.string(),
    state: z.enum(["ENABLED", "DISABLED"]).default("ENABLED"),
    target: z.object({ arn: z.string(), roleArn: z.string(), input: z.string().optional() }),
  }),
  "aws:sqs/queue:Queue": z.object({
    id: z.string(),
    name: z.string(),
    arn: z.string(),
    url: z.string(),
    fifoQueue: z.boolean().default(false),
    contentBasedDeduplication: z.boolean().default(false),
    /** Seconds, as all times of a queue. */
    visibilityTimeoutSeconds: z.number().default(30),
    messageRetentionSeconds: z.number().default(345_600),
    delaySeconds: z.number().default(0),
    receiveWaitTimeSeconds: z.number().default(0),
    /** Bytes. */
    maxMessageSize: z.number().default(262_144),
    redrivePolicy: z.string().optional(),
    policy: z.string().optional(),
  }),
  "aws:sqs/queuePolicy:QueuePolicy": z.object({ queueUrl: z.string(), policy: z.string() }),
  "aws:lambda/eventSourceMapping:EventSourceMapping": z.object({
    eventSourceArn: z.string(),
    functionName: z.string(),
    batchSize: z.number().default(10),
    enabled: z.boolean().default(true),
    functionResponseTypes: z.array(z.string()).default([]),
  }),
  "aws:cloudwatch/eventRule:EventRule": z.object({
    id: z.string(),
    name: z.string(),
    arn: z.string(),
    scheduleExpression: z.string().optional(),
    eventPattern: z.string().optional(),
    state: z.string().default("ENABLED"),
  }),
  "aws:cloudwatch/eventTarget:EventTarget": z.object({
    rule: z.string(),
    arn: z.string(),
    input: z.string().optional(),
    inputPath: z.string().optional(),
  }),
  "aws:s3/bucket:Bucket": z.object({ bucket: z.string(), arn: z.string(), bucketRegionalDomainName: z.string() }),
  "aws:s3/bucketPolicy:BucketPolicy": z.object({ bucket: z.string(), policy: z.string() }),
  "aws:s3/bucketNotification:BucketNotification": bucketNotification,
  "aws:s3/bucketObjectv2:BucketObjectv2": z.object({
    bucket: z.string(),
    key: z.string(),
    source: blob.optional(),
    content: z.string().optional(),
    contentType: z.string().default("binary/octet-stream"),
    cacheControl: z.string().optional(),
  }),
  "aws:cloudfront/originAccessControl:OriginAccessControl": z.object({ id: z.string(), signingBehavior: z.string() }),
  "aws:cloudfront/function:Function": z.object({ arn: z.string(), code: z.string() }),
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": z.object({
    id: z.string(),
    securityHeadersConfig: z
      .object({
        contentSecurityPolicy: z.object({ contentSecurityPolicy: z.string(), override: z.boolean() }).optional(),
        contentTypeOptions: z.object({ override: z.boolean() }).optional(),
        frameOptions: z.object({ frameOption: z.string(), override: z.boolean() }).optional(),
        referrerPolicy: z.object({ referrerPolicy: z.string(), override: z.boolean() }).optional(),
        strictTransportSecurity: z
          .object({
            accessControlMaxAgeSec: z.number(),
            includeSubdomains: z.boolean().default(false),
            preload: z.boolean().default(false),
            override: z.boolean(),
          })
          .optional(),
      })
      .default({}),
    customHeadersConfig: z
      .object({ items: z.array(z.object({ header: z.string(), value: z.string(), override: z.boolean() })) })
      .optional(),
  }),
  "aws:cloudfront/distribution:Distribution": z.object({
    id: z.string(),
    arn: z.string(),
    domainName: z.string(),
    enabled: z.boolean(),
    defaultRootObject: z.string().optional(),
    origins: z.array(
      z.object({
        originId: z.string(),
        domainName: z.string(),
        originPath: z.string().default(""),
        originAccessControlId: z.string().optional(),
        customOriginConfig: z.object({ originReadTimeout: z.number().default(30) }).optional(),
      }),
    ),
    defaultCacheBehavior: behavior,
    orderedCacheBehaviors: z.array(behavior.extend({ pathPattern: z.string() })).default([]),
    customErrorResponses: z
      .array(
        z.object({
          errorCode: z.number(),
          responseCode: z.number().optional(),
          responsePagePath: z.string().optional(),
        }),
      )
      .default([]),
  }),
};

type Types = { [T in keyof typeof schemas]: z.output<(typeof schemas)[T]> };
export type Type = keyof Types;
/** A resource of a type, with the properties that a data plane reads. */
export type Resource<T extends Type> = Types[T];

/** The current resources of local AWS. */
export class AwsResources extends TypedResources<Types> {
  constructor(stored: Resources) {
    super(schemas, stored);
  }

  /**
   * Whether a role may perform an action, by its own policies or other statements that apply, within its permissions
   * boundary.
   */
  roleAllows(roleArn: string, request: AccessRequest, others: readonly Statement[] = []): boolean {
    const role = this.find("aws:iam/role:Role", ({ arn }) => arn === roleArn);
    const own = this.list("aws:iam/rolePolicy:RolePolicy")
      .filter((policy) => policy.role === role?.name)
      .flatMap(({ policy }) => parsePolicy(policy));
    const boundary = this.find("aws:iam/policy:Policy", ({ arn }) => arn === role?.permissionsBoundary);
    return (
      allows([...own, ...others], request) && (boundary === undefined || allows(parsePolicy(boundary.policy), request))
    );
  }
}

/**
 * The access key of a role's session. Services find the role, and so its policies, by this key. Signatures are not
 * verified.
 */
export function accessKeyOf(roleArn: string): string {
  const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const digest = createHash("sha256").update(roleArn).digest().subarray(0, 16);
  return `ASIA${[...digest].map((byte) => base32[byte & 31]).join("")}`;
}
