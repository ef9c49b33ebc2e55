import { describe, expect, test } from "vitest";

import { type Resource, type Rule, type Stack, unknown, type Value, violations } from "../../policy/rule";
import { rules, waivers } from "../../policy/rules";

type Properties = Record<string, Value>;

function resource(type: string, properties: Properties, dependencies: Resource["dependencies"] = {}): Resource {
  const name = type.split(":").at(-1) ?? type;
  return { urn: `urn:pulumi:staging::shop::${type}::${name}`, type, name, properties, dependencies };
}

const document = (...Statement: Properties[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const allow = (statement: Properties) => document({ Effect: "Allow", ...statement });

const layerArn = "arn:aws:lambda:eu-west-1:123456789012:layer:shop-staging-dependencies:7";
const publicLayer = "arn:aws:lambda:eu-west-1:770693421928:layer:Klayers-p312-PyJWT:1";
const subscription = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590";

const layer = resource("aws:lambda/layerVersion:LayerVersion", {
  arn: layerArn,
  compatibleRuntimes: ["python3.12"],
  compatibleArchitectures: ["x86_64"],
});
const lambda = (changes: Properties = {}, dependencies?: Resource["dependencies"]) =>
  resource(
    "aws:lambda/function:Function",
    {
      runtime: "python3.12",
      architectures: ["x86_64"],
      layers: [layerArn],
      tracingConfig: { mode: "Active" },
      loggingConfig: { logGroup: "/aws/lambda/api" },
      ...changes,
    },
    dependencies,
  );
const logGroup = (changes: Properties = {}) =>
  resource("aws:cloudwatch/logGroup:LogGroup", { name: "/aws/lambda/api", retentionInDays: 365, ...changes });
const permission = (changes: Properties = {}) =>
  resource("aws:lambda/permission:Permission", {
    principal: "apigateway.amazonaws.com",
    sourceArn: "arn:aws:execute-api:eu-west-1:123456789012:api1/*/*",
    ...changes,
  });
const stackReference = resource("pulumi:pulumi:StackReference", {
  name: "organization/shop/staging",
  outputs: { layers: { "shop-staging-dependencies": { arn: layerArn } } },
});
const layerPermission = (properties: Properties) =>
  resource("aws:lambda/layerVersionPermission:LayerVersionPermission", properties);
const rolePolicy = (policy: Value) => resource("aws:iam/rolePolicy:RolePolicy", { policy });
const trust = (Principal: Value) =>
  resource("aws:iam/role:Role", { assumeRolePolicy: allow({ Action: "sts:AssumeRole", Principal }) });

const bucket = resource("aws:s3/bucket:Bucket", { bucket: "site" });
const ofBucket = (type: string, properties: Properties) =>
  resource(`aws:s3/${type}`, { bucket: "site", ...properties });
const accessBlock = (changes: Properties = {}) =>
  ofBucket("bucketPublicAccessBlock:BucketPublicAccessBlock", {
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
    ...changes,
  });
const bucketPolicy = (policy: Value) => ofBucket("bucketPolicy:BucketPolicy", { policy });
const refusePlainHttp = document({
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: "arn:aws:s3:::site/*",
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});
const ownership = (objectOwnership: string) =>
  ofBucket("bucketOwnershipControls:BucketOwnershipControls", { rule: { objectOwnership } });

const behaviour = { viewerProtocolPolicy: "redirect-to-https", responseHeadersPolicyId: "headers" };
const apiOrigin = { originProtocolPolicy: "https-only", originSslProtocols: ["TLSv1.2"] };
const distribution = (changes: Properties = {}) =>
  resource("aws:cloudfront/distribution:Distribution", {
    defaultRootObject: "index.html",
    viewerCertificate: { acmCertificateArn: "arn", minimumProtocolVersion: "TLSv1.2_2021" },
    origins: [{ originAccessControlId: "oac" }, { customOriginConfig: apiOrigin }],
    defaultCacheBehavior: behaviour,
    orderedCacheBehaviors: [behaviour],
    ...changes,
  });
const stage = (changes: Properties = {}) =>
  resource("aws:apigatewayv2/stage:Stage", {
    accessLogSettings: { destinationArn: "arn" },
    defaultRouteSettings: { throttlingRateLimit: 100, throttlingBurstLimit: 200 },
    ...changes,
  });
const table = (changes: Properties = {}) =>
  resource("aws:dynamodb/table:Table", {
    pointInTimeRecovery: { enabled: true },
    serverSideEncryption: { enabled: true },
    deletionProtectionEnabled: true,
    ...changes,
  });

const vault = (properties: Value) => resource("azure-native:keyvault:Vault", { properties });
const azureTable = resource("azure-native:storage:Table", { accountName: "data" });
const lock = (changes: Properties = {}) =>
  resource("azure-native:authorization:ManagementLockByScope", { level: "CanNotDelete", scope: "data-id", ...changes });
const storageAccount = (changes: Properties = {}) =>
  resource("azure-native:storage:StorageAccount", {
    name: "data",
    enableHttpsTrafficOnly: true,
    minimumTlsVersion: "TLS1_2",
    allowBlobPublicAccess: false,
    allowSharedKeyAccess: false,
    ...changes,
  });
const siteConfig = { minTlsVersion: "1.2", scmMinTlsVersion: "1.2", appSettings: [{ name: "A", value: "b" }] };
const webApp = (changes: Properties = {}) =>
  resource("azure-native:web:WebApp", {
    name: "shop",
    httpsOnly: true,
    identity: { type: "UserAssigned" },
    siteConfig,
    ...changes,
  });
const passwords = (kind: string, allowed: boolean) =>
  resource(`azure-native:web:${kind}`, { name: "shop", allow: allowed });
const assignment = (role: string, scope: string) =>
  resource("azure-native:authorization:RoleAssignment", {
    scope,
    roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
  });
const tableRole = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3";
const storageScope = `${subscription}/resourceGroups/shop/providers/Microsoft.Storage/storageAccounts/data`;
const route = (changes: Properties = {}) =>
  resource("azure-native:cdn:Route", { httpsRedirect: "Enabled", forwardingProtocol: "HttpsOnly", ...changes });

const gcpFunction = (runAs: Value, builtAs: Value) =>
  resource("gcp:cloudfunctionsv2/function:Function", {
    serviceConfig: { serviceAccountEmail: runAs },
    buildConfig: { serviceAccount: builtAs },
  });
const secretAccessor = "roles/secretmanager.secretAccessor";
const projectMember = (role: string, condition?: Properties) =>
  resource("gcp:projects/iAMMember:IAMMember", { role, condition });
const openBucket = resource("gcp:storage/bucket:Bucket", { name: "web", publicAccessPrevention: "inherited" });
const bucketMember = (member: string) =>
  resource("gcp:storage/bucketIAMMember:BucketIAMMember", { bucket: "web", member });
const sslPolicy = (minTlsVersion: Value, profile: Value) =>
  resource("gcp:compute/sSLPolicy:SSLPolicy", { minTlsVersion, profile });
const database = (changes: Properties = {}) =>
  resource("gcp:firestore/database:Database", {
    pointInTimeRecoveryEnablement: "POINT_IN_TIME_RECOVERY_ENABLED",
    deleteProtectionState: "DELETE_PROTECTION_ENABLED",
    ...changes,
  });

const gcpFunctionWith = (environmentVariables: Properties) =>
  resource("gcp:cloudfunctionsv2/function:Function", { serviceConfig: { environmentVariables } });

const awsSecret = resource("aws:secretsmanager/secretVersion:SecretVersion", { secretString: "pay-s3cret" });
const azureSecret = resource("azure-native:keyvault:Secret", { properties: { value: "pay-s3cret" } });
const gcpSecret = resource("gcp:secretmanager/secretVersion:SecretVersion", { secretData: "pay-s3cret" });
const schedulerRole = trust({ Service: "scheduler.amazonaws.com" });
const schedulerPolicy = (action: string) =>
  resource(
    "aws:iam/rolePolicy:RolePolicy",
    { policy: allow({ Action: action, Resource: "arn:aws:lambda:eu-west-1:123456789012:function:cleanup" }) },
    { role: [schedulerRole.urn] },
  );

interface Case {
  /** Stacks that follow the rule. */
  readonly good: readonly (readonly Resource[])[];
  /** The rule's message for stacks that violate it. */
  readonly bad: readonly (readonly [RegExp, ...Resource[]])[];
  readonly stack?: string;
}

/** Examples for each rule. */
const cases: Record<string, Case> = {
  "aws-function-has-layer": {
    good: [[lambda()], [lambda({ layers: unknown })], [lambda({ runtime: "nodejs20.x", layers: undefined })]],
    bad: [
      [/has no dependency layer.*Runtime\.ImportModuleError/, lambda({ layers: [] })],
      [/has no dependency layer/, lambda({ layers: undefined })],
    ],
  },
  "aws-layer-not-hard-coded": {
    good: [
      [lambda(), layer],
      [lambda({ layers: [layerArn, publicLayer] }), layer],
      [lambda({ layers: [unknown] }, { layers: [layer.urn] }), layer],
      [lambda({ layers: unknown }, { layers: [layer.urn] }), layer],
      [lambda(), stackReference],
      [lambda({ layers: [layerArn, unknown] }, { layers: [stackReference.urn] }), stackReference],
    ],
    bad: [
      [/layer:shop-staging-dependencies:7" is written into the program/, lambda()],
      [/dependencies:6" is written/, lambda({ layers: [layerArn.replace(/7$/, "6")] }), layer],
      [/dependencies:6" is written/, lambda({ layers: [layerArn.replace(/7$/, "6"), unknown] }), stackReference],
      [/neither from the stack nor from its settings/, lambda({ layers: [unknown] })],
    ],
  },
  "aws-layer-fits-function": {
    good: [
      [lambda(), layer],
      [lambda({ architectures: undefined }), layer],
    ],
    bad: [
      [/runs "python3\.13", its layer .* is for \["python3\.12"\]/, lambda({ runtime: "python3.13" }), layer],
      [/runs on "arm64", its layer .* is for \["x86_64"\]/, lambda({ architectures: ["arm64"] }), layer],
    ],
  },
  "aws-layer-not-public": {
    good: [
      [layerPermission({ principal: "210987654321" })],
      [layerPermission({ principal: "*", organizationId: "o-a1b2c3d4e5" })],
      [layerPermission({ principal: unknown })],
    ],
    bad: [[/any AWS account may use the layer.*shareWith/, layerPermission({ principal: "*" })]],
  },
  "aws-function-traced": {
    good: [[lambda()]],
    bad: [
      [/tracing is "PassThrough".*CKV_AWS_50/, lambda({ tracingConfig: { mode: "PassThrough" } })],
      [/tracing is nothing/, lambda({ tracingConfig: undefined })],
    ],
  },
  "aws-function-log-group": {
    good: [[lambda(), logGroup()], [lambda({ loggingConfig: unknown })]],
    bad: [
      [/its log group \("\/aws\/lambda\/api"\) is not one of the stack/, lambda()],
      [/its log group \(nothing\)/, lambda({ loggingConfig: undefined }), logGroup()],
    ],
  },
  "aws-log-retention": {
    good: [[logGroup()]],
    bad: [
      [/kept for ever/, logGroup({ retentionInDays: undefined })],
      [/kept for ever/, logGroup({ retentionInDays: 0 })],
    ],
  },
  "aws-log-retention-year": {
    good: [[logGroup()]],
    bad: [[/kept for 30 days only/, logGroup({ retentionInDays: 30 })]],
  },
  "aws-invoke-permission-limited": {
    good: [[permission()], [permission({ sourceArn: unknown })]],
    bad: [
      [
        /"apigateway\.amazonaws\.com" may invoke the function for every account.*CKV_AWS_364/,
        permission({ sourceArn: undefined }),
      ],
      [/any principal may invoke/, permission({ principal: "*" })],
    ],
  },
  "aws-function-url-authorised": {
    good: [[resource("aws:lambda/functionUrl:FunctionUrl", { authorizationType: "AWS_IAM" })]],
    bad: [[/URL is open/, resource("aws:lambda/functionUrl:FunctionUrl", { authorizationType: "NONE" })]],
  },
  "aws-role-least-privilege": {
    good: [
      [rolePolicy(allow({ Action: ["dynamodb:Query"], Resource: "arn:aws:dynamodb:eu-west-1:1:table/messages" }))],
      [rolePolicy(allow({ Action: ["xray:PutTraceSegments"], Resource: "*" }))],
      [rolePolicy(document({ Effect: "Deny", Action: "*", Resource: "*" }))],
      [rolePolicy(unknown)],
    ],
    bad: [
      [/wildcard action dynamodb:\*/, rolePolicy(allow({ Action: "dynamodb:*", Resource: "arn:x" }))],
      [/wildcard action s3:Get\*/, rolePolicy(allow({ Action: ["s3:Get*"], Resource: "arn:x" }))],
      [/allows dynamodb:Scan on every resource/, rolePolicy(allow({ Action: "dynamodb:Scan", Resource: ["*"] }))],
      [/everything but a list/, rolePolicy(allow({ NotAction: "iam:*", Resource: "arn:x" }))],
    ],
  },
  "aws-no-full-access-policy": {
    good: [[resource("aws:iam/role:Role", { managedPolicyArns: [] })]],
    bad: [
      [
        /AmazonDynamoDBFullAccess/,
        resource("aws:iam/role:Role", { managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"] }),
      ],
      [
        /AdministratorAccess/,
        resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {
          policyArn: "arn:aws:iam::aws:policy/AdministratorAccess",
        }),
      ],
    ],
  },
  "aws-scheduler-role-limited": {
    good: [
      [schedulerRole, schedulerPolicy("lambda:InvokeFunction")],
      [trust({ Service: "lambda.amazonaws.com" }), schedulerPolicy("dynamodb:GetItem")],
    ],
    bad: [[/the schedule may do dynamodb:GetItem/, schedulerRole, schedulerPolicy("dynamodb:GetItem")]],
  },
  "aws-function-no-secret-value": {
    good: [
      [lambda({ environment: { variables: { MODE: "careful" } } }), awsSecret],
      [lambda({ environment: { variables: unknown } }), awsSecret],
    ],
    bad: [
      [/variable "KEY" holds/, lambda({ environment: { variables: { KEY: "pay-s3cret" } } }), awsSecret],
      [/variable "URL" holds/, lambda({ environment: { variables: { URL: "https://u:pay-s3cret@h" } } }), awsSecret],
    ],
  },
  "azure-app-no-secret-value": {
    good: [[webApp(), azureSecret]],
    bad: [
      [
        /variable "KEY" holds/,
        webApp({ siteConfig: { ...siteConfig, appSettings: [{ name: "KEY", value: "pay-s3cret" }] } }),
        azureSecret,
      ],
    ],
  },
  "gcp-function-no-secret-value": {
    good: [[gcpFunctionWith({ MODE: "careful" }), gcpSecret]],
    bad: [[/variable "KEY" holds/, gcpFunctionWith({ KEY: "pay-s3cret" }), gcpSecret]],
  },
  "aws-role-trust-limited": {
    good: [[trust({ Service: "lambda.amazonaws.com" })]],
    bad: [
      [/any principal may assume/, trust("*")],
      [/any principal may assume/, trust({ AWS: ["*"] })],
    ],
  },
  "aws-bucket-blocks-public-access": {
    good: [[bucket, accessBlock()], [bucket, accessBlock({ bucket: unknown })].map(dependsOnBucket)],
    bad: [
      [/no public access block.*S3\.8/, bucket],
      [/restrictPublicBuckets is off/, bucket, accessBlock({ restrictPublicBuckets: false })],
      [/no public access block/, bucket, accessBlock({ bucket: "another" })],
    ],
  },
  "aws-bucket-policy-not-public": {
    good: [[bucketPolicy(refusePlainHttp)]],
    bad: [
      [/any principal may read/, bucketPolicy(allow({ Principal: "*", Action: "s3:GetObject", Resource: "arn:x" }))],
    ],
  },
  "aws-bucket-tls-only": {
    good: [
      [bucket, bucketPolicy(refusePlainHttp)],
      [bucket, bucketPolicy(unknown)],
    ],
    bad: [
      [/over plain HTTP/, bucket],
      [/over plain HTTP/, bucket, bucketPolicy(allow({ Principal: { Service: "a" }, Action: "s3:GetObject" }))],
    ],
  },
  "aws-bucket-encrypted": {
    good: [
      [
        bucket,
        ofBucket("bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", { rules: [] }),
      ],
    ],
    bad: [[/encryption is not stated/, bucket]],
  },
  "aws-bucket-no-acls": {
    good: [[bucket, ownership("BucketOwnerEnforced")]],
    bad: [
      [/ACLs are in force/, bucket],
      [/ACLs are in force/, bucket, ownership("ObjectWriter")],
    ],
  },
  "aws-distribution-https": {
    good: [[distribution()]],
    bad: [
      [/plain HTTP/, distribution({ defaultCacheBehavior: { ...behaviour, viewerProtocolPolicy: "allow-all" } })],
      [/plain HTTP/, distribution({ orderedCacheBehaviors: [{ ...behaviour, viewerProtocolPolicy: "allow-all" }] })],
    ],
  },
  "aws-distribution-tls-floor": {
    good: [[distribution()], [distribution({ viewerCertificate: { cloudfrontDefaultCertificate: true } })]],
    bad: [
      [/floor for viewers is "TLSv1"/, distribution({ viewerCertificate: { minimumProtocolVersion: "TLSv1" } })],
      [/floor for viewers is nothing/, distribution({ viewerCertificate: { acmCertificateArn: "arn" } })],
      [
        /an origin is called without TLS 1\.2/,
        distribution({ origins: [{ customOriginConfig: { ...apiOrigin, originSslProtocols: ["TLSv1", "TLSv1.2"] } }] }),
      ],
      [
        /an origin is called without TLS 1\.2/,
        distribution({ origins: [{ customOriginConfig: { ...apiOrigin, originProtocolPolicy: "match-viewer" } }] }),
      ],
    ],
  },
  "aws-distribution-origin-access": {
    good: [[distribution()], [distribution({ origins: [{ originAccessControlId: unknown }] })]],
    bad: [
      [/no origin access control.*CloudFront\.13/, distribution({ origins: [{ domainName: "b.s3.amazonaws.com" }] })],
    ],
  },
  "aws-distribution-root-object": {
    good: [[distribution()]],
    bad: [[/no default root object/, distribution({ defaultRootObject: "" })]],
  },
  "aws-distribution-security-headers": {
    good: [[distribution()]],
    bad: [
      [/no response headers policy/, distribution({ orderedCacheBehaviors: [{ viewerProtocolPolicy: "https-only" }] })],
    ],
  },
  "aws-http-api-authorisation-stated": {
    good: [[resource("aws:apigatewayv2/route:Route", { authorizationType: "NONE" })]],
    bad: [[/not stated/, resource("aws:apigatewayv2/route:Route", { routeKey: "$default" })]],
  },
  "aws-http-api-access-log": {
    good: [[stage()]],
    bad: [[/no access log/, stage({ accessLogSettings: undefined })]],
  },
  "aws-http-api-throttled": {
    good: [[stage()]],
    bad: [[/not throttled/, stage({ defaultRouteSettings: { throttlingRateLimit: 100 } })]],
  },
  "aws-table-recoverable": {
    good: [[table()]],
    bad: [[/point-in-time recovery is off/, table({ pointInTimeRecovery: undefined })]],
  },
  "aws-table-encrypted": {
    good: [[table()]],
    bad: [[/encryption .* is off/, table({ serverSideEncryption: { enabled: false } })]],
  },
  "aws-table-deletion-protected": {
    stack: "production",
    good: [[table()]],
    bad: [[/deletion protection is off/, table({ deletionProtectionEnabled: false })]],
  },
  "azure-table-deletion-protected": {
    stack: "production",
    good: [[storageAccount({ id: "data-id" }), azureTable, lock()], [storageAccount()]],
    bad: [
      [/no lock/, storageAccount({ id: "data-id" }), azureTable],
      [/no lock/, storageAccount({ id: "data-id" }), azureTable, lock({ scope: "another" })],
    ],
  },
  "azure-vault-by-role": {
    good: [[vault({ enableRbacAuthorization: true })], [vault(unknown)]],
    bad: [[/opened by access policies/, vault({})]],
  },
  "azure-vault-recoverable": {
    stack: "production",
    good: [[vault({ enablePurgeProtection: true })]],
    bad: [[/can be purged/, vault({})]],
  },
  "azure-storage-tls-floor": {
    good: [[storageAccount()]],
    bad: [
      [/plain HTTP/, storageAccount({ enableHttpsTrafficOnly: false })],
      [/TLS floor is "TLS1_0"/, storageAccount({ minimumTlsVersion: "TLS1_0" })],
      [/TLS floor is nothing/, storageAccount({ minimumTlsVersion: undefined })],
    ],
  },
  "azure-storage-no-public-blobs": {
    good: [[storageAccount()]],
    bad: [[/can be made public/, storageAccount({ allowBlobPublicAccess: undefined })]],
  },
  "azure-storage-no-shared-key": {
    good: [
      [storageAccount()],
      [storageAccount({ allowSharedKeyAccess: true }), resource("azure-native:storage:Blob", { accountName: "data" })],
    ],
    bad: [
      [/accepts its key/, storageAccount({ allowSharedKeyAccess: true })],
      [/accepts its key/, storageAccount({ allowSharedKeyAccess: undefined })],
    ],
  },
  "azure-app-https-only": {
    good: [[webApp()]],
    bad: [
      [/plain HTTP/, webApp({ httpsOnly: false })],
      [/minTlsVersion is "1\.0"/, webApp({ siteConfig: { ...siteConfig, minTlsVersion: "1.0" } })],
      [/scmMinTlsVersion is nothing/, webApp({ siteConfig: { ...siteConfig, scmMinTlsVersion: undefined } })],
    ],
  },
  "azure-app-no-basic-credentials": {
    good: [[webApp(), passwords("WebAppScmAllowed", false), passwords("WebAppFtpAllowed", false)]],
    bad: [
      [/WebAppScmAllowed does not/, webApp(), passwords("WebAppFtpAllowed", false)],
      [
        /WebAppFtpAllowed does not/,
        webApp(),
        passwords("WebAppScmAllowed", false),
        passwords("WebAppFtpAllowed", true),
      ],
    ],
  },
  "azure-app-flex-settings": {
    good: [
      [webApp({ functionAppConfig: {} })],
      [webApp({ siteConfig: { netFrameworkVersion: "v4.6" } })],
      [webApp({ functionAppConfig: {}, siteConfig: unknown })],
    ],
    bad: [
      [
        /siteConfig\.netFrameworkVersion is set/,
        webApp({ functionAppConfig: {}, siteConfig: { netFrameworkVersion: "v4.6" } }),
      ],
    ],
  },
  "azure-app-identity": {
    good: [[webApp()]],
    bad: [
      [/no identity/, webApp({ identity: undefined })],
      [
        /its setting "STORE" holds a storage key/,
        webApp({ siteConfig: { appSettings: [{ name: "STORE", value: "AccountName=a;AccountKey=c2VjcmV0" }] } }),
      ],
    ],
  },
  "azure-role-not-administrator": {
    good: [[assignment(tableRole, storageScope)]],
    bad: [[/the role Contributor/, assignment("b24988ac-6180-42a0-ab88-20f7382dd24c", storageScope)]],
  },
  "azure-role-narrow-scope": {
    good: [[assignment(tableRole, storageScope)]],
    bad: [
      [/its scope is/, assignment(tableRole, subscription)],
      [/its scope is/, assignment(tableRole, `${subscription}/resourceGroups/shop`)],
      [/its scope is/, assignment(tableRole, "/providers/Microsoft.Management/managementGroups/all")],
    ],
  },
  "azure-front-door-https": {
    good: [[route()]],
    bad: [
      [/not redirected/, route({ httpsRedirect: "Disabled" })],
      [/its origin is called over plain HTTP/, route({ forwardingProtocol: "MatchRequest" })],
    ],
  },
  "azure-log-retention": {
    good: [[resource("azure-native:operationalinsights:Workspace", { retentionInDays: 365 })]],
    bad: [[/retention is not stated/, resource("azure-native:operationalinsights:Workspace", {})]],
  },
  "gcp-bucket-uniform-access": {
    good: [[resource("gcp:storage/bucket:Bucket", { uniformBucketLevelAccess: true })]],
    bad: [[/ACLs of their own/, resource("gcp:storage/bucket:Bucket", {})]],
  },
  "gcp-bucket-not-public": {
    good: [[resource("gcp:storage/bucket:Bucket", { publicAccessPrevention: "enforced" })]],
    bad: [[/can be made public/, openBucket]],
  },
  "gcp-bucket-members-named": {
    good: [[bucketMember("serviceAccount:api@shop.iam.gserviceaccount.com")]],
    bad: [[/everybody/, bucketMember("allUsers")]],
  },
  "gcp-function-own-identity": {
    good: [[gcpFunction("api@shop", "build@shop")], [gcpFunction(unknown, unknown)]],
    bad: [
      [/runs as the default/, gcpFunction(undefined, "build@shop")],
      [/built as the default/, gcpFunction("api@shop", undefined)],
    ],
  },
  "gcp-project-role-narrow": {
    good: [[projectMember("roles/logging.logWriter")]],
    bad: [
      [/grants "roles\/editor"/, projectMember("roles/editor")],
      [/grants "roles\/storage\.admin"/, projectMember("roles/storage.admin")],
      [/grants "roles\/iam\.serviceAccountUser"/, projectMember("roles/iam.serviceAccountUser")],
    ],
  },
  "gcp-data-role-limited": {
    good: [[projectMember("roles/datastore.user", { expression: 'resource.name == "projects/p/databases/d"' })]],
    bad: [[/every database/, projectMember("roles/datastore.user")]],
  },
  "gcp-secret-role-limited": {
    good: [
      [
        resource("gcp:secretmanager/secretIamMember:SecretIamMember", {
          role: secretAccessor,
          member: "serviceAccount:api",
        }),
      ],
      [projectMember("roles/logging.logWriter")],
    ],
    bad: [
      [
        /everybody/,
        resource("gcp:secretmanager/secretIamMember:SecretIamMember", { role: secretAccessor, member: "allUsers" }),
      ],
      [/every secret/, projectMember(secretAccessor, { expression: "true" })],
    ],
  },
  "gcp-job-authenticated": {
    good: [
      [resource("gcp:cloudscheduler/job:Job", { httpTarget: { oidcToken: { serviceAccountEmail: "invoker@shop" } } })],
      [resource("gcp:cloudscheduler/job:Job", { pubsubTarget: { topicName: "orders" } })],
    ],
    bad: [
      [/without saying who/, resource("gcp:cloudscheduler/job:Job", { httpTarget: { uri: "https://api.example" } })],
    ],
  },
  "gcp-tls-floor": {
    good: [
      [sslPolicy("TLS_1_2", "MODERN")],
      [resource("gcp:compute/targetHttpsProxy:TargetHttpsProxy", { sslPolicy: unknown })],
    ],
    bad: [
      [/TLS floor is nothing/, sslPolicy(undefined, "MODERN")],
      [/profile is "COMPATIBLE"/, sslPolicy("TLS_1_2", "COMPATIBLE")],
      [/no SSL policy/, resource("gcp:compute/targetHttpsProxy:TargetHttpsProxy", {})],
    ],
  },
  "gcp-load-balancer-log": {
    good: [[resource("gcp:compute/backendService:BackendService", { logConfig: { enable: true } })]],
    bad: [[/not logged/, resource("gcp:compute/backendService:BackendService", {})]],
  },
  "gcp-database-recoverable": {
    good: [[database()]],
    bad: [[/recovery is off/, database({ pointInTimeRecoveryEnablement: undefined })]],
  },
  "gcp-database-deletion-protected": {
    stack: "production",
    good: [[database()]],
    bad: [[/deletion protection is off/, database({ deleteProtectionState: "DELETE_PROTECTION_DISABLED" })]],
  },
};

/** As in the engine's first preview: resources have no names yet, except those that were computed from known values. */
function dependsOnBucket(other: Resource): Resource {
  return other === bucket ? other : { ...other, dependencies: { bucket: [bucket.urn] } };
}

function found(
  rule: Rule,
  resources: readonly Resource[],
  name = "staging",
  configuration: Stack["configuration"] = { aws: { publicLayers: [publicLayer] } },
): string[] {
  const stack: Stack = { name, configuration, resources };
  return violations([rule], stack).map(({ message }) => message);
}

test("every rule has examples, and a unique name", () => {
  expect(Object.keys(cases).sort()).toEqual(rules.map(({ name }) => name).sort());
});

describe.each(rules.map((rule) => [rule.name, rule] as const))("%s", (name, rule) => {
  const { good, bad, stack } = cases[name] ?? { good: [], bad: [] };

  test.each(good.map((resources) => [resources] as const))("accepts %#", (resources) => {
    expect(found(rule, resources, stack)).toEqual([]);
  });

  test.each(bad.map(([message, ...resources]) => [message, resources] as const))("says %s", (message, resources) => {
    expect(found(rule, resources, stack)).toEqual([expect.stringMatching(message)]);
    expect(found(rule, resources, stack)[0]).toContain(rule.remedy);
  });

  test("ignores values that the engine does not know yet", () => {
    for (const [resource] of good) {
      if (resource === undefined || rule.scope === "stack") continue;
      const properties = Object.fromEntries<Value>(Object.keys(resource.properties).map((key) => [key, unknown]));
      expect(found(rule, [{ ...resource, properties }], stack)).toEqual([]);
    }
  });
});

test("only a website's bucket may be public, if a setting says so", () => {
  const site = { ...openBucket, properties: { ...openBucket.properties, website: { mainPageSuffix: "index.html" } } };
  const open = rules.filter(({ name }) => ["gcp-bucket-not-public", "gcp-bucket-members-named"].includes(name));
  for (const [bucket, configuration, expected] of [
    [site, { gcp: { frontend: { publicBucket: true } } }, 0],
    [site, { gcp: { frontend: { publicBucket: false } } }, 2],
    [openBucket, { gcp: { frontend: { publicBucket: true } } }, 2],
  ] as const) {
    const all = open.flatMap((rule) => found(rule, [bucket, bucketMember("allUsers")], "staging", configuration));
    expect(all).toHaveLength(expected);
  }
});

test("rules for production do not stop staging", () => {
  const open = [
    table({ deletionProtectionEnabled: false }),
    database({ deleteProtectionState: undefined }),
    storageAccount({ id: "data-id" }),
    azureTable,
  ];
  for (const rule of rules.filter(({ name }) => name.endsWith("deletion-protected"))) {
    expect(found(rule, open, "staging")).toEqual([]);
    for (const production of ["prod-eu", "prod_2", "production"]) expect(found(rule, open, production)).toHaveLength(1);
    expect(found(rule, open, "products")).toEqual([]);
  }
});

test("a rule applies only to its own types", () => {
  const stranger = resource("random:index/randomId:RandomId", {});
  expect(rules.flatMap((rule) => found(rule, [stranger]))).toEqual([]);
});

test("every waiver has a reason, and none waives a rule that is always enforced", () => {
  for (const { reason } of waivers) expect(reason).toMatch(/^[A-Z].*\.$/);
  const partly = ["CKV_AWS_174"];
  const waived = waivers.flatMap(({ reference }) => reference.split(", ")).filter((id) => !partly.includes(id));
  expect(rules.flatMap(({ references }) => references).filter((id) => waived.includes(id))).toEqual([]);
});
