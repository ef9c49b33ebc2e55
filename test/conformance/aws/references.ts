import type { ByPath, Reference } from "../rules";

const to = (type: string, by?: string): Reference => ({ types: [type], by });

const api = to("aws:apigatewayv2/api:Api");
const bucket = to("aws:s3/bucket:Bucket");
const functionName = to("aws:lambda/function:Function", "name");
const headers = to("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy");
const logGroupArn = to("aws:cloudwatch/logGroup:LogGroup", "arn");
const tableName = to("aws:dynamodb/table:Table", "name");
const topicArn = to("aws:sns/topic:Topic", "arn");

/** Inputs that have to name another resource of the program. relations.ts checks public layers. */
export const references: ByPath<Reference> = {
  "aws:apigatewayv2/integration:Integration": { apiId: api },
  "aws:apigatewayv2/route:Route": { apiId: api },
  "aws:apigatewayv2/stage:Stage": { apiId: api, "accessLogSettings.destinationArn": logGroupArn },
  "aws:cloudfront/distribution:Distribution": {
    "origins.originAccessControlId": to("aws:cloudfront/originAccessControl:OriginAccessControl"),
    "defaultCacheBehavior.responseHeadersPolicyId": headers,
    "orderedCacheBehaviors.responseHeadersPolicyId": headers,
    "defaultCacheBehavior.functionAssociations.functionArn": to("aws:cloudfront/function:Function", "arn"),
    webAclId: to("aws:wafv2/webAcl:WebAcl", "arn"),
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    alarmActions: topicArn,
    okActions: topicArn,
    "dimensions.FunctionName": functionName,
    "dimensions.ApiId": api,
  },
  "aws:iam/rolePolicy:RolePolicy": { role: to("aws:iam/role:Role", "name") },
  "aws:lambda/alias:Alias": { functionName },
  "aws:lambda/codeSigningConfig:CodeSigningConfig": {
    "allowedPublishers.signingProfileVersionArns": to("aws:signer/signingProfile:SigningProfile", "versionArn"),
  },
  "aws:lambda/function:Function": {
    codeSigningConfigArn: to("aws:lambda/codeSigningConfig:CodeSigningConfig", "arn"),
    s3Bucket: bucket,
    role: to("aws:iam/role:Role", "arn"),
    "loggingConfig.logGroup": to("aws:cloudwatch/logGroup:LogGroup", "name"),
    "environment.variables.MESSAGES_TABLE": tableName,
    "environment.variables.ITEMS_TABLE": tableName,
  },
  "aws:lambda/layerVersion:LayerVersion": { s3Bucket: bucket },
  "aws:lambda/layerVersionPermission:LayerVersionPermission": {
    layerName: to("aws:lambda/layerVersion:LayerVersion", "layerArn"),
  },
  "aws:lambda/permission:Permission": {
    function: functionName,
    qualifier: to("aws:lambda/alias:Alias", "name"),
  },
  "aws:s3/bucketObjectv2:BucketObjectv2": { bucket },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": { bucket },
  "aws:s3/bucketPolicy:BucketPolicy": { bucket },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": { bucket },
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": { bucket },
  "aws:s3/bucketVersioning:BucketVersioning": { bucket },
  "aws:signer/signingJob:SigningJob": {
    profileName: to("aws:signer/signingProfile:SigningProfile", "name"),
    "source.s3.bucket": bucket,
    "destination.s3.bucket": bucket,
  },
  "aws:scheduler/schedule:Schedule": {
    "target.arn": to("aws:lambda/alias:Alias", "arn"),
    "target.roleArn": to("aws:iam/role:Role", "arn"),
  },
  "aws:secretsmanager/secretVersion:SecretVersion": { secretId: to("aws:secretsmanager/secret:Secret") },
  "aws:sns/topicSubscription:TopicSubscription": { topic: topicArn },
};
