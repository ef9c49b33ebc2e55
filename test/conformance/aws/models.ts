import type { Values } from "../calls";
import { isRecord, type Rule, type Rules } from "../translation";

/** A call of an AWS API, which is checked against botocore's model. */
interface Call {
  readonly service: string;
  readonly operation: string;
  /**
   * Parameters, from the model's properties and, for what CloudFormation lacks, from the inputs. Capitals may differ
   * from the service's, and a list stands for its `Quantity` and `Items`. Default: the model's properties.
   */
  readonly parameters?: (properties: Values, inputs: Values) => Values;
}

/**
 * How a type of `@pulumi/aws` maps to a type of CloudFormation. Without a rule, a property has the same name with a
 * capital letter; the linter reports names that do not exist.
 */
export interface Model {
  /** The CloudFormation type with the schema; absent if there is none. */
  readonly type?: string;
  /** Property of the model that contains everything except the tags. */
  readonly within?: string;
  /** By path, e.g. `origins.originId`; a list on the way stands for each of its items. */
  readonly rules?: Rules;
  /** Properties that belong to the provider, with their purpose. */
  readonly unmodelled?: Readonly<Record<string, string>>;
  /** Values that the provider sends although the program omits them. */
  readonly sent?: Values;
  /** The call with which the provider creates the resource. */
  readonly call: Call;
  /** Property that names the resource of which this one is a setting: the model has only one resource for both. */
  readonly partOf?: string;
}

const entries = (key: string, name: string, value: string): Rule => {
  return (map) => ({
    [key]: isRecord(map) ? Object.entries(map).map(([label, text]) => ({ [name]: label, [value]: text })) : map,
  });
};

const tagList = entries("Tags", "Key", "Value");

/** A map with keys of the user's choice, e.g. names of variables. */
const asItIs =
  (name: string): Rule =>
  (value) => ({ [name]: value });

/** Parses a JSON document; other text stays, and the linter reports it. */
const document =
  (name: string): Rule =>
  (text) => ({ [name]: parsed(text) });

/** The provider uploads a file; CloudFormation reads it from a bucket. */
const uploaded =
  (name: string): Rule =>
  (archive) => ({ [name]: isRecord(archive) ? { S3Bucket: "uploaded", S3Key: "archive.zip" } : archive });

const keyOf =
  (keyType: "HASH" | "RANGE"): Rule =>
  (name) => ({ KeySchema: [{ AttributeName: name, KeyType: keyType }] });

/** The service takes the document as text. */
const asText =
  (name: string) =>
  (properties: Values): Values =>
    properties[name] === undefined ? properties : { ...properties, [name]: JSON.stringify(properties[name]) };

export const models: Readonly<Record<string, Model>> = {
  "aws:iam/role:Role": {
    type: "AWS::IAM::Role",
    rules: { name: "RoleName", assumeRolePolicy: document("AssumeRolePolicyDocument"), tags: tagList },
    call: { service: "iam", operation: "CreateRole", parameters: asText("AssumeRolePolicyDocument") },
  },
  "aws:iam/rolePolicy:RolePolicy": {
    type: "AWS::IAM::RolePolicy",
    rules: { name: "PolicyName", role: "RoleName", policy: document("PolicyDocument") },
    call: { service: "iam", operation: "PutRolePolicy", parameters: asText("PolicyDocument") },
  },
  "aws:cloudwatch/logGroup:LogGroup": {
    type: "AWS::Logs::LogGroup",
    rules: { name: "LogGroupName", tags: tagList },
    call: {
      service: "logs",
      operation: "CreateLogGroup",
      parameters: ({ RetentionInDays: _, Tags: __, ...properties }) => properties,
    },
  },
  "aws:lambda/layerVersion:LayerVersion": {
    type: "AWS::Lambda::LayerVersion",
    rules: { code: uploaded("Content"), s3Bucket: "Content.S3Bucket", s3Key: "Content.S3Key" },
    unmodelled: { skipDestroy: "the provider leaves old versions in place" },
    call: { service: "lambda", operation: "PublishLayerVersion" },
  },
  "aws:lambda/layerVersionPermission:LayerVersionPermission": {
    type: "AWS::Lambda::LayerVersionPermission",
    rules: {
      // CloudFormation has one ARN for both.
      layerName: (layer) => ({ LayerVersionArn: typeof layer === "string" ? `${layer}:1` : layer }),
    },
    unmodelled: {
      versionNumber: "CloudFormation has it at the end of LayerVersionArn",
      statementId: "CloudFormation generates it",
    },
    call: {
      service: "lambda",
      operation: "AddLayerVersionPermission",
      parameters: ({ LayerVersionArn: _, ...properties }, { layerName, versionNumber, statementId }) => ({
        ...properties,
        LayerName: layerName,
        VersionNumber: versionNumber,
        StatementId: statementId,
      }),
    },
  },
  "aws:lambda/function:Function": {
    type: "AWS::Lambda::Function",
    rules: {
      name: "FunctionName",
      code: uploaded("Code"),
      s3Bucket: "Code.S3Bucket",
      s3Key: "Code.S3Key",
      "environment.variables": asItIs("Variables"),
      tags: tagList,
    },
    unmodelled: { publish: "the provider publishes a version after each change" },
    call: {
      service: "lambda",
      operation: "CreateFunction",
      parameters: ({ ReservedConcurrentExecutions: _, Tags: __, ...properties }, { publish }) => ({
        ...properties,
        Publish: publish,
      }),
    },
  },
  "aws:lambda/codeSigningConfig:CodeSigningConfig": {
    type: "AWS::Lambda::CodeSigningConfig",
    rules: { policies: "CodeSigningPolicies", tags: tagList },
    call: {
      service: "lambda",
      operation: "CreateCodeSigningConfig",
      parameters: ({ Tags: _, ...properties }) => properties,
    },
  },
  "aws:signer/signingProfile:SigningProfile": {
    type: "AWS::Signer::SigningProfile",
    rules: { tags: tagList },
    unmodelled: { namePrefix: "the provider makes a name of it" },
    call: {
      service: "signer",
      operation: "PutSigningProfile",
      parameters: ({ Tags: _, ...properties }, { namePrefix }) => ({ ...properties, ProfileName: namePrefix }),
    },
  },
  "aws:signer/signingJob:SigningJob": {
    rules: { "source.s3.bucket": "BucketName", "destination.s3.bucket": "BucketName" },
    call: {
      service: "signer",
      operation: "StartSigningJob",
      parameters: (properties) => ({ ...properties, ClientRequestToken: "generated" }),
    },
  },
  "aws:lambda/alias:Alias": { type: "AWS::Lambda::Alias", call: { service: "lambda", operation: "CreateAlias" } },
  "aws:lambda/permission:Permission": {
    type: "AWS::Lambda::Permission",
    rules: { function: "FunctionName" },
    unmodelled: { qualifier: "CloudFormation has it at the end of FunctionName" },
    call: {
      service: "lambda",
      operation: "AddPermission",
      parameters: (properties, { qualifier }) => ({
        ...properties,
        StatementId: "generated",
        ...(qualifier !== undefined && { Qualifier: qualifier }),
      }),
    },
  },
  "aws:apigatewayv2/api:Api": {
    type: "AWS::ApiGatewayV2::Api",
    rules: { tags: asItIs("Tags") },
    call: { service: "apigatewayv2", operation: "CreateApi" },
  },
  "aws:apigatewayv2/integration:Integration": {
    type: "AWS::ApiGatewayV2::Integration",
    rules: { timeoutMilliseconds: "TimeoutInMillis" },
    call: { service: "apigatewayv2", operation: "CreateIntegration" },
  },
  "aws:apigatewayv2/route:Route": {
    type: "AWS::ApiGatewayV2::Route",
    call: { service: "apigatewayv2", operation: "CreateRoute" },
  },
  "aws:apigatewayv2/stage:Stage": {
    type: "AWS::ApiGatewayV2::Stage",
    rules: { name: "StageName", tags: asItIs("Tags") },
    call: { service: "apigatewayv2", operation: "CreateStage" },
  },
  "aws:dynamodb/table:Table": {
    type: "AWS::DynamoDB::Table",
    rules: {
      name: "TableName",
      hashKey: keyOf("HASH"),
      rangeKey: keyOf("RANGE"),
      attributes: "AttributeDefinitions",
      "attributes.name": "AttributeName",
      "attributes.type": "AttributeType",
      pointInTimeRecovery: "PointInTimeRecoverySpecification",
      "pointInTimeRecovery.enabled": "PointInTimeRecoveryEnabled",
      serverSideEncryption: "SSESpecification",
      "serverSideEncryption.enabled": "SSEEnabled",
      tags: tagList,
    },
    call: {
      service: "dynamodb",
      operation: "CreateTable",
      parameters: ({ PointInTimeRecoverySpecification: _, SSESpecification, ...properties }) => ({
        ...properties,
        SSESpecification: isRecord(SSESpecification) ? { Enabled: SSESpecification.SSEEnabled } : SSESpecification,
      }),
    },
  },
  "aws:s3/bucket:Bucket": {
    type: "AWS::S3::Bucket",
    partOf: "bucket",
    rules: { bucket: "BucketName", tags: tagList },
    unmodelled: {
      forceDestroy: "the provider empties the bucket before it deletes it",
      bucketPrefix: "the provider makes a name of it",
    },
    call: {
      service: "s3",
      operation: "CreateBucket",
      parameters: ({ BucketName }, { bucketPrefix }) => ({ Bucket: BucketName ?? bucketPrefix }),
    },
  },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
    type: "AWS::S3::Bucket",
    partOf: "bucket",
    rules: {
      bucket: "BucketName",
      blockPublicAcls: "PublicAccessBlockConfiguration.BlockPublicAcls",
      blockPublicPolicy: "PublicAccessBlockConfiguration.BlockPublicPolicy",
      ignorePublicAcls: "PublicAccessBlockConfiguration.IgnorePublicAcls",
      restrictPublicBuckets: "PublicAccessBlockConfiguration.RestrictPublicBuckets",
    },
    call: {
      service: "s3",
      operation: "PutPublicAccessBlock",
      parameters: ({ BucketName, ...properties }) => ({ ...properties, Bucket: BucketName }),
    },
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
    type: "AWS::S3::Bucket",
    partOf: "bucket",
    rules: {
      bucket: "BucketName",
      rule: "OwnershipControls",
      "rule.objectOwnership": (ownership) => ({ Rules: [{ ObjectOwnership: ownership }] }),
    },
    call: {
      service: "s3",
      operation: "PutBucketOwnershipControls",
      parameters: ({ BucketName, ...properties }) => ({ ...properties, Bucket: BucketName }),
    },
  },
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
    type: "AWS::S3::Bucket",
    partOf: "bucket",
    rules: {
      bucket: "BucketName",
      rules: "BucketEncryption.ServerSideEncryptionConfiguration",
      "rules.applyServerSideEncryptionByDefault": "ServerSideEncryptionByDefault",
      "rules.applyServerSideEncryptionByDefault.sseAlgorithm": "SSEAlgorithm",
    },
    call: {
      service: "s3",
      operation: "PutBucketEncryption",
      // CloudFormation's schema checks the rules already.
      parameters: ({ BucketName }) => ({ Bucket: BucketName, ServerSideEncryptionConfiguration: { Rules: [] } }),
    },
  },
  "aws:s3/bucketVersioning:BucketVersioning": {
    type: "AWS::S3::Bucket",
    partOf: "bucket",
    rules: { bucket: "BucketName" },
    call: {
      service: "s3",
      operation: "PutBucketVersioning",
      parameters: ({ BucketName, ...properties }) => ({ ...properties, Bucket: BucketName }),
    },
  },
  "aws:s3/bucketPolicy:BucketPolicy": {
    type: "AWS::S3::BucketPolicy",
    rules: { policy: document("PolicyDocument") },
    call: {
      service: "s3",
      operation: "PutBucketPolicy",
      parameters: ({ PolicyDocument, Bucket }) => ({ Bucket, Policy: JSON.stringify(PolicyDocument) }),
    },
  },
  "aws:s3/bucketObjectv2:BucketObjectv2": {
    rules: { source: (file) => ({ Body: isRecord(file) ? "content" : file }) },
    call: { service: "s3", operation: "PutObject" },
  },
  "aws:cloudfront/originAccessControl:OriginAccessControl": {
    type: "AWS::CloudFront::OriginAccessControl",
    within: "OriginAccessControlConfig",
    call: { service: "cloudfront", operation: "CreateOriginAccessControl" },
  },
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": {
    type: "AWS::CloudFront::ResponseHeadersPolicy",
    within: "ResponseHeadersPolicyConfig",
    call: { service: "cloudfront", operation: "CreateResponseHeadersPolicy" },
  },
  "aws:cloudfront/function:Function": {
    type: "AWS::CloudFront::Function",
    rules: {
      publish: "AutoPublish",
      code: "FunctionCode",
      runtime: "FunctionConfig.Runtime",
    },
    sent: { FunctionConfig: { Comment: "" } },
    call: {
      service: "cloudfront",
      operation: "CreateFunction",
      parameters: ({ AutoPublish: _, ...properties }) => properties,
    },
  },
  "aws:cloudfront/distribution:Distribution": {
    type: "AWS::CloudFront::Distribution",
    within: "DistributionConfig",
    rules: {
      "origins.originId": "Id",
      // The provider marks an origin with access control as an S3 origin.
      "origins.originAccessControlId": (id) => ({
        OriginAccessControlId: id,
        S3OriginConfig: { OriginAccessIdentity: "" },
      }),
      "origins.customOriginConfig.httpPort": "HTTPPort",
      "origins.customOriginConfig.httpsPort": "HTTPSPort",
      "origins.customOriginConfig.originSslProtocols": "OriginSSLProtocols",
      isIpv6Enabled: "IPV6Enabled",
      orderedCacheBehaviors: "CacheBehaviors",
      "defaultCacheBehavior.functionAssociations.functionArn": "FunctionARN",
      "viewerCertificate.cloudfrontDefaultCertificate": "CloudFrontDefaultCertificate",
      loggingConfig: "Logging",
      webAclId: "WebACLId",
      tags: tagList,
    },
    call: {
      service: "cloudfront",
      operation: "CreateDistribution",
      parameters: ({ DistributionConfig }) => ({ DistributionConfig: distributionConfig(DistributionConfig) }),
    },
  },
  "aws:sns/topic:Topic": {
    type: "AWS::SNS::Topic",
    rules: { name: "TopicName", tags: tagList },
    call: {
      service: "sns",
      operation: "CreateTopic",
      parameters: ({ TopicName, ...properties }) => ({ ...properties, Name: TopicName }),
    },
  },
  "aws:sns/topicSubscription:TopicSubscription": {
    type: "AWS::SNS::Subscription",
    rules: { topic: "TopicArn" },
    call: { service: "sns", operation: "Subscribe" },
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    type: "AWS::CloudWatch::Alarm",
    rules: {
      name: "AlarmName",
      okActions: "OKActions",
      dimensions: entries("Dimensions", "Name", "Value"),
      tags: tagList,
    },
    call: { service: "cloudwatch", operation: "PutMetricAlarm" },
  },
  "aws:cloudwatch/dashboard:Dashboard": {
    type: "AWS::CloudWatch::Dashboard",
    call: { service: "cloudwatch", operation: "PutDashboard" },
  },
  "aws:secretsmanager/secret:Secret": {
    type: "AWS::SecretsManager::Secret",
    rules: { tags: tagList },
    unmodelled: { recoveryWindowInDays: "what the provider asks for when it deletes the secret" },
    call: { service: "secretsmanager", operation: "CreateSecret" },
  },
  "aws:secretsmanager/secretVersion:SecretVersion": {
    call: { service: "secretsmanager", operation: "PutSecretValue" },
  },
  "aws:scheduler/schedule:Schedule": {
    type: "AWS::Scheduler::Schedule",
    call: { service: "scheduler", operation: "CreateSchedule" },
  },
  "aws:wafv2/webAcl:WebAcl": {
    type: "AWS::WAFv2::WebACL",
    rules: {
      "visibilityConfig.cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled",
      "rules.visibilityConfig.cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled",
      tags: tagList,
    },
    unmodelled: { region: "where the provider sends the call" },
    call: { service: "wafv2", operation: "CreateWebACL" },
  },
};

/** The service requires more fields than CloudFormation; the provider sends what the program omits as disabled. */
function distributionConfig(config: unknown): unknown {
  if (!isRecord(config)) return config;
  const { CacheBehaviors, DefaultCacheBehavior, IPV6Enabled, Logging, ...rest } = config;
  return {
    ...rest,
    CallerReference: "generated",
    ...(IPV6Enabled !== undefined && { IsIPV6Enabled: IPV6Enabled }),
    DefaultCacheBehavior: behavior(DefaultCacheBehavior),
    ...(CacheBehaviors !== undefined && {
      CacheBehaviors: Array.isArray(CacheBehaviors) ? CacheBehaviors.map(behavior) : CacheBehaviors,
    }),
    ...(Logging !== undefined && {
      Logging: isRecord(Logging) ? { Enabled: true, IncludeCookies: false, Prefix: "", ...Logging } : Logging,
    }),
  };
}

/** The service nests the cached methods in the allowed ones. */
function behavior(value: unknown): unknown {
  if (!isRecord(value) || !Array.isArray(value.AllowedMethods)) return value;
  const { AllowedMethods, CachedMethods, ...rest } = value;
  return { ...rest, AllowedMethods: { Quantity: AllowedMethods.length, Items: AllowedMethods, CachedMethods } };
}

function parsed(text: unknown): unknown {
  if (typeof text !== "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
