import Ajv, { type SchemaObject } from "ajv";

import type { Relation } from "../rules";

const docs = "https://docs.aws.amazon.com";

/** Metrics that the program's services publish, with the dimension of each. */
export const publishedMetrics: Readonly<Record<string, { dimension: string; names: string[]; source: string }>> = {
  "AWS/Lambda": {
    dimension: "FunctionName",
    names: ["Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"],
    source: `${docs}/lambda/latest/dg/monitoring-metrics-types.html`,
  },
  "AWS/ApiGateway": {
    dimension: "ApiId",
    names: ["4xx", "5xx", "Count", "IntegrationLatency", "Latency", "DataProcessed"],
    source: `${docs}/apigateway/latest/developerguide/http-api-metrics.html`,
  },
};

const publishedMetric: SchemaObject = {
  anyOf: Object.entries(publishedMetrics).map(([namespace, { dimension, names }]) => ({
    type: "array",
    items: [
      { const: namespace },
      { enum: names },
      { const: dimension },
      { type: "string", minLength: 1, maxLength: 255 },
    ],
    minItems: 4,
    additionalItems: false,
  })),
};

const strings: SchemaObject = {
  anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
};

const principal: SchemaObject = {
  anyOf: [
    { const: "*" },
    {
      type: "object",
      properties: { Service: { type: "string", pattern: "^[a-z0-9-]{1,63}\\.amazonaws\\.com$" }, AWS: strings },
      additionalProperties: false,
      minProperties: 1,
    },
  ],
};

const policy: SchemaObject = {
  type: "object",
  required: ["Version", "Statement"],
  properties: {
    Version: { const: "2012-10-17" },
    Statement: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["Effect", "Action"],
        properties: {
          Sid: { type: "string", pattern: "^[A-Za-z0-9]{1,128}$" },
          Effect: { enum: ["Allow", "Deny"] },
          Action: strings,
          Resource: strings,
          Principal: principal,
          Condition: {
            type: "object",
            properties: {
              StringEquals: {
                type: "object",
                properties: {
                  "AWS:SourceArn": {
                    type: "string",
                    pattern: "^arn:aws[\\w-]*:[a-z0-9-]+:[a-z0-9-]*:\\d{12}:\\S{1,1024}$",
                  },
                },
                additionalProperties: false,
              },
              Bool: { type: "object", additionalProperties: { enum: ["true", "false"] } },
            },
            additionalProperties: false,
          },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};

const context = (...names: string[]) => ({ enum: names.map((name) => `$context.${name}`) });

const accessLog: SchemaObject = {
  type: "object",
  required: ["requestId"],
  properties: { requestId: context("requestId", "extendedRequestId") },
  additionalProperties: context(
    ...["requestTime", "identity.sourceIp", "httpMethod", "path", "status", "responseLength", "responseLatency"],
    "integrationErrorMessage",
  ),
};

const dashboard: SchemaObject = {
  type: "object",
  required: ["widgets"],
  properties: {
    widgets: {
      type: "array",
      maxItems: 500,
      items: {
        type: "object",
        required: ["type", "properties"],
        properties: {
          type: { const: "metric" },
          x: { type: "integer", minimum: 0, maximum: 23 },
          y: { type: "integer", minimum: 0, maximum: 1_000_000 },
          width: { type: "integer", minimum: 1, maximum: 24 },
          height: { type: "integer", minimum: 1, maximum: 1_000 },
          properties: {
            type: "object",
            required: ["region", "metrics"],
            properties: {
              title: { type: "string", maxLength: 255 },
              region: { type: "string", pattern: "^[a-z]{2}(-[a-z]+)+-\\d$" },
              stat: { type: "string", pattern: "^(SampleCount|Average|Sum|Minimum|Maximum|p\\d{1,2}(\\.\\d{1,10})?)$" },
              period: { type: "integer", minimum: 60, multipleOf: 60, maximum: 86_400 * 365 },
              metrics: { type: "array", minItems: 1, maxItems: 500, items: publishedMetric },
            },
            additionalProperties: false,
          },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};

interface Document {
  readonly what: string;
  readonly source: string;
  readonly type: string;
  /** Path of the text. */
  readonly at: readonly [string, ...string[]];
  readonly schema: SchemaObject;
}

const policies = `${docs}/IAM/latest/UserGuide/reference_policies_grammar.html`;

const documents: readonly Document[] = [
  {
    what: "The policy of a role",
    source: policies,
    type: "aws:iam/rolePolicy:RolePolicy",
    at: ["policy"],
    schema: policy,
  },
  {
    what: "Who may assume a role",
    source: policies,
    type: "aws:iam/role:Role",
    at: ["assumeRolePolicy"],
    schema: policy,
  },
  {
    what: "The policy of a bucket",
    source: policies,
    type: "aws:s3/bucketPolicy:BucketPolicy",
    at: ["policy"],
    schema: policy,
  },
  {
    what: "A line of the access log",
    source: `${docs}/apigateway/latest/developerguide/http-api-logging-variables.html`,
    type: "aws:apigatewayv2/stage:Stage",
    at: ["accessLogSettings", "format"],
    schema: accessLog,
  },
  {
    what: "A dashboard",
    source: `${docs}/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html`,
    type: "aws:cloudwatch/dashboard:Dashboard",
    at: ["dashboardBody"],
    schema: dashboard,
  },
];

const ajv = new Ajv({ strict: false });

/**
 * JSON documents in properties, which the models treat as any text. Only the grammar that the program uses is checked.
 */
export const documentRelations: readonly Relation[] = documents.map(({ what, source, type, at, schema }) => ({
  rule: `${what} is a document as its service reads it`,
  source,
  broken: (resources) =>
    resources
      .filter((resource) => resource.type === type)
      .flatMap(({ inputs }) => texts(inputs, at))
      .flatMap((text) => (ajv.validate(schema, parsed(text)) ? [] : [ajv.errorsText()])),
}));

function texts(value: unknown, [step, ...rest]: readonly string[]): string[] {
  if (step === undefined) return typeof value === "string" ? [value] : [];
  return typeof value === "object" && value !== null && step in value
    ? texts(Object.entries(value).find(([name]) => name === step)?.[1], rest)
    : [];
}

/** Parses a JSON document; other text is returned as it is. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
