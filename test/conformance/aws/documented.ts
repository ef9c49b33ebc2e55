import type { SchemaObject } from "ajv";

import type { ByPath, Documented } from "../rules";
import { publishedMetrics } from "./documents";
import { models } from "./models";

const documented = (source: string, schema: SchemaObject): Documented => ({ source, schema });
const matching = (source: string, pattern: string) => documented(source, { type: "string", pattern });

const docs = "https://docs.aws.amazon.com";

const tags = matching(
  `${docs}/tag-editor/latest/userguide/best-practices-and-strats.html`,
  "^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]{0,256}$",
);

const hostName = matching(
  `${docs}/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html`,
  "^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$",
);

/** A policy that CloudFront manages, by its id. */
const managedPolicy = (kind: string, ids: readonly string[]) =>
  documented(`${docs}/AmazonCloudFront/latest/DeveloperGuide/using-managed-${kind}-policies.html`, { enum: ids });

const cachePolicy = managedPolicy("cache", [
  "658327ea-f89d-4fab-a63d-7e88639e58f6", // CachingOptimized
  "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", // CachingDisabled
]);

const objectKey = matching(`${docs}/AmazonS3/latest/userguide/object-keys.html`, "^[\\w!.*'()/-]{1,1024}$");

const originPort = documented(`${docs}/cloudfront/latest/APIReference/API_CustomOriginConfig.html`, {
  anyOf: [{ enum: [80, 443] }, { type: "integer", minimum: 1024, maximum: 65_535 }],
});

const throttling = `${docs}/apigateway/latest/developerguide/limits.html`;
const alarm = `${docs}/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html`;

/** Rules for names, alphabets and lengths from the documentation, where AWS's models have none. */
const values: ByPath<Documented> = {
  "aws:apigatewayv2/api:Api": {
    name: matching(`${docs}/apigatewayv2/latest/api-reference/apis.html`, "^.{1,128}$"),
  },
  "aws:s3/bucket:Bucket": {
    // The provider generates 26 of the 63 characters.
    bucketPrefix: matching(`${docs}/AmazonS3/latest/userguide/bucketnamingrules.html`, "^[a-z0-9][a-z0-9.-]{0,36}$"),
  },
  "aws:signer/signingJob:SigningJob": { "destination.s3.prefix": objectKey },
  "aws:signer/signingProfile:SigningProfile": {
    // Of 64 characters the provider makes up 26.
    namePrefix: matching(`${docs}/signer/latest/api/API_PutSigningProfile.html`, "^[a-zA-Z0-9_]{0,38}$"),
  },
  "aws:apigatewayv2/integration:Integration": {
    payloadFormatVersion: documented(
      `${docs}/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html`,
      { enum: ["1.0", "2.0"] },
    ),
  },
  "aws:apigatewayv2/route:Route": {
    routeKey: matching(
      `${docs}/apigateway/latest/developerguide/http-api-develop-routes.html`,
      "^(\\$default|(ANY|GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /[\\w./{}+-]{0,512})$",
    ),
  },
  "aws:apigatewayv2/stage:Stage": {
    name: matching(
      `${docs}/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-stage.html`,
      "^(\\$default|[A-Za-z0-9_-]{1,128})$",
    ),
    accessLogSettings: documented(`${docs}/apigateway/latest/developerguide/http-api-logging.html`, {
      required: ["destinationArn", "format"],
    }),
    "defaultRouteSettings.throttlingRateLimit": documented(throttling, { minimum: 0, maximum: 10_000 }),
    "defaultRouteSettings.throttlingBurstLimit": documented(throttling, { minimum: 0, maximum: 5_000 }),
  },
  "aws:cloudfront/distribution:Distribution": {
    comment: matching(`${docs}/cloudfront/latest/APIReference/API_DistributionConfig.html`, "^.{0,128}$"),
    "defaultCacheBehavior.cachePolicyId": cachePolicy,
    "orderedCacheBehaviors.cachePolicyId": cachePolicy,
    "orderedCacheBehaviors.originRequestPolicyId": managedPolicy("origin-request", [
      "b689b0a8-53d0-40ab-baf2-68738e2966ac", // AllViewerExceptHostHeader
    ]),
    "origins.customOriginConfig.httpPort": originPort,
    "origins.customOriginConfig.httpsPort": originPort,
    "origins.domainName": hostName,
    "orderedCacheBehaviors.pathPattern": matching(
      `${docs}/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html`,
      "^[A-Za-z0-9_.*$/~\"'@:+&?-]{1,255}$",
    ),
    defaultRootObject: matching(
      `${docs}/AmazonCloudFront/latest/DeveloperGuide/DefaultRootObject.html`,
      "^[A-Za-z0-9_.*$~\"'-][A-Za-z0-9_.*$/~\"'-]{0,254}$",
    ),
    "loggingConfig.bucket": matching(
      `${docs}/cloudfront/latest/APIReference/API_LoggingConfig.html`,
      "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\\.s3(\\.[a-z0-9-]+)?\\.amazonaws\\.com$",
    ),
  },
  "aws:cloudfront/originAccessControl:OriginAccessControl": {
    name: matching(
      `${docs}/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudfront-originaccesscontrol-originaccesscontrolconfig.html`,
      "^.{1,64}$",
    ),
  },
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": {
    "securityHeadersConfig.strictTransportSecurity.accessControlMaxAgeSec": documented(
      "https://www.rfc-editor.org/rfc/rfc6797#section-6.1.1",
      { type: "integer", minimum: 0 },
    ),
  },
  "aws:cloudwatch/dashboard:Dashboard": {
    dashboardName: matching(
      `${docs}/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html`,
      "^[A-Za-z0-9_-]{1,255}$",
    ),
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    namespace: documented(alarm, { enum: Object.keys(publishedMetrics) }),
    extendedStatistic: matching(alarm, "^p(\\d{1,2}(\\.\\d{1,10})?|100)$"),
  },
  "aws:dynamodb/table:Table": {
    pointInTimeRecovery: documented(
      `${docs}/amazondynamodb/latest/APIReference/API_PointInTimeRecoverySpecification.html`,
      { required: ["enabled"] },
    ),
    name: matching(
      `${docs}/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html`,
      "^[a-zA-Z0-9_.-]{3,255}$",
    ),
  },
  "aws:lambda/function:Function": {
    reservedConcurrentExecutions: documented(`${docs}/lambda/latest/api/API_PutFunctionConcurrency.html`, {
      type: "integer",
      minimum: 0,
      maximum: 2 ** 31 - 1,
    }),
  },
  "aws:s3/bucketObjectv2:BucketObjectv2": {
    key: objectKey,
    contentType: matching(
      "https://www.rfc-editor.org/rfc/rfc9110.html#name-media-type",
      "^[\\w.+-]{1,127}/[\\w.+-]{1,127}(; charset=[\\w-]{1,40})?$",
    ),
    cacheControl: matching(
      "https://www.rfc-editor.org/rfc/rfc9111.html#name-cache-control",
      "^[a-z-]{1,40}(=\\d{1,10})?(, [a-z-]{1,40}(=\\d{1,10})?){0,10}$",
    ),
  },
  "aws:secretsmanager/secret:Secret": {
    name: matching(`${docs}/secretsmanager/latest/apireference/API_CreateSecret.html`, "^[A-Za-z0-9/_+=.@-]{1,512}$"),
    recoveryWindowInDays: documented(`${docs}/secretsmanager/latest/apireference/API_DeleteSecret.html`, {
      anyOf: [{ const: 0 }, { type: "integer", minimum: 7, maximum: 30 }],
    }),
  },
  "aws:scheduler/schedule:Schedule": {
    scheduleExpression: matching(
      `${docs}/scheduler/latest/UserGuide/schedule-types.html`,
      "^(rate\\([1-9]\\d* (minute|hour|day)s?\\)|cron\\((\\S+ ){5}\\S+\\)|at\\(\\d{4}-\\d\\d-\\d\\dT(\\d\\d:){2}\\d\\d\\))$",
    ),
    scheduleExpressionTimezone: documented(`${docs}/scheduler/latest/UserGuide/schedule-types.html#time-zones`, {
      enum: ["UTC", ...Intl.supportedValuesOf("timeZone")],
    }),
  },
  "aws:sns/topic:Topic": {
    name: matching(`${docs}/sns/latest/api/API_CreateTopic.html`, "^[A-Za-z0-9_-]{1,256}$"),
  },
  "aws:sns/topicSubscription:TopicSubscription": {
    protocol: documented(`${docs}/sns/latest/api/API_Subscribe.html`, {
      enum: ["http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"],
    }),
    // The program subscribes only e-mail addresses.
    endpoint: matching("https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1", "^[^\\s@]{1,64}@[^\\s@]{1,255}$"),
  },
  "aws:wafv2/webAcl:WebAcl": {
    "rules.statement.managedRuleGroupStatement.vendorName": documented(
      `${docs}/waf/latest/developerguide/aws-managed-rule-groups-list.html`,
      { const: "AWS" },
    ),
    "rules.statement.managedRuleGroupStatement.name": matching(
      `${docs}/waf/latest/developerguide/aws-managed-rule-groups-list.html`,
      "^AWSManagedRules(CommonRuleSet|AdminProtectionRuleSet|KnownBadInputsRuleSet|AmazonIpReputationList|AnonymousIpList)$",
    ),
  },
};

/** Same, with the tags of every type. */
export const documentedValues: ByPath<Documented> = Object.fromEntries(
  Object.keys(models).map((type) => [type, { ...values[type], "tags.*": tags }]),
);
