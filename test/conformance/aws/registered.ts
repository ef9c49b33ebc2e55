import { z } from "zod";

import type { Captured } from "../capture";

const file = z.object({ path: z.string() });
const strings = z.array(z.string());

/** The properties of each type that the relations read; the models reject resources of another form. */
const schemas = {
  api: z.object({ executionArn: z.string() }),
  alias: z.object({ arn: z.string(), functionName: z.string(), functionVersion: z.string(), invokeArn: z.string() }),
  cloudFrontFunction: z.object({ code: z.string() }),
  distribution: z.object({
    aliases: strings.default([]),
    viewerCertificate: z.object({ acmCertificateArn: z.string().optional() }).optional(),
    origins: z.array(z.object({ originId: z.string() })),
    defaultCacheBehavior: z.object({ targetOriginId: z.string(), allowedMethods: strings, cachedMethods: strings }),
    orderedCacheBehaviors: z
      .array(z.object({ targetOriginId: z.string(), allowedMethods: strings, cachedMethods: strings }))
      .default([]),
  }),
  function: z.object({
    arn: z.string(),
    name: z.string(),
    handler: z.string(),
    runtime: z.string(),
    architectures: strings.default(["x86_64"]),
    layers: strings.default([]),
    code: file,
    timeout: z.number().default(3),
    environment: z.object({ variables: z.record(z.string(), z.string()) }).optional(),
    kmsKeyArn: z.string().optional(),
    role: z.string(),
    publish: z.boolean().default(false),
    snapStart: z.object({ applyOn: z.string() }).optional(),
    invokeArn: z.string(),
  }),
  integration: z.object({
    integrationType: z.string().optional(),
    integrationUri: z.string().optional(),
    payloadFormatVersion: z.string().optional(),
    timeoutMilliseconds: z.number().default(30_000),
  }),
  layer: z.object({
    arn: z.string(),
    code: file,
    compatibleRuntimes: strings.default([]),
    compatibleArchitectures: strings.default([]),
  }),
  permission: z.object({ function: z.string(), qualifier: z.string().optional(), sourceArn: z.string().optional() }),
  policy: z.object({ policy: z.string(), role: z.string() }),
  role: z.object({ arn: z.string(), name: z.string(), assumeRolePolicy: z.string() }),
  route: z.object({ target: z.string().optional() }),
  alarm: z.object({
    name: z.string(),
    namespace: z.string(),
    metricName: z.string(),
    dimensions: z.record(z.string(), z.string()),
    statistic: z.string().optional(),
    extendedStatistic: z.string().optional(),
    comparisonOperator: z.string().optional(),
    evaluationPeriods: z.number().optional(),
    threshold: z.number().optional(),
    period: z.number().optional(),
  }),
  schedule: z.object({ target: z.object({ arn: z.string(), roleArn: z.string() }) }),
  secret: z.object({ arn: z.string() }),
  secretVersion: z.object({ secretId: z.string(), versionId: z.string() }),
  subscription: z.object({ topic: z.string(), endpoint: z.string().optional() }),
  signingJob: z.object({
    source: z.object({ s3: z.object({ bucket: z.string(), key: z.string(), version: z.string() }) }),
  }),
  object: z
    .object({ bucket: z.string(), key: z.string(), versionId: z.string() })
    .transform(({ versionId: version, ...object }) => ({ ...object, version })),
  webAcl: z.object({ scope: z.string(), region: z.unknown() }),
};

export const types = {
  api: "aws:apigatewayv2/api:Api",
  alarm: "aws:cloudwatch/metricAlarm:MetricAlarm",
  alias: "aws:lambda/alias:Alias",
  cloudFrontFunction: "aws:cloudfront/function:Function",
  distribution: "aws:cloudfront/distribution:Distribution",
  function: "aws:lambda/function:Function",
  integration: "aws:apigatewayv2/integration:Integration",
  layer: "aws:lambda/layerVersion:LayerVersion",
  permission: "aws:lambda/permission:Permission",
  policy: "aws:iam/rolePolicy:RolePolicy",
  role: "aws:iam/role:Role",
  route: "aws:apigatewayv2/route:Route",
  schedule: "aws:scheduler/schedule:Schedule",
  secret: "aws:secretsmanager/secret:Secret",
  secretVersion: "aws:secretsmanager/secretVersion:SecretVersion",
  signingJob: "aws:signer/signingJob:SigningJob",
  object: "aws:s3/bucketObjectv2:BucketObjectv2",
  subscription: "aws:sns/topicSubscription:TopicSubscription",
  webAcl: "aws:wafv2/webAcl:WebAcl",
} as const;

type Kinds = { readonly [Kind in keyof typeof schemas]: z.output<(typeof schemas)[Kind]> };

const parsers: { readonly [Kind in keyof Kinds]: z.ZodType<Kinds[Kind]> } = schemas;

/** The resources of a kind. Inputs take precedence over the cloud's outputs. */
export function all<Kind extends keyof Kinds>(resources: readonly Captured[], kind: Kind): Kinds[Kind][] {
  return resources
    .filter(({ type }) => type === types[kind])
    .flatMap(
      ({ inputs, outputs }) =>
        parsers[kind].safeParse({ ...computed(outputs), ...signedCode(inputs, resources), ...inputs }).data ?? [],
    );
}

const signedObject = z.tuple([z.object({ s3s: z.tuple([z.object({ bucket: z.string(), key: z.string() })]) })]);

/** The zip that was signed, where the code is what a signing job made of one. */
export function signedCode({ s3Bucket, s3Key }: Captured["inputs"], resources: readonly Captured[]) {
  const job = resources.find(({ type, outputs }) => {
    const made = type === types.signingJob ? signedObject.safeParse(outputs.signedObjects).data : undefined;
    const object = made?.[0].s3s[0];
    return object !== undefined && object.bucket === s3Bucket && object.key === s3Key;
  });
  const key = z.object({ s3: z.object({ key: z.string() }) }).safeParse(job?.inputs.source).data?.s3.key;
  const object = resources.find(({ type, inputs }) => {
    return type === types.object && key !== undefined && inputs.key === key;
  });
  return object && { code: object.inputs.source };
}

/** Outputs that are not inputs, so that a missing input is not replaced by an output. */
function computed(outputs: Captured["outputs"]): Captured["outputs"] {
  const own = ["arn", "executionArn", "invokeArn", "versionId"];
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => own.includes(name)));
}
