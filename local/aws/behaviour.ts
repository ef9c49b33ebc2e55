import type { Behaviour, Behaviours } from "../behaviour";

/** Files of hashicorp/terraform-provider-aws, below `internal/service/`. */
const provider = (...files: string[]) => files.map((file) => `terraform-provider-aws: ${file}`);

/**
 * @param replaceOn properties that are `ForceNew` in the file's schema; in version 7 of the provider also the region,
 * for resources that have one.
 */
const bridged = (file: string, replaceOn: readonly string[], more: Partial<Behaviour> = {}): Behaviour => ({
  ...more,
  sources: [...provider(file), ...(more.sources ?? [])],
  replaceOn: [...replaceOn, "region"],
});

/**
 * Same as `bridged`, for resources whose name the bridge generates if it is absent. With a given name, a replacement
 * deletes the old resource first.
 */
const named = (file: string, replaceOn: readonly string[], more: Partial<Behaviour> = {}): Behaviour =>
  bridged(file, ["name", "namePrefix", ...replaceOn], { first: "named", autoNamed: "name", ...more });

/** A setting of a bucket, identified by the bucket's name; there is one of each kind. */
const ofBucket = (file: string): Behaviour => bridged(file, ["bucket", "expectedBucketOwner"]);

/** IAM User Guide, "Changes that I make are not always immediately visible": no figure is given; minutes are usual. */
const iamPropagation = 60;

export const awsBehaviours: Behaviours = {
  "aws:iam/role:Role": named("iam/role.go", ["path"]),
  "aws:iam/rolePolicy:RolePolicy": named("iam/role_policy.go", ["role"], {
    sources: [
      "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency",
    ],
    lateSeconds: iamPropagation,
  }),
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": bridged("iam/openid_connect_provider.go", ["url"]),
  "aws:iam/policy:Policy": named("iam/policy.go", ["description", "path"]),
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": bridged("iam/role_policy_attachment.go", ["role", "policyArn"], {
    lateSeconds: iamPropagation,
  }),
  "aws:cloudwatch/logGroup:LogGroup": named("logs/group.go", ["logGroupClass"]),
  "aws:lambda/layerVersion:LayerVersion": bridged("lambda/layer_version.go", [
    "layerName",
    "code",
    "s3Bucket",
    "s3Key",
    "s3ObjectVersion",
    "compatibleArchitectures",
    "compatibleRuntimes",
    "description",
    "licenseInfo",
    "sourceCodeHash",
  ]),
  "aws:lambda/layerVersionPermission:LayerVersionPermission": bridged("lambda/layer_version_permission.go", [
    "action",
    "layerName",
    "organizationId",
    "principal",
    "skipDestroy",
    "statementId",
    "versionNumber",
  ]),
  "aws:lambda/function:Function": bridged("lambda/function.go", ["name", "packageType"], {
    sources: [
      "https://github.com/hashicorp/terraform-provider-aws/issues/42693",
      "https://github.com/hashicorp/terraform-provider-aws/issues/49904",
    ],
    first: "named",
    autoNamed: "name",
    unread: ["code", "sourceCodeHash"],
    // UpdateFunctionConfiguration, a wait, then UpdateFunctionCode with the architecture.
    steps: [["code", "architectures", "publish"]],
    fails: {
      how: "partial",
      message: "waiting for Lambda Function update: unexpected state 'Failed', wanted target 'Successful'",
    },
  }),
  "aws:lambda/codeSigningConfig:CodeSigningConfig": bridged("lambda/code_signing_config.go", []),
  "aws:signer/signingProfile:SigningProfile": named("signer/signing_profile.go", [
    "platformId",
    "signatureValidityPeriod",
    "signingMaterial",
  ]),
  "aws:signer/signingJob:SigningJob": bridged(
    "signer/signing_job.go",
    ["profileName", "source", "destination", "ignoreSigningJobFailure"],
    { sources: ["https://docs.aws.amazon.com/signer/latest/developerguide/lambda-workflow.html"] },
  ),
  "aws:lambda/alias:Alias": bridged("lambda/alias.go", ["name", "functionName"], { first: "named", autoNamed: "name" }),
  "aws:lambda/permission:Permission": bridged(
    "lambda/permission.go",
    [
      "action",
      "eventSourceToken",
      "function",
      "functionUrlAuthType",
      "invokedViaFunctionUrl",
      "principal",
      "principalOrgId",
      "qualifier",
      "sourceAccount",
      "sourceArn",
      "statementId",
      "statementIdPrefix",
    ],
    { lateSeconds: iamPropagation },
  ),
  "aws:apigatewayv2/api:Api": bridged("apigatewayv2/api.go", ["protocolType"], { first: "named", autoNamed: "name" }),
  "aws:apigatewayv2/integration:Integration": bridged("apigatewayv2/integration.go", [
    "apiId",
    "integrationSubtype",
    "integrationType",
  ]),
  "aws:apigatewayv2/route:Route": bridged("apigatewayv2/route.go", ["apiId"]),
  "aws:apigatewayv2/stage:Stage": bridged("apigatewayv2/stage.go", ["apiId", "name"], {
    first: "named",
    autoNamed: "name",
  }),
  "aws:dynamodb/table:Table": bridged(
    "dynamodb/table.go",
    ["name", "hashKey", "rangeKey", "localSecondaryIndexes", "importTable", "restoreSourceName", "restoreToLatestTime"],
    { first: "named", autoNamed: "name" },
  ),
  "aws:secretsmanager/secret:Secret": named("secretsmanager/secret.go", []),
  "aws:secretsmanager/secretVersion:SecretVersion": bridged("secretsmanager/secret_version.go", [
    "secretId",
    "secretString",
    "secretBinary",
  ]),
  "aws:scheduler/schedule:Schedule": named("scheduler/schedule.go", ["groupName"]),
  "aws:sqs/queue:Queue": named("sqs/queue.go", ["fifoQueue"]),
  "aws:sqs/queuePolicy:QueuePolicy": bridged("sqs/queue_policy.go", ["queueUrl"], { lateSeconds: iamPropagation }),
  "aws:lambda/eventSourceMapping:EventSourceMapping": bridged("lambda/event_source_mapping.go", [
    "amazonManagedKafkaEventSourceConfig",
    "eventSourceArn",
    "queues",
    "selfManagedEventSource",
    "selfManagedKafkaEventSourceConfig",
    "startingPosition",
    "startingPositionTimestamp",
    "topics",
  ]),
  "aws:cloudwatch/eventRule:EventRule": named("events/rule.go", ["eventBusName"]),
  "aws:cloudwatch/eventTarget:EventTarget": bridged("events/target.go", ["rule", "targetId", "eventBusName"], {
    autoNamed: "targetId",
  }),
  "aws:s3/bucket:Bucket": bridged("s3/bucket.go", ["bucket", "bucketPrefix", "objectLockEnabled"], {
    first: "named",
    autoNamed: "bucket",
  }),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": bridged("s3/bucket_public_access_block.go", ["bucket"]),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": bridged("s3/bucket_ownership_controls.go", ["bucket"]),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ofBucket(
    "s3/bucket_server_side_encryption_configuration.go",
  ),
  "aws:s3/bucketVersioning:BucketVersioning": ofBucket("s3/bucket_versioning.go"),
  "aws:s3/bucketPolicy:BucketPolicy": bridged("s3/bucket_policy.go", ["bucket"], { lateSeconds: iamPropagation }),
  "aws:s3/bucketNotification:BucketNotification": bridged("s3/bucket_notification.go", ["bucket"], {
    sources: ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"],
  }),
  "aws:s3/bucketObjectv2:BucketObjectv2": bridged("s3/object.go", ["bucket", "key"], {
    sources: ["https://github.com/pulumi/pulumi-aws/issues/906"],
    unread: ["source", "content", "contentBase64"],
  }),
  "aws:cloudfront/originAccessControl:OriginAccessControl": {
    sources: provider("cloudfront/origin_access_control.go"),
    replaceOn: [],
  },
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": {
    sources: provider("cloudfront/response_headers_policy.go"),
    replaceOn: [],
  },
  "aws:cloudfront/function:Function": {
    sources: provider("cloudfront/function.go"),
    replaceOn: ["name"],
    first: "named",
    autoNamed: "name",
  },
  "aws:cloudfront/distribution:Distribution": {
    sources: provider("cloudfront/distribution.go"),
    replaceOn: ["staging"],
    fails: {
      how: "partial",
      message: "waiting for CloudFront Distribution to deploy: timeout while waiting for state to become 'Deployed'",
    },
  },
  "aws:sns/topic:Topic": named("sns/topic.go", ["fifoTopic"]),
  "aws:sns/topicSubscription:TopicSubscription": bridged("sns/topic_subscription.go", [
    "topic",
    "protocol",
    "endpoint",
  ]),
  "aws:cloudwatch/metricAlarm:MetricAlarm": bridged("cloudwatch/metric_alarm.go", ["name"], {
    first: "named",
    autoNamed: "name",
  }),
  "aws:cloudwatch/dashboard:Dashboard": bridged("cloudwatch/dashboard.go", ["dashboardName"]),
  "aws:wafv2/webAcl:WebAcl": named("wafv2/web_acl.go", ["scope"]),
};
