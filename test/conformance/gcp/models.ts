import type { Values } from "../calls";
import { isRecord, type Translation } from "../translation";

/** A type of `@pulumi/gcp`, checked against Google's discovery document of its API. */
export interface Model extends Translation {
  /** API with its version, e.g. `run.v2`. */
  readonly api: string;
  /** Method of the API without the API's name, e.g. `projects.locations.functions.create`. */
  readonly method: string;
}

/** The provider's values for templates. */
export const defaults = { project: "shop-123456" };

const inProject = { parent: "projects/{project}" };
const inLocation = { parent: "projects/{project}/locations/{location}" };

/** A policy to which the provider adds a binding. */
const policy = ({ role, member, condition, ...rest }: Values): Values => ({
  ...rest,
  bindings: [
    { role, ...(member !== undefined && { members: [member] }), ...(condition !== undefined && { condition }) },
  ],
});

/** Parses a JSON document; other text stays, and the model rejects it. */
function document(text: unknown): Values {
  try {
    const parsed: unknown = JSON.parse(String(text));
    return isRecord(parsed) ? parsed : { document: parsed };
  } catch {
    return { document: text };
  }
}

/** Converts a list to the API's map by id. Anything else stays, and the model rejects it. */
function byId(items: unknown): unknown {
  if (!Array.isArray(items) || !items.every((item) => isRecord(item) && typeof item.id === "string")) return items;
  return Object.fromEntries(items.map((item: Values) => [item.id, item]));
}

const compute = (resource: string, model: Partial<Model> = {}): Model => ({
  api: "compute.v1",
  method: `${resource}.insert`,
  parameters: { project: "{project}" },
  ...model,
});

export const models: Readonly<Record<string, Model>> = {
  "gcp:projects/service:Service": {
    api: "serviceusage.v1",
    method: "services.enable",
    parameters: { name: "projects/{project}/services/{service}" },
    unmodelled: { disableOnDestroy: "what the provider does when the stack is destroyed" },
  },
  "gcp:projects/serviceIdentity:ServiceIdentity": {
    api: "serviceusage.v1beta1",
    method: "services.generateServiceIdentity",
    parameters: { parent: "projects/{project}/services/{service}" },
  },
  "gcp:serviceaccount/account:Account": {
    api: "iam.v1",
    method: "projects.serviceAccounts.create",
    parameters: { name: "projects/{project}" },
    rules: { displayName: "serviceAccount.displayName" },
  },
  "gcp:projects/iAMMember:IAMMember": {
    api: "cloudresourcemanager.v1",
    method: "projects.setIamPolicy",
    parameters: { resource: "{project}" },
    body: (properties) => ({ policy: policy(properties) }),
  },
  "gcp:storage/bucketIAMMember:BucketIAMMember": {
    api: "storage.v1",
    method: "buckets.setIamPolicy",
    parameters: { bucket: "{bucket}" },
    body: policy,
  },
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": {
    api: "artifactregistry.v1",
    method: "projects.locations.repositories.setIamPolicy",
    parameters: { resource: "projects/{project}/locations/{location}/repositories/{repository}" },
    body: (properties) => ({ policy: policy(properties) }),
  },
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": {
    api: "run.v2",
    method: "projects.locations.services.setIamPolicy",
    parameters: { resource: "projects/{project}/locations/{location}/services/{name}" },
    body: (properties) => ({ policy: policy(properties) }),
  },
  "gcp:artifactregistry/repository:Repository": {
    api: "artifactregistry.v1",
    method: "projects.locations.repositories.create",
    parameters: { ...inLocation, repositoryId: "{repositoryId}" },
    rules: { cleanupPolicies: (policies) => ({ cleanupPolicies: byId(policies) }) },
  },
  "gcp:firestore/database:Database": {
    api: "firestore.v1",
    method: "projects.databases.create",
    parameters: { ...inProject, databaseId: "{name}" },
    unmodelled: { deletionPolicy: "what the provider does when the stack is destroyed" },
  },
  "gcp:storage/bucket:Bucket": {
    api: "storage.v1",
    method: "buckets.insert",
    parameters: { project: "{project}" },
    rules: {
      uniformBucketLevelAccess: "iamConfiguration.uniformBucketLevelAccess.enabled",
      publicAccessPrevention: "iamConfiguration.publicAccessPrevention",
    },
    unmodelled: { forceDestroy: "the provider empties the bucket before it deletes it" },
  },
  "gcp:storage/bucketObject:BucketObject": {
    api: "storage.v1",
    method: "objects.insert",
    parameters: { bucket: "{bucket}" },
    unmodelled: { source: "the provider uploads the file", content: "the provider uploads the text" },
  },
  "gcp:secretmanager/secret:Secret": {
    api: "secretmanager.v1",
    method: "projects.secrets.create",
    parameters: { ...inProject, secretId: "{secretId}" },
  },
  "gcp:secretmanager/secretVersion:SecretVersion": {
    api: "secretmanager.v1",
    method: "projects.secrets.addVersion",
    parameters: { parent: "{secret}" },
    rules: {
      secretData: (value) => ({
        payload: { data: typeof value === "string" ? Buffer.from(value).toString("base64") : value },
      }),
    },
    unmodelled: { deletionPolicy: "what the provider does when the stack is destroyed" },
  },
  "gcp:secretmanager/secretIamMember:SecretIamMember": {
    api: "secretmanager.v1",
    method: "projects.secrets.setIamPolicy",
    parameters: { resource: "projects/{project}/secrets/{secretId}" },
    body: (properties) => ({ policy: policy(properties) }),
  },
  "gcp:cloudscheduler/job:Job": {
    api: "cloudscheduler.v1",
    method: "projects.locations.jobs.create",
    parameters: { parent: "projects/{project}/locations/{region}" },
  },
  "gcp:cloudfunctionsv2/function:Function": {
    api: "cloudfunctions.v2",
    method: "projects.locations.functions.create",
    parameters: { ...inLocation, functionId: "{name}" },
  },
  "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": compute("regionNetworkEndpointGroups", {
    parameters: { project: "{project}", region: "{region}" },
  }),
  "gcp:compute/backendBucket:BackendBucket": compute("backendBuckets"),
  "gcp:compute/backendService:BackendService": compute("backendServices", {
    rules: { enableCdn: "enableCDN" },
    unmodelled: { securityPolicy: "the provider sets it by backendServices.setSecurityPolicy" },
  }),
  "gcp:compute/uRLMap:URLMap": compute("urlMaps"),
  "gcp:compute/globalAddress:GlobalAddress": compute("globalAddresses"),
  "gcp:compute/targetHttpProxy:TargetHttpProxy": compute("targetHttpProxies"),
  "gcp:compute/targetHttpsProxy:TargetHttpsProxy": compute("targetHttpsProxies"),
  "gcp:compute/globalForwardingRule:GlobalForwardingRule": compute("globalForwardingRules", {
    rules: { ipAddress: "IPAddress" },
  }),
  "gcp:compute/managedSslCertificate:ManagedSslCertificate": compute("sslCertificates"),
  "gcp:compute/sSLPolicy:SSLPolicy": compute("sslPolicies"),
  "gcp:compute/securityPolicy:SecurityPolicy": compute("securityPolicies"),
  "gcp:monitoring/notificationChannel:NotificationChannel": {
    api: "monitoring.v3",
    method: "projects.notificationChannels.create",
    parameters: { name: "projects/{project}" },
  },
  "gcp:monitoring/alertPolicy:AlertPolicy": {
    api: "monitoring.v3",
    method: "projects.alertPolicies.create",
    parameters: { name: "projects/{project}" },
  },
  "gcp:monitoring/dashboard:Dashboard": {
    api: "monitoring.v1",
    method: "projects.dashboards.create",
    parameters: inProject,
    body: ({ dashboardJson, ...rest }) => ({ ...rest, ...document(dashboardJson) }),
  },
};
