import { at, differs, isEmpty, isProduction, refersTo, type Resource, type Rule, shown, type Stack } from "./rule";

const types = {
  backend: "gcp:compute/backendService:BackendService",
  bucket: "gcp:storage/bucket:Bucket",
  bucketMember: "gcp:storage/bucketIAMMember:BucketIAMMember",
  database: "gcp:firestore/database:Database",
  function: "gcp:cloudfunctionsv2/function:Function",
  job: "gcp:cloudscheduler/job:Job",
  httpsProxy: "gcp:compute/targetHttpsProxy:TargetHttpsProxy",
  projectMember: "gcp:projects/iAMMember:IAMMember",
  secretMember: "gcp:secretmanager/secretIamMember:SecretIamMember",
  sslPolicy: "gcp:compute/sSLPolicy:SSLPolicy",
} as const;

const everybody = ["allUsers", "allAuthenticatedUsers"];

/** The bucket of a website that the setting gcp.frontend.publicBucket makes public. */
function isPublicSite({ properties }: Resource, { configuration }: Stack): boolean {
  return at(configuration, "gcp.frontend.publicBucket") === true && !isEmpty(properties.website);
}

export const gcpRules: readonly Rule[] = [
  {
    name: "gcp-bucket-uniform-access",
    description: "A bucket's access is decided by IAM alone, not by ACLs of its objects.",
    references: ["CKV_GCP_29"],
    types: [types.bucket],
    scope: "resource",
    remedy: "Set uniformBucketLevelAccess to true",
    check: ({ properties }) =>
      differs(properties, "uniformBucketLevelAccess", true) ? "its objects have ACLs of their own" : undefined,
  },
  {
    name: "gcp-bucket-not-public",
    description: "A bucket cannot be opened to everybody.",
    references: ["CKV_GCP_114"],
    types: [types.bucket],
    scope: "stack",
    remedy: "Set publicAccessPrevention to enforced; the load balancer reads the bucket by its service agent",
    check: (bucket, stack) =>
      differs(bucket.properties, "publicAccessPrevention", "enforced") && !isPublicSite(bucket, stack)
        ? "the bucket can be made public"
        : undefined,
  },
  {
    name: "gcp-bucket-members-named",
    description: "A bucket is read by named members only.",
    references: ["CKV_GCP_28"],
    types: [types.bucketMember],
    scope: "stack",
    remedy: "Name the service account that reads the bucket",
    check: (grant, stack) => {
      const { member } = grant.properties;
      if (!everybody.some((identifier) => identifier === member)) return undefined;
      const sites = stack.resources.filter((other) => other.type === types.bucket && isPublicSite(other, stack));
      return sites.some((site) => refersTo(grant, "bucket", site)) ? undefined : "everybody is a member";
    },
  },
  {
    name: "gcp-function-own-identity",
    description: "A function runs and is built as service accounts of its own, not as the project's default ones.",
    references: [],
    types: [types.function],
    scope: "resource",
    remedy: "Set serviceConfig.serviceAccountEmail and buildConfig.serviceAccount",
    check: ({ properties }) => {
      if (isEmpty(at(properties, "serviceConfig.serviceAccountEmail"))) return "it runs as the default service account";
      return isEmpty(at(properties, "buildConfig.serviceAccount"))
        ? "it is built as the default service account"
        : undefined;
    },
  },
  {
    name: "gcp-project-role-narrow",
    description: "No service account has a basic or an administrator's role on the project.",
    references: ["CKV_GCP_41", "CKV_GCP_42", "CKV_GCP_117"],
    types: [types.projectMember],
    scope: "resource",
    remedy: "Grant the role that the code needs, on the resource that it needs it on",
    check: ({ properties: { role } }) =>
      typeof role === "string" &&
      /^roles\/(owner|editor|viewer|[\w.]*[aA]dmin|iam\.serviceAccount(User|TokenCreator))$/.test(role)
        ? `it grants ${shown(role)} on the whole project`
        : undefined,
  },
  {
    name: "gcp-data-role-limited",
    description: "A role on data holds for this stack's database, not for every database of the project.",
    references: [],
    types: [types.projectMember],
    scope: "resource",
    remedy: "Add a condition on resource.name with the database's name",
    check: ({ properties }) =>
      typeof properties.role === "string" &&
      /^roles\/(datastore|firestore)\./.test(properties.role) &&
      isEmpty(at(properties, "condition.expression"))
        ? `${shown(properties.role)} holds for every database of the project`
        : undefined,
  },
  {
    name: "gcp-secret-role-limited",
    description:
      "A role that reads secrets holds for one secret and named members, not for every secret of the project.",
    references: [],
    types: [types.projectMember, types.secretMember],
    scope: "resource",
    remedy: "Grant roles/secretmanager.secretAccessor on the one secret, to the service account that reads it",
    check: ({ type, properties: { role, member } }) => {
      if (everybody.some((identifier) => identifier === member)) {
        return type === types.secretMember ? "everybody is a member" : undefined;
      }
      return type === types.projectMember && typeof role === "string" && /^roles\/secretmanager\./.test(role)
        ? `${shown(role)} holds for every secret of the project`
        : undefined;
    },
  },
  {
    name: "gcp-job-authenticated",
    description: "A scheduled job calls its target as a service account, so that the target need not be public.",
    references: [],
    types: [types.job],
    scope: "resource",
    remedy: "Set httpTarget.oidcToken to a service account that may invoke the target and nothing else",
    check: ({ properties }) =>
      !isEmpty(properties.httpTarget) &&
      isEmpty(at(properties, "httpTarget.oidcToken.serviceAccountEmail")) &&
      isEmpty(at(properties, "httpTarget.oauthToken.serviceAccountEmail"))
        ? "it calls without saying who it is"
        : undefined,
  },
  {
    name: "gcp-tls-floor",
    description: "A load balancer with a certificate speaks TLS 1.2 at least; Google's default allows 1.0.",
    references: ["CIS 3.9", "CKV_GCP_4"],
    types: [types.sslPolicy, types.httpsProxy],
    scope: "resource",
    remedy: "Give the proxy an SSLPolicy with minTlsVersion TLS_1_2 and profile MODERN",
    check: (resource) => (resource.type === types.httpsProxy ? proxyFloor(resource) : policyFloor(resource)),
  },
  {
    name: "gcp-load-balancer-log",
    description: "A load balancer logs its requests.",
    references: [],
    types: [types.backend],
    scope: "resource",
    remedy: "Set logConfig to { enable: true }",
    check: ({ properties }) => (differs(properties, "logConfig.enable", true) ? "requests are not logged" : undefined),
  },
  {
    name: "gcp-database-recoverable",
    description: "A database can be restored to any minute of the last week.",
    references: [],
    types: [types.database],
    scope: "resource",
    remedy: "Set pointInTimeRecoveryEnablement to POINT_IN_TIME_RECOVERY_ENABLED",
    check: ({ properties }) =>
      differs(properties, "pointInTimeRecoveryEnablement", "POINT_IN_TIME_RECOVERY_ENABLED")
        ? "point-in-time recovery is off"
        : undefined,
  },
  {
    name: "gcp-database-deletion-protected",
    description: "A production database cannot be deleted.",
    references: [],
    types: [types.database],
    scope: "stack",
    remedy: "Set deletionProtection to true in the stack's settings",
    check: ({ properties }, { name }) =>
      isProduction(name) && differs(properties, "deleteProtectionState", "DELETE_PROTECTION_ENABLED")
        ? "deletion protection is off"
        : undefined,
  },
];

function proxyFloor({ properties }: Resource): string | undefined {
  return isEmpty(properties.sslPolicy) ? "the proxy has no SSL policy" : undefined;
}

function policyFloor({ properties }: Resource): string | undefined {
  if (differs(properties, "minTlsVersion", "TLS_1_2", "TLS_1_3")) {
    return `its TLS floor is ${shown(properties.minTlsVersion)}`;
  }
  return differs(properties, "profile", "MODERN", "RESTRICTED")
    ? `its profile is ${shown(properties.profile)}`
    : undefined;
}
