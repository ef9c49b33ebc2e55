import { isPublic, refusesPlainHttp, statements, tooBroad } from "./iam-policy";
import {
  at,
  differs,
  isEmpty,
  isObject,
  isProduction,
  listAt,
  referring,
  refersTo,
  type Resource,
  type Rule,
  shown,
  textsIn,
  type Stack,
  unknown,
  type Value,
} from "./rule";

const types = {
  bucket: "aws:s3/bucket:Bucket",
  bucketPolicy: "aws:s3/bucketPolicy:BucketPolicy",
  distribution: "aws:cloudfront/distribution:Distribution",
  function: "aws:lambda/function:Function",
  functionUrl: "aws:lambda/functionUrl:FunctionUrl",
  layer: "aws:lambda/layerVersion:LayerVersion",
  layerPermission: "aws:lambda/layerVersionPermission:LayerVersionPermission",
  logGroup: "aws:cloudwatch/logGroup:LogGroup",
  permission: "aws:lambda/permission:Permission",
  publicAccessBlock: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  role: "aws:iam/role:Role",
  route: "aws:apigatewayv2/route:Route",
  stage: "aws:apigatewayv2/stage:Stage",
  table: "aws:dynamodb/table:Table",
} as const;

/** The layer versions of this stack that a function is given. */
function ownLayers(fn: Resource, stack: Stack): Resource[] {
  const given = listAt(fn.properties, "layers");
  const sources = fn.dependencies.layers ?? [];
  return stack.resources.filter(
    ({ type, urn, properties: { arn } }) =>
      type === types.layer && (sources.includes(urn) || (typeof arn === "string" && given.includes(arn))),
  );
}

const functionRules: readonly Rule[] = [
  {
    name: "aws-function-has-layer",
    description: "A Python function has the layer that holds its dependencies.",
    references: [],
    types: [types.function],
    scope: "resource",
    remedy: "Without it every request ends in Runtime.ImportModuleError; declare it as an ApiFunction with its layers",
    check: ({ properties }) => {
      const { layers, runtime } = properties;
      if (typeof runtime !== "string" || !runtime.startsWith("python") || layers === unknown) return undefined;
      return listAt(properties, "layers").length === 0 ? "the function has no dependency layer" : undefined;
    },
  },
  {
    name: "aws-layer-not-hard-coded",
    description:
      "A function's layers are layer versions of the stack, public layers that its settings name, or what a StackReference reads.",
    references: [],
    types: [types.function],
    scope: "stack",
    remedy: "Pass the ARN that a LayerVersion of the stack gives, or name the public layer in the stack's settings",
    check: (fn, stack) => {
      const layers = ownLayers(fn, stack);
      const own = new Set(layers.map(({ properties }) => properties.arn));
      const given = listAt(fn.properties, "layers");
      const named = new Set(textsIn(stack.configuration));
      // What another stack tells of its layers follows that stack.
      const references = stack.resources.filter(({ type }) => type === "pulumi:pulumi:StackReference");
      const told = new Set(references.flatMap(({ properties }) => textsIn(properties)));
      const foreign = given.find(
        (arn) => typeof arn === "string" && ![own, named, told].some((known) => known.has(arn)),
      );
      if (foreign !== undefined) return `the layer ${shown(foreign)} is written into the program`;
      const sources = fn.dependencies.layers ?? [];
      const unaccounted =
        given.includes(unknown) && layers.length === 0 && !references.some(({ urn }) => sources.includes(urn));
      return unaccounted ? "a layer comes neither from the stack nor from its settings" : undefined;
    },
  },
  {
    name: "aws-layer-fits-function",
    description: "A layer is built for the runtime and the architecture of the functions that it is attached to.",
    references: [],
    types: [types.function],
    scope: "stack",
    remedy: "Build the layer for the function's runtime: npm run layer -- build --python-version --architecture",
    check: (fn, stack) => {
      const { runtime } = fn.properties;
      const architecture = listAt(fn.properties, "architectures")[0] ?? "x86_64";
      for (const layer of ownLayers(fn, stack)) {
        const runtimes = listAt(layer.properties, "compatibleRuntimes");
        const architectures = listAt(layer.properties, "compatibleArchitectures");
        if (runtimes.length > 0 && !runtimes.includes(runtime)) {
          return `the function runs ${shown(runtime)}, its layer ${layer.name} is for ${shown(runtimes)}`;
        }
        if (architectures.length > 0 && !architectures.includes(architecture)) {
          return `the function runs on ${shown(architecture)}, its layer ${layer.name} is for ${shown(architectures)}`;
        }
      }
      return undefined;
    },
  },
  {
    name: "aws-layer-not-public",
    description: "A layer is shared with accounts or an organisation, not with everybody.",
    references: [],
    types: [types.layerPermission],
    scope: "resource",
    remedy: "Name accounts or an organisation in shareWith (the setting aws.shareLayersWith)",
    check: ({ properties: { principal, organizationId } }) =>
      principal === "*" && isEmpty(organizationId) ? "any AWS account may use the layer" : undefined,
  },
  {
    name: "aws-function-traced",
    description: "A function sends traces to X-Ray.",
    references: ["CKV_AWS_50"],
    types: [types.function],
    scope: "resource",
    remedy: 'Set tracingConfig to { mode: "Active" }',
    check: ({ properties }) =>
      differs(properties, "tracingConfig.mode", "Active")
        ? `tracing is ${shown(at(properties, "tracingConfig.mode"))}`
        : undefined,
  },
  {
    name: "aws-function-log-group",
    description: "A function writes to a log group of the stack, since the one that Lambda makes keeps logs for ever.",
    references: ["CKV_AWS_66"],
    types: [types.function],
    scope: "stack",
    remedy: "Declare a LogGroup with retentionInDays and name it in loggingConfig.logGroup",
    check: (fn, stack) => {
      const group = at(fn.properties, "loggingConfig.logGroup");
      if (group === unknown) return undefined;
      const known = stack.resources.some(
        ({ type, properties }) => type === types.logGroup && properties.name === group,
      );
      return known ? undefined : `its log group (${shown(group)}) is not one of the stack`;
    },
  },
  {
    name: "aws-log-retention",
    description: "A log group has a retention.",
    references: ["CKV_AWS_66"],
    types: [types.logGroup],
    scope: "resource",
    remedy: "Set retentionInDays; the setting logRetentionDays is for it",
    check: ({ properties: { retentionInDays } }) =>
      retentionInDays === undefined || retentionInDays === 0 ? "logs are kept for ever" : undefined,
  },
  {
    name: "aws-log-retention-year",
    description: "Logs are kept for a year at least, so that an incident found late can still be looked into.",
    references: ["CKV_AWS_338"],
    types: [types.logGroup],
    enforcement: "advisory",
    scope: "resource",
    remedy: "Set logRetentionDays to 365 or more, unless a law asks for less",
    check: ({ properties: { retentionInDays } }) =>
      typeof retentionInDays === "number" && retentionInDays > 0 && retentionInDays < 365
        ? `logs are kept for ${retentionInDays} days only`
        : undefined,
  },
  {
    name: "aws-invoke-permission-limited",
    description: "A function may be invoked by one API or one rule, not by a whole service.",
    references: ["Lambda.1", "CKV_AWS_301", "CKV_AWS_364"],
    types: [types.permission],
    scope: "resource",
    remedy: "Set principal to one service and sourceArn to the API that calls the function",
    check: ({ properties }) => {
      const { principal, sourceArn } = properties;
      if (principal === "*") return "any principal may invoke the function";
      return isEmpty(sourceArn) || sourceArn === "*"
        ? `${shown(principal)} may invoke the function for every account`
        : undefined;
    },
  },
  {
    name: "aws-function-url-authorised",
    description: "A function URL asks for IAM credentials; the public address is the HTTP API's, which throttles.",
    references: ["CKV_AWS_258"],
    types: [types.functionUrl],
    scope: "resource",
    remedy: "Set authorizationType to AWS_IAM, or remove the URL and use the HTTP API",
    check: ({ properties }) =>
      differs(properties, "authorizationType", "AWS_IAM") ? "the function's URL is open to everybody" : undefined,
  },
];

const accessRules: readonly Rule[] = [
  {
    name: "aws-role-least-privilege",
    description: "A policy of a role has neither wildcard actions nor data actions on every resource.",
    references: ["IAM.21", "CKV_AWS_355", "CKV_AWS_356", "CKV_AWS_111", "CKV_AWS_63"],
    types: ["aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy"],
    scope: "resource",
    remedy: "Name the actions that the code calls and the ARNs that it calls them on",
    check: ({ properties }) => tooBroad(statements(properties.policy) ?? []),
  },
  {
    name: "aws-no-full-access-policy",
    description: "No role has one of AWS's managed policies for administrators.",
    references: ["IAM.1", "CKV_AWS_274"],
    types: [types.role, "aws:iam/rolePolicyAttachment:RolePolicyAttachment"],
    scope: "resource",
    remedy: "Write a policy with the actions and ARNs that are needed",
    check: ({ properties }) => {
      const attached: readonly Value[] = [properties.policyArn, ...listAt(properties, "managedPolicyArns")];
      const broad = attached.find(
        (arn) => typeof arn === "string" && /\/(AdministratorAccess|PowerUserAccess|\w*FullAccess)$/.test(arn),
      );
      return broad === undefined ? undefined : `it has ${shown(broad)}`;
    },
  },
  {
    name: "aws-role-trust-limited",
    description: "A role is assumed by named principals.",
    references: ["CKV_AWS_60", "CKV_AWS_61"],
    types: [types.role],
    scope: "resource",
    remedy: "Name the service or the account that assumes the role, or add a condition",
    check: ({ properties }) =>
      (statements(properties.assumeRolePolicy) ?? []).some(isPublic) ? "any principal may assume the role" : undefined,
  },
];

const scheduleRules: readonly Rule[] = [
  {
    name: "aws-scheduler-role-limited",
    description: "A role that EventBridge Scheduler assumes invokes functions, and may do nothing else.",
    references: [],
    types: ["aws:iam/rolePolicy:RolePolicy"],
    scope: "stack",
    remedy:
      "Allow lambda:InvokeFunction on the function that the schedule is for, and give other rights to other roles",
    check: (policy, stack) => {
      const isScheduler = stack.resources.some(
        (role) => role.type === types.role && isAssumedByScheduler(role) && refersTo(policy, "role", role),
      );
      if (!isScheduler) return undefined;
      const other = (statements(policy.properties.policy) ?? [])
        .filter(({ Effect }) => Effect === "Allow")
        .flatMap(({ Action }) => Action)
        .find((action) => action !== "lambda:InvokeFunction");
      return other === undefined ? undefined : `the schedule may do ${other}`;
    },
  },
];

function isAssumedByScheduler({ properties }: Resource): boolean {
  return (statements(properties.assumeRolePolicy) ?? []).some(({ Principal }) => {
    return Object.values(Principal).some((principals) => principals.includes("scheduler.amazonaws.com"));
  });
}

const bucketRules: readonly Rule[] = [
  {
    name: "aws-bucket-blocks-public-access",
    description: "All four public access blocks of a bucket are on.",
    references: ["S3.8", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"],
    types: [types.bucket],
    scope: "stack",
    remedy: "Declare a BucketPublicAccessBlock for the bucket with all four set to true",
    check: (bucket, stack) => {
      const [block] = referring(stack, types.publicAccessBlock, "bucket", bucket);
      if (block === undefined) return "the bucket has no public access block";
      const open = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].find((key) =>
        differs(block.properties, key, true),
      );
      return open === undefined ? undefined : `${open} is off`;
    },
  },
  {
    name: "aws-bucket-policy-not-public",
    description: "A bucket's policy gives a wildcard principal access only under a condition.",
    references: ["S3.2", "CKV_AWS_70"],
    types: [types.bucketPolicy],
    scope: "resource",
    remedy: "Allow cloudfront.amazonaws.com alone, with the distribution's ARN as AWS:SourceArn",
    check: ({ properties }) =>
      (statements(properties.policy) ?? []).some(isPublic) ? "any principal may read the bucket" : undefined,
  },
  {
    name: "aws-bucket-tls-only",
    description: "A bucket refuses requests without TLS.",
    references: ["S3.5", "CKV_AWS_379"],
    types: [types.bucket],
    scope: "stack",
    remedy: "Deny s3:* where aws:SecureTransport is false in the bucket's policy",
    check: (bucket, stack) => {
      const policies = referring(stack, types.bucketPolicy, "bucket", bucket);
      const refused = policies.some(({ properties }) => statements(properties.policy)?.some(refusesPlainHttp) ?? true);
      return refused ? undefined : "the bucket answers over plain HTTP";
    },
  },
  {
    name: "aws-bucket-encrypted",
    description: "A bucket states its encryption.",
    references: ["CKV_AWS_19"],
    types: [types.bucket],
    scope: "stack",
    remedy: "Declare a BucketServerSideEncryptionConfiguration for the bucket",
    check: (bucket, stack) =>
      referring(
        stack,
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "bucket",
        bucket,
      ).length > 0
        ? undefined
        : "the bucket's encryption is not stated",
  },
  {
    name: "aws-bucket-no-acls",
    description: "A bucket's owner owns its objects, so that no ACL can open them.",
    references: ["S3.12", "CKV2_AWS_65"],
    types: [types.bucket],
    scope: "stack",
    remedy: "Declare BucketOwnershipControls with BucketOwnerEnforced",
    check: (bucket, stack) =>
      referring(stack, "aws:s3/bucketOwnershipControls:BucketOwnershipControls", "bucket", bucket).some(
        ({ properties }) => !differs(properties, "rule.objectOwnership", "BucketOwnerEnforced"),
      )
        ? undefined
        : "ACLs are in force",
  },
];

const tlsFloors = ["TLSv1.2_2018", "TLSv1.2_2019", "TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"];

function behavioursOf(distribution: Value): readonly Value[] {
  return [at(distribution, "defaultCacheBehavior"), ...listAt(distribution, "orderedCacheBehaviors")];
}

const edgeRules: readonly Rule[] = [
  {
    name: "aws-distribution-https",
    description: "Viewers of a distribution use HTTPS.",
    references: ["CloudFront.3", "CKV_AWS_34"],
    types: [types.distribution],
    scope: "resource",
    remedy: "Set viewerProtocolPolicy to redirect-to-https in every behaviour",
    check: ({ properties }) => {
      return behavioursOf(properties).some((behaviour) =>
        differs(behaviour, "viewerProtocolPolicy", "redirect-to-https", "https-only"),
      )
        ? "a behaviour answers over plain HTTP"
        : undefined;
    },
  },
  {
    name: "aws-distribution-tls-floor",
    description: "A distribution with a certificate of the user's speaks TLS 1.2 at least, to viewers and to origins.",
    references: ["CloudFront.10", "CloudFront.15", "CKV_AWS_174"],
    types: [types.distribution],
    scope: "resource",
    remedy: "Set minimumProtocolVersion to TLSv1.2_2021 and an origin's originSslProtocols to TLSv1.2",
    check: ({ properties }) => {
      const certificate = at(properties, "viewerCertificate");
      const floor = at(certificate, "minimumProtocolVersion");
      const own = isObject(certificate) && differs(certificate, "cloudfrontDefaultCertificate", true);
      if (own && floor !== unknown && !tlsFloors.some((version) => version === floor)) {
        return `its TLS floor for viewers is ${shown(floor)}`;
      }
      const weak = listAt(properties, "origins").some(
        (origin) =>
          isObject(at(origin, "customOriginConfig")) &&
          (differs(origin, "customOriginConfig.originProtocolPolicy", "https-only") ||
            listAt(origin, "customOriginConfig.originSslProtocols").some((protocol) => protocol !== "TLSv1.2")),
      );
      return weak ? "an origin is called without TLS 1.2" : undefined;
    },
  },
  {
    name: "aws-distribution-origin-access",
    description: "A bucket behind a distribution is read through origin access control, or through nothing.",
    references: ["CloudFront.13", "CKV2_AWS_46"],
    types: [types.distribution],
    scope: "resource",
    remedy: "Give the origin an originAccessControlId, or a customOriginConfig where it is no bucket",
    check: ({ properties }) =>
      listAt(properties, "origins").some(
        (origin) => at(origin, "customOriginConfig") === undefined && isEmpty(at(origin, "originAccessControlId")),
      )
        ? "an S3 origin has no origin access control"
        : undefined,
  },
  {
    name: "aws-distribution-root-object",
    description: "A distribution answers / with a document, not with a list of the bucket.",
    references: ["CloudFront.1", "CKV_AWS_305"],
    types: [types.distribution],
    scope: "resource",
    remedy: "Set defaultRootObject to index.html",
    check: ({ properties }) => (isEmpty(properties.defaultRootObject) ? "it has no default root object" : undefined),
  },
  {
    name: "aws-distribution-security-headers",
    description: "A distribution's answers carry security headers.",
    references: ["CKV2_AWS_32"],
    types: [types.distribution],
    scope: "resource",
    remedy: "Set responseHeadersPolicyId in every behaviour",
    check: ({ properties }) =>
      behavioursOf(properties).some((behaviour) => isEmpty(at(behaviour, "responseHeadersPolicyId")))
        ? "a behaviour has no response headers policy"
        : undefined,
  },
  {
    name: "aws-http-api-authorisation-stated",
    description: "A route states its authorisation type, even where that is NONE.",
    references: ["APIGateway.8", "CKV_AWS_309"],
    types: [types.route],
    scope: "resource",
    remedy: "Set authorizationType, to NONE where the application itself checks tokens",
    check: ({ properties }) =>
      isEmpty(properties.authorizationType) ? "the route's authorisation type is not stated" : undefined,
  },
  {
    name: "aws-http-api-access-log",
    description: "A stage keeps an access log.",
    references: ["APIGateway.9", "CKV_AWS_76"],
    types: [types.stage],
    scope: "resource",
    remedy: "Set accessLogSettings to a log group and a format",
    check: ({ properties }) =>
      isEmpty(at(properties, "accessLogSettings.destinationArn")) ? "the stage has no access log" : undefined,
  },
  {
    name: "aws-http-api-throttled",
    description: "A stage lets through a limited number of requests, or one caller can use up the account's.",
    references: [],
    types: [types.stage],
    scope: "resource",
    remedy: "Set throttlingRateLimit and throttlingBurstLimit in defaultRouteSettings",
    check: ({ properties }) =>
      ["throttlingRateLimit", "throttlingBurstLimit"].some((key) =>
        isEmpty(at(properties, `defaultRouteSettings.${key}`)),
      )
        ? "the stage is not throttled"
        : undefined,
  },
];

const tableRules: readonly Rule[] = [
  {
    name: "aws-table-recoverable",
    description: "A table can be restored to any second of the last weeks.",
    references: ["DynamoDB.2", "CKV_AWS_28"],
    types: [types.table],
    scope: "resource",
    remedy: "Set pointInTimeRecovery to { enabled: true }",
    check: ({ properties }) =>
      differs(properties, "pointInTimeRecovery.enabled", true) ? "point-in-time recovery is off" : undefined,
  },
  {
    name: "aws-table-encrypted",
    description: "A table is encrypted with a key of the account, whose use is logged.",
    references: [],
    types: [types.table],
    scope: "resource",
    remedy: "Set serverSideEncryption to { enabled: true }",
    check: ({ properties }) =>
      differs(properties, "serverSideEncryption.enabled", true)
        ? "encryption with the account's key is off"
        : undefined,
  },
  {
    name: "aws-table-deletion-protected",
    description: "A production table cannot be deleted.",
    references: ["DynamoDB.6"],
    types: [types.table],
    scope: "stack",
    remedy: "Set deletionProtection to true in the stack's settings",
    check: ({ properties }, { name }) =>
      isProduction(name) && differs(properties, "deletionProtectionEnabled", true)
        ? "deletion protection is off"
        : undefined,
  },
];

export const awsRules: readonly Rule[] = [
  ...functionRules,
  ...accessRules,
  ...scheduleRules,
  ...bucketRules,
  ...edgeRules,
  ...tableRules,
];
