import type { SchemaObject } from "ajv";

import type { ByPath, Documented } from "../rules";

const documented = (source: string, schema: SchemaObject): Documented => ({ source, schema });

const text = (source: string, maxLength: number) => documented(source, { type: "string", minLength: 1, maxLength });

const labels = documented("https://cloud.google.com/resource-manager/docs/labels-overview#requirements", {
  type: "object",
  maxProperties: 64,
  propertyNames: { pattern: "^[a-z][a-z0-9_-]{0,62}$" },
  additionalProperties: { type: "string", pattern: "^[a-z0-9_-]{0,63}$" },
});

const region = documented("https://cloud.google.com/docs/geography-and-regions", {
  type: "string",
  pattern: "^[a-z]+-[a-z]+[1-9]\\d?$",
});

const cleanupPolicies = "https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy";

const bucketName = documented("https://cloud.google.com/storage/docs/buckets#naming", {
  type: "string",
  pattern: "^(?!goog)[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$",
});

const objectName = documented("https://cloud.google.com/storage/docs/objects#naming", {
  type: "string",
  pattern: "^[\\w./-]{1,1024}$",
});

const mediaType = documented("https://www.rfc-editor.org/rfc/rfc9110.html#name-media-type", {
  type: "string",
  maxLength: 255,
  pattern: "^[\\w.+-]+/[\\w.+-]+(; charset=[\\w-]+)?$",
});

const header = documented("https://cloud.google.com/load-balancing/docs/custom-headers", {
  type: "string",
  maxLength: 8192,
  pattern: "^[A-Za-z][A-Za-z0-9-]*: ",
});

const filter = documented("https://cloud.google.com/monitoring/api/v3/filters", {
  type: "string",
  maxLength: 2048,
  pattern: '^[\\w.]+ = "[^"]+"( AND [\\w.]+ = "[^"]+")*$',
});

const role = documented("https://cloud.google.com/iam/docs/roles-permissions", {
  enum: [
    "roles/artifactregistry.writer",
    "roles/datastore.user",
    "roles/logging.logWriter",
    "roles/run.invoker",
    "roles/secretmanager.secretAccessor",
    "roles/storage.objectViewer",
  ],
});

const member = documented("https://cloud.google.com/iam/docs/principal-identifiers", {
  type: "string",
  maxLength: 300,
  pattern: "^(allUsers|serviceAccount:[a-z0-9-]+@[a-z0-9.-]+\\.gserviceaccount\\.com)$",
});

const condition = "https://cloud.google.com/iam/docs/conditions-overview";
const functions = "https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions";
const urlMaps = "https://cloud.google.com/compute/docs/reference/rest/v1/urlMaps";
const securityPolicies = "https://cloud.google.com/compute/docs/reference/rest/v1/securityPolicies";
const alerting = "https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies";
const dashboards = "https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards";

const environment = documented("https://cloud.google.com/functions/docs/configuring/env-var", {
  type: "string",
  minLength: 1,
  maxLength: 32_768,
});

const jobs = "https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs";

/** Id of a collection; the application uses it as its table's name. */
const collection = documented("https://cloud.google.com/firestore/quotas#collections_documents_and_fields", {
  type: "string",
  pattern: "^(?!\\.\\.?$|__.*__$)[^/]{1,1500}$",
});

const iamMember = { role, member };

const path = documented(urlMaps, { type: "string", pattern: "^/", maxLength: 1024 });

/**
 * Rules for values from Google's documentation that its discovery documents lack. Closed lists that are too long
 * (roles, kinds of channels) contain only the values that the program uses.
 */
export const documentedValues: ByPath<Documented> = {
  "gcp:projects/serviceIdentity:ServiceIdentity": {
    service: documented("https://cloud.google.com/service-usage/docs/list-services", {
      type: "string",
      pattern: "^[a-z]+\\.googleapis\\.com$",
    }),
  },
  "gcp:projects/service:Service": {
    service: documented("https://cloud.google.com/service-usage/docs/list-services", {
      type: "string",
      pattern: "^[a-z]+\\.googleapis\\.com$",
    }),
    disableOnDestroy: documented("@pulumi/gcp", { type: "boolean" }),
  },
  "gcp:serviceaccount/account:Account": {
    accountId: documented("https://cloud.google.com/iam/docs/service-accounts-create", {
      type: "string",
      pattern: "^[a-z][a-z0-9-]{4,28}[a-z0-9]$",
    }),
    displayName: text("https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts", 100),
  },
  "gcp:projects/iAMMember:IAMMember": {
    ...iamMember,
    project: documented("https://cloud.google.com/resource-manager/docs/creating-managing-projects", {
      type: "string",
      pattern: "^[a-z][a-z0-9-]{4,28}[a-z0-9]$",
    }),
    "condition.title": text(condition, 100),
    "condition.expression": text(condition, 12_288),
  },
  "gcp:storage/bucketIAMMember:BucketIAMMember": iamMember,
  "gcp:secretmanager/secretIamMember:SecretIamMember": iamMember,
  "gcp:secretmanager/secret:Secret": {
    labels,
    secretId: documented("https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create", {
      type: "string",
      pattern: "^[A-Za-z0-9_-]{1,255}$",
    }),
    "replication.userManaged.replicas.location": region,
  },
  "gcp:secretmanager/secretVersion:SecretVersion": {
    secretData: text("https://cloud.google.com/secret-manager/quotas#content-limits", 64 * 1024),
    deletionPolicy: documented("@pulumi/gcp", { enum: ["ABANDON", "DELETE", "DISABLE"] }),
  },
  "gcp:cloudscheduler/job:Job": {
    name: documented(jobs, { type: "string", pattern: "^[A-Za-z0-9_-]{1,500}$" }),
    region,
    description: text(jobs, 500),
    schedule: documented("https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules", {
      type: "string",
      pattern: "^([\\d*,/-]+ ){4}[\\d*,/-]+$",
    }),
    timeZone: documented(jobs, { enum: ["Etc/UTC", ...Intl.supportedValuesOf("timeZone")] }),
    // For a job with an HTTP target.
    attemptDeadline: documented(jobs, {
      type: "string",
      pattern: "^(1[5-9]|[2-9]\\d|[1-9]\\d\\d|1[0-7]\\d\\d|1800)s$",
    }),
    "retryConfig.retryCount": documented(jobs, { type: "integer", minimum: 0, maximum: 5 }),
    "httpTarget.uri": documented(jobs, { type: "string", pattern: "^https://[^\\s]+$", maxLength: 2048 }),
    "httpTarget.oidcToken.audience": documented(jobs, {
      type: "string",
      pattern: "^https://[^\\s]+$",
      maxLength: 2048,
    }),
  },
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": { ...iamMember, location: region },
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": { ...iamMember, location: region },
  "gcp:artifactregistry/repository:Repository": {
    labels,
    location: region,
    "cleanupPolicies.id": text(cleanupPolicies, 127),
    "cleanupPolicies.mostRecentVersions.keepCount": documented(cleanupPolicies, { type: "integer", minimum: 1 }),
    description: text("https://cloud.google.com/artifact-registry/docs/repositories/create-repos", 1024),
    repositoryId: documented("https://cloud.google.com/artifact-registry/docs/repositories/create-repos", {
      type: "string",
      pattern: "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
    }),
  },
  "gcp:firestore/database:Database": {
    name: documented("https://cloud.google.com/firestore/docs/manage-databases#database_id", {
      type: "string",
      // Not in the form of a UUID.
      pattern: "^(?![0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[a-z][a-z0-9-]{2,61}[a-z0-9]$",
    }),
    locationId: documented("https://cloud.google.com/firestore/docs/locations", {
      type: "string",
      pattern: "^([a-z]+-[a-z]+[1-9]\\d?|nam5|eur3)$",
    }),
    deletionPolicy: documented("@pulumi/gcp", { enum: ["ABANDON", "DELETE", "PREVENT"] }),
  },
  "gcp:storage/bucket:Bucket": {
    name: bucketName,
    labels,
    location: region,
    publicAccessPrevention: documented("https://cloud.google.com/storage/docs/public-access-prevention", {
      enum: ["enforced", "inherited"],
    }),
    "website.mainPageSuffix": objectName,
    forceDestroy: documented("@pulumi/gcp", { type: "boolean" }),
  },
  "gcp:storage/bucketObject:BucketObject": {
    name: objectName,
    contentType: mediaType,
    cacheControl: documented("https://cloud.google.com/storage/docs/metadata#cache-control", {
      type: "string",
      pattern: "^[a-z-]+(=\\d+)?(, [a-z-]+(=\\d+)?)*$",
      maxLength: 1024,
    }),
    source: documented("@pulumi/gcp", { type: "object", required: ["path", "hash"] }),
    content: documented("@pulumi/gcp", { type: "string" }),
  },
  "gcp:cloudfunctionsv2/function:Function": {
    name: documented("https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions/create", {
      type: "string",
      pattern: "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
    }),
    location: region,
    labels,
    "buildConfig.runtime": documented("https://cloud.google.com/functions/docs/runtime-support#python", {
      enum: ["python310", "python311", "python312", "python313", "python314"],
    }),
    "buildConfig.entryPoint": documented(functions, { type: "string", pattern: "^[A-Za-z_]\\w{0,127}$" }),
    "buildConfig.environmentVariables.*": environment,
    "buildConfig.environmentVariables.GOOGLE_FUNCTION_SOURCE": documented(
      "https://cloud.google.com/docs/buildpacks/service-specific-configs#google_function_source",
      { type: "string", pattern: "^[\\w./-]+\\.py$" },
    ),
    "buildConfig.environmentVariables.GOOGLE_VENDOR_PIP_DEPENDENCIES": documented(
      "https://cloud.google.com/functions/docs/writing/specifying-dependencies-python#using_private_dependencies",
      { type: "string", pattern: "^[\\w./-]+$" },
    ),
    "serviceConfig.environmentVariables.*": environment,
    "serviceConfig.environmentVariables.MESSAGES_TABLE": collection,
    "serviceConfig.environmentVariables.ITEMS_TABLE": collection,
    "serviceConfig.secretEnvironmentVariables.key": documented(
      "https://cloud.google.com/run/docs/reference/rest/v2/Container#EnvVar",
      { type: "string", pattern: "^[A-Za-z_]\\w{0,254}$" },
    ),
    "serviceConfig.environmentVariables.AUTH_ISSUER": documented(
      "https://openid.net/specs/openid-connect-core-1_0.html",
      {
        type: "string",
        pattern: "^https://[^\\s]+$",
      },
    ),
    "serviceConfig.availableCpu": documented("https://cloud.google.com/run/docs/configuring/services/cpu", {
      enum: ["1", "2", "4", "6", "8"],
    }),
    "serviceConfig.availableMemory": documented(
      "https://cloud.google.com/run/docs/configuring/services/memory-limits",
      {
        type: "string",
        pattern: "^[1-9]\\d*(k|M|G|Ki|Mi|Gi)$",
        maxLength: 10,
      },
    ),
    "serviceConfig.timeoutSeconds": documented("https://cloud.google.com/functions/quotas#time_limits", {
      type: "integer",
      minimum: 1,
      maximum: 3600,
    }),
    "serviceConfig.maxInstanceRequestConcurrency": documented(
      "https://cloud.google.com/run/docs/configuring/concurrency",
      { type: "integer", minimum: 1, maximum: 1000 },
    ),
    "serviceConfig.maxInstanceCount": documented("https://cloud.google.com/run/docs/configuring/max-instances-limits", {
      type: "integer",
      minimum: 1,
      maximum: 1000,
    }),
  },
  "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": {
    name: documented("https://www.rfc-editor.org/rfc/rfc1035", {
      type: "string",
      pattern: "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
    }),
    region,
  },
  "gcp:compute/backendBucket:BackendBucket": { customResponseHeaders: header },
  "gcp:compute/backendService:BackendService": {
    customResponseHeaders: header,
    "logConfig.sampleRate": documented("https://cloud.google.com/compute/docs/reference/rest/v1/backendServices", {
      type: "number",
      minimum: 0,
      maximum: 1,
    }),
  },
  "gcp:compute/uRLMap:URLMap": {
    "hostRules.hosts": documented(urlMaps, {
      type: "string",
      pattern: "^(\\*|(\\*[.-])?[a-z0-9-]+(\\.[a-z0-9-]+)+)$",
      maxLength: 255,
    }),
    "pathMatchers.pathRules.paths": path,
    "pathMatchers.pathRules.customErrorResponsePolicy.errorResponseRules.path": path,
    "pathMatchers.pathRules.customErrorResponsePolicy.errorResponseRules.matchResponseCodes": documented(urlMaps, {
      type: "string",
      pattern: "^[45](\\d\\d|xx)$",
    }),
    "pathMatchers.pathRules.customErrorResponsePolicy.errorResponseRules.overrideResponseCode": documented(urlMaps, {
      type: "integer",
      minimum: 200,
      maximum: 599,
    }),
  },
  "gcp:compute/globalAddress:GlobalAddress": { labels },
  "gcp:compute/globalForwardingRule:GlobalForwardingRule": {
    labels,
    portRange: documented("https://cloud.google.com/load-balancing/docs/forwarding-rule-concepts#port_specifications", {
      enum: ["80", "443"],
    }),
  },
  "gcp:compute/managedSslCertificate:ManagedSslCertificate": {
    "managed.domains": documented(
      "https://cloud.google.com/load-balancing/docs/ssl-certificates/google-managed-certs",
      {
        type: "string",
        pattern: "^[a-z0-9-]+(\\.[a-z0-9-]+)+\\.?$",
        maxLength: 64,
      },
    ),
  },
  "gcp:compute/securityPolicy:SecurityPolicy": {
    "rules.action": documented(securityPolicies, { enum: ["allow", "deny(403)", "deny(404)", "deny(502)"] }),
    "rules.priority": documented(securityPolicies, { type: "integer", minimum: 0, maximum: 2_147_483_647 }),
    "rules.description": text(securityPolicies, 2048),
    "rules.match.expr.expression": text(securityPolicies, 2048),
    "rules.match.config.srcIpRanges": documented(securityPolicies, {
      type: "string",
      pattern: "^(\\*|[0-9a-f.:]+/\\d{1,3})$",
      maxLength: 50,
    }),
  },
  "gcp:monitoring/notificationChannel:NotificationChannel": {
    type: documented("https://cloud.google.com/monitoring/support/notification-options", { enum: ["email"] }),
    displayName: text("https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.notificationChannels", 512),
    // For a channel of type `email`.
    labels: documented("https://cloud.google.com/monitoring/support/notification-options#email", {
      type: "object",
      required: ["email_address"],
      properties: { email_address: { type: "string", pattern: "^[^\\s@]+@[^\\s@]+\\.[^\\s@]+$", maxLength: 254 } },
      additionalProperties: false,
    }),
    userLabels: labels,
  },
  "gcp:monitoring/alertPolicy:AlertPolicy": {
    displayName: text(alerting, 512),
    "conditions.displayName": text(alerting, 512),
    "conditions.conditionThreshold.filter": filter,
    "documentation.content": text(alerting, 8192),
    "documentation.mimeType": documented(alerting, { enum: ["text/markdown"] }),
    userLabels: labels,
  },
  "gcp:monitoring/dashboard:Dashboard": {
    "dashboardJson.displayName": text(dashboards, 1024),
    "dashboardJson.gridLayout.widgets.title": text(dashboards, 1024),
    "dashboardJson.gridLayout.widgets.xyChart.dataSets.timeSeriesQuery.timeSeriesFilter.filter": filter,
  },
};
