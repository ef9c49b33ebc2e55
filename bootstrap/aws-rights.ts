import type { Rights } from "./rights";

const api = {
  create: ["apigateway:POST", "apigateway:TagResource"],
  read: ["apigateway:GET"],
  update: ["apigateway:PATCH", "apigateway:TagResource", "apigateway:UntagResource"],
  delete: ["apigateway:DELETE"],
};

/** A setting of a bucket; S3 has no separate action to delete one, except for the policy. */
const ofBucket = (put: string, get: string) => ({ create: [put], read: [get], update: [put], delete: [put] });

/**
 * The handlers' permissions in the resource schemas of AWS, which cfn-lint carries, without those for what the program does
 * not use; and what the provider asks beside them, which the conformance tests list with its place in the provider.
 */
export const awsRights: Rights = {
  "aws:iam/role:Role": {
    create: ["iam:CreateRole", "iam:TagRole", "iam:PutRolePermissionsBoundary"],
    read: ["iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetRolePolicy"],
    update: [
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
      "iam:UpdateAssumeRolePolicy",
      "iam:PutRolePermissionsBoundary",
      "iam:TagRole",
      "iam:UntagRole",
    ],
    delete: ["iam:DeleteRole", "iam:ListInstanceProfilesForRole"],
  },
  "aws:iam/rolePolicy:RolePolicy": {
    create: ["iam:PutRolePolicy"],
    read: ["iam:GetRolePolicy"],
    update: ["iam:PutRolePolicy"],
    delete: ["iam:DeleteRolePolicy"],
  },
  "aws:cloudwatch/logGroup:LogGroup": {
    create: ["logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource"],
    read: ["logs:DescribeLogGroups", "logs:ListTagsForResource"],
    update: ["logs:PutRetentionPolicy", "logs:DeleteRetentionPolicy", "logs:TagResource", "logs:UntagResource"],
    delete: ["logs:DeleteLogGroup"],
  },
  "aws:lambda/layerVersion:LayerVersion": {
    create: ["lambda:PublishLayerVersion"],
    read: ["lambda:GetLayerVersion"],
    delete: ["lambda:DeleteLayerVersion"],
  },
  "aws:lambda/layerVersionPermission:LayerVersionPermission": {
    create: ["lambda:AddLayerVersionPermission"],
    read: ["lambda:GetLayerVersionPolicy"],
    delete: ["lambda:RemoveLayerVersionPermission"],
  },
  "aws:lambda/function:Function": {
    create: [
      "lambda:CreateFunction",
      "lambda:PutFunctionConcurrency",
      "lambda:PublishVersion",
      "lambda:TagResource",
      "lambda:GetLayerVersion",
      "lambda:PutFunctionCodeSigningConfig",
      "iam:PassRole",
    ],
    read: [
      "lambda:GetFunction",
      "lambda:GetFunctionCodeSigningConfig",
      "lambda:ListVersionsByFunction",
      "lambda:GetFunctionConfiguration",
    ],
    update: [
      "lambda:UpdateFunctionConfiguration",
      "lambda:UpdateFunctionCode",
      "lambda:PublishVersion",
      "lambda:PutFunctionConcurrency",
      "lambda:DeleteFunctionConcurrency",
      "lambda:TagResource",
      "lambda:UntagResource",
      "lambda:GetLayerVersion",
      "lambda:PutFunctionCodeSigningConfig",
      "lambda:DeleteFunctionCodeSigningConfig",
      "iam:PassRole",
    ],
    delete: ["lambda:DeleteFunction"],
  },
  "aws:lambda/codeSigningConfig:CodeSigningConfig": {
    create: ["lambda:CreateCodeSigningConfig", "lambda:TagResource"],
    read: ["lambda:GetCodeSigningConfig", "lambda:ListTags"],
    update: ["lambda:UpdateCodeSigningConfig", "lambda:TagResource", "lambda:UntagResource"],
    delete: ["lambda:DeleteCodeSigningConfig"],
  },
  "aws:signer/signingProfile:SigningProfile": {
    create: ["signer:PutSigningProfile", "signer:TagResource"],
    read: ["signer:GetSigningProfile"],
    update: ["signer:TagResource", "signer:UntagResource"],
    delete: ["signer:CancelSigningProfile"],
  },
  // AWS Signer reads and writes the objects as who starts the job.
  "aws:signer/signingJob:SigningJob": {
    create: ["signer:StartSigningJob", "s3:GetObjectVersion", "s3:PutObject", "s3:ListBucket"],
    read: ["signer:DescribeSigningJob"],
    delete: [],
  },
  "aws:lambda/alias:Alias": {
    create: ["lambda:CreateAlias"],
    read: ["lambda:GetAlias"],
    update: ["lambda:UpdateAlias"],
    delete: ["lambda:DeleteAlias"],
  },
  "aws:lambda/permission:Permission": {
    create: ["lambda:AddPermission"],
    read: ["lambda:GetPolicy"],
    delete: ["lambda:RemovePermission"],
  },
  "aws:apigatewayv2/api:Api": api,
  "aws:apigatewayv2/integration:Integration": api,
  "aws:apigatewayv2/route:Route": api,
  // The gateway's access log is a log delivery, whose resource policy the gateway's caller writes.
  "aws:apigatewayv2/stage:Stage": {
    ...api,
    create: [
      ...api.create,
      "logs:CreateLogDelivery",
      "logs:GetLogDelivery",
      "logs:UpdateLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies",
      "logs:DescribeLogGroups",
    ],
    update: [...api.update, "logs:UpdateLogDelivery", "logs:GetLogDelivery"],
    delete: [...api.delete, "logs:DeleteLogDelivery"],
  },
  "aws:dynamodb/table:Table": {
    create: ["dynamodb:CreateTable", "dynamodb:UpdateContinuousBackups", "dynamodb:TagResource"],
    read: [
      "dynamodb:DescribeTable",
      "dynamodb:DescribeContinuousBackups",
      "dynamodb:DescribeTimeToLive",
      "dynamodb:ListTagsOfResource",
    ],
    update: [
      "dynamodb:UpdateTable",
      "dynamodb:UpdateContinuousBackups",
      "dynamodb:TagResource",
      "dynamodb:UntagResource",
    ],
    delete: ["dynamodb:DeleteTable"],
  },
  "aws:secretsmanager/secret:Secret": {
    create: ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
    read: ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
    update: ["secretsmanager:UpdateSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource"],
    delete: ["secretsmanager:DeleteSecret"],
  },
  "aws:secretsmanager/secretVersion:SecretVersion": {
    create: ["secretsmanager:PutSecretValue"],
    read: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
    delete: ["secretsmanager:UpdateSecretVersionStage"],
  },
  "aws:scheduler/schedule:Schedule": {
    create: ["scheduler:CreateSchedule", "iam:PassRole"],
    read: ["scheduler:GetSchedule"],
    update: ["scheduler:UpdateSchedule", "iam:PassRole"],
    delete: ["scheduler:DeleteSchedule"],
  },
  "aws:s3/bucket:Bucket": {
    create: ["s3:CreateBucket", "s3:PutBucketTagging", "s3:TagResource"],
    read: [
      "s3:ListBucket",
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketPolicy",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
    ],
    update: ["s3:PutBucketTagging", "s3:TagResource", "s3:UntagResource"],
    // `forceDestroy` empties it first.
    delete: ["s3:DeleteBucket", "s3:ListBucket", "s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion"],
  },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ofBucket(
    "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketPublicAccessBlock",
  ),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ofBucket(
    "s3:PutBucketOwnershipControls",
    "s3:GetBucketOwnershipControls",
  ),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ofBucket(
    "s3:PutEncryptionConfiguration",
    "s3:GetEncryptionConfiguration",
  ),
  // Of the buckets that layers above 50 MB and signed zips go through.
  "aws:s3/bucketVersioning:BucketVersioning": ofBucket("s3:PutBucketVersioning", "s3:GetBucketVersioning"),
  "aws:s3/bucketPolicy:BucketPolicy": {
    ...ofBucket("s3:PutBucketPolicy", "s3:GetBucketPolicy"),
    delete: ["s3:DeleteBucketPolicy"],
  },
  "aws:s3/bucketNotification:BucketNotification": ofBucket("s3:PutBucketNotification", "s3:GetBucketNotification"),
  "aws:s3/bucketObjectv2:BucketObjectv2": {
    create: ["s3:PutObject"],
    read: ["s3:GetObject", "s3:GetObjectTagging"],
    update: ["s3:PutObject"],
    delete: ["s3:DeleteObject"],
  },
  "aws:cloudfront/originAccessControl:OriginAccessControl": {
    create: ["cloudfront:CreateOriginAccessControl"],
    read: ["cloudfront:GetOriginAccessControl"],
    update: ["cloudfront:UpdateOriginAccessControl"],
    delete: ["cloudfront:DeleteOriginAccessControl"],
  },
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": {
    create: ["cloudfront:CreateResponseHeadersPolicy"],
    read: ["cloudfront:GetResponseHeadersPolicy"],
    update: ["cloudfront:UpdateResponseHeadersPolicy"],
    delete: ["cloudfront:DeleteResponseHeadersPolicy"],
  },
  "aws:cloudfront/function:Function": {
    create: ["cloudfront:CreateFunction", "cloudfront:PublishFunction"],
    read: ["cloudfront:DescribeFunction", "cloudfront:GetFunction"],
    update: ["cloudfront:UpdateFunction", "cloudfront:PublishFunction"],
    delete: ["cloudfront:DeleteFunction"],
  },
  "aws:cloudfront/distribution:Distribution": {
    create: ["cloudfront:CreateDistribution", "cloudfront:CreateDistributionWithTags", "cloudfront:TagResource"],
    read: ["cloudfront:GetDistribution", "cloudfront:GetDistributionConfig", "cloudfront:ListTagsForResource"],
    update: ["cloudfront:UpdateDistribution", "cloudfront:TagResource", "cloudfront:UntagResource"],
    // It is disabled first.
    delete: ["cloudfront:UpdateDistribution", "cloudfront:DeleteDistribution"],
  },
  "aws:sqs/queue:Queue": {
    create: ["sqs:CreateQueue", "sqs:TagQueue"],
    read: ["sqs:GetQueueAttributes", "sqs:ListQueueTags", "sqs:GetQueueUrl"],
    update: ["sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"],
    delete: ["sqs:DeleteQueue"],
  },
  "aws:sqs/queuePolicy:QueuePolicy": {
    create: ["sqs:SetQueueAttributes"],
    read: ["sqs:GetQueueAttributes"],
    update: ["sqs:SetQueueAttributes"],
    delete: ["sqs:SetQueueAttributes"],
  },
  "aws:lambda/eventSourceMapping:EventSourceMapping": {
    create: ["lambda:CreateEventSourceMapping"],
    read: ["lambda:GetEventSourceMapping", "lambda:ListTags"],
    update: ["lambda:UpdateEventSourceMapping"],
    delete: ["lambda:DeleteEventSourceMapping"],
  },
  "aws:cloudwatch/eventRule:EventRule": {
    create: ["events:PutRule", "events:TagResource"],
    read: ["events:DescribeRule", "events:ListTagsForResource"],
    update: ["events:PutRule", "events:TagResource", "events:UntagResource"],
    delete: ["events:DeleteRule"],
  },
  "aws:cloudwatch/eventTarget:EventTarget": {
    create: ["events:PutTargets"],
    read: ["events:ListTargetsByRule"],
    update: ["events:PutTargets"],
    delete: ["events:RemoveTargets"],
  },
  "aws:sns/topic:Topic": {
    create: ["sns:CreateTopic", "sns:TagResource"],
    read: ["sns:GetTopicAttributes", "sns:ListTagsForResource"],
    update: ["sns:SetTopicAttributes", "sns:TagResource", "sns:UntagResource"],
    delete: ["sns:DeleteTopic"],
  },
  "aws:sns/topicSubscription:TopicSubscription": {
    create: ["sns:Subscribe"],
    read: ["sns:GetSubscriptionAttributes"],
    update: ["sns:SetSubscriptionAttributes"],
    delete: ["sns:Unsubscribe"],
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    create: ["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"],
    read: ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"],
    update: ["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"],
    delete: ["cloudwatch:DeleteAlarms"],
  },
  "aws:cloudwatch/dashboard:Dashboard": {
    create: ["cloudwatch:PutDashboard"],
    read: ["cloudwatch:GetDashboard"],
    update: ["cloudwatch:PutDashboard"],
    delete: ["cloudwatch:DeleteDashboards"],
  },
  "aws:wafv2/webAcl:WebAcl": {
    create: ["wafv2:CreateWebACL", "wafv2:TagResource"],
    read: ["wafv2:GetWebACL", "wafv2:ListTagsForResource"],
    update: ["wafv2:UpdateWebACL", "wafv2:TagResource", "wafv2:UntagResource"],
    delete: ["wafv2:DeleteWebACL"],
  },
};
