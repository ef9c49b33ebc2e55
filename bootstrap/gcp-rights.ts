import type { Rights, TypeRights } from "./rights";

/**
 * What the methods of a REST resource check: `<service>.<resource>.<verb>` (the reference of IAM permissions,
 * https://cloud.google.com/iam/docs/permissions-reference, and the "IAM permissions" of each method's own page).
 */
const rest = (resource: string, more: Partial<TypeRights> = {}): TypeRights => ({
  create: [`${resource}.create`],
  read: [`${resource}.get`],
  update: [`${resource}.update`],
  delete: [`${resource}.delete`],
  ...more,
});

/** A policy member: the provider reads the policy, changes it and writes it back. */
const member = (resource: string): TypeRights => {
  const [get, set] = [`${resource}.getIamPolicy`, `${resource}.setIamPolicy`];
  return { create: [get, set], read: [get], delete: [get, set] };
};

/** Compute Engine also requires `use` on the referenced resources. */
const compute = (kind: string, uses: readonly string[] = []): TypeRights => {
  const own = `compute.${kind}`;
  const used = uses.map((use) => `compute.${use}`);
  const labels = ["globalAddresses", "globalForwardingRules"].includes(kind) ? [`${own}.setLabels`] : [];
  return {
    create: [`${own}.create`, ...labels, ...used],
    read: [`${own}.get`, "compute.globalOperations.get"],
    update: [`${own}.update`, ...labels, ...used],
    delete: [`${own}.delete`],
  };
};

const actAs = "iam.serviceAccounts.actAs";

export const gcpRights: Rights = {
  "gcp:projects/service:Service": {
    create: ["serviceusage.services.enable"],
    read: ["serviceusage.services.get", "serviceusage.services.list"],
    // They stay enabled.
    delete: [],
  },
  "gcp:projects/serviceIdentity:ServiceIdentity": {
    create: ["serviceusage.services.enable"],
    read: [],
    delete: [],
  },
  "gcp:serviceaccount/account:Account": rest("iam.serviceAccounts"),
  "gcp:projects/iAMMember:IAMMember": member("resourcemanager.projects"),
  "gcp:storage/bucketIAMMember:BucketIAMMember": member("storage.buckets"),
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": member("artifactregistry.repositories"),
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": member("run.services"),
  "gcp:secretmanager/secretIamMember:SecretIamMember": member("secretmanager.secrets"),
  "gcp:secretmanager/secret:Secret": rest("secretmanager.secrets"),
  "gcp:secretmanager/secretVersion:SecretVersion": {
    create: ["secretmanager.versions.add", "secretmanager.versions.enable"],
    read: ["secretmanager.versions.get", "secretmanager.versions.access"],
    // They are left.
    delete: [],
  },
  "gcp:cloudscheduler/job:Job": rest("cloudscheduler.jobs", {
    create: ["cloudscheduler.jobs.create", actAs],
    update: ["cloudscheduler.jobs.update", actAs],
  }),
  "gcp:pubsub/topic:Topic": rest("pubsub.topics"),
  "gcp:pubsub/subscription:Subscription": rest("pubsub.subscriptions", {
    // A push with a token acts as a service account.
    create: ["pubsub.subscriptions.create", "pubsub.topics.attachSubscription", actAs],
    update: ["pubsub.subscriptions.update", actAs],
  }),
  "gcp:pubsub/topicIAMMember:TopicIAMMember": member("pubsub.topics"),
  "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember": member("pubsub.subscriptions"),
  "gcp:artifactregistry/repository:Repository": rest("artifactregistry.repositories", {
    read: ["artifactregistry.repositories.get", "artifactregistry.locations.get"],
  }),
  "gcp:firestore/database:Database": {
    create: ["datastore.databases.create", "datastore.operations.get"],
    read: ["datastore.databases.getMetadata"],
    update: ["datastore.databases.update", "datastore.operations.get"],
    delete: ["datastore.databases.delete", "datastore.operations.get"],
  },
  "gcp:storage/bucket:Bucket": rest("storage.buckets", {
    // `forceDestroy` empties it first.
    delete: ["storage.buckets.delete", "storage.objects.list", "storage.objects.delete"],
  }),
  "gcp:storage/bucketObject:BucketObject": rest("storage.objects", {
    create: ["storage.objects.create", "storage.objects.delete"],
  }),
  "gcp:cloudfunctionsv2/function:Function": rest("cloudfunctions.functions", {
    create: [
      "cloudfunctions.functions.create",
      "cloudfunctions.operations.get",
      "cloudfunctions.functions.sourceCodeSet",
      actAs,
    ],
    update: [
      "cloudfunctions.functions.update",
      "cloudfunctions.operations.get",
      "cloudfunctions.functions.sourceCodeSet",
      actAs,
    ],
    delete: ["cloudfunctions.functions.delete", "cloudfunctions.operations.get"],
  }),
  "gcp:compute/backendBucket:BackendBucket": compute("backendBuckets"),
  "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": {
    create: ["compute.regionNetworkEndpointGroups.create"],
    read: ["compute.regionNetworkEndpointGroups.get", "compute.regionOperations.get"],
    delete: ["compute.regionNetworkEndpointGroups.delete"],
  },
  "gcp:compute/backendService:BackendService": compute("backendServices", [
    "regionNetworkEndpointGroups.use",
    "securityPolicies.use",
  ]),
  "gcp:compute/uRLMap:URLMap": compute("urlMaps", ["backendBuckets.use", "backendServices.use"]),
  "gcp:compute/globalAddress:GlobalAddress": compute("globalAddresses"),
  "gcp:compute/targetHttpProxy:TargetHttpProxy": compute("targetHttpProxies", ["urlMaps.use"]),
  "gcp:compute/targetHttpsProxy:TargetHttpsProxy": compute("targetHttpsProxies", [
    "urlMaps.use",
    "sslCertificates.get",
    "sslPolicies.use",
  ]),
  "gcp:compute/globalForwardingRule:GlobalForwardingRule": compute("globalForwardingRules", [
    "globalAddresses.use",
    "targetHttpProxies.use",
    "targetHttpsProxies.use",
  ]),
  "gcp:compute/managedSslCertificate:ManagedSslCertificate": {
    create: ["compute.sslCertificates.create"],
    read: ["compute.sslCertificates.get", "compute.globalOperations.get"],
    delete: ["compute.sslCertificates.delete"],
  },
  "gcp:compute/sSLPolicy:SSLPolicy": compute("sslPolicies"),
  "gcp:compute/securityPolicy:SecurityPolicy": compute("securityPolicies"),
  "gcp:monitoring/notificationChannel:NotificationChannel": rest("monitoring.notificationChannels"),
  "gcp:monitoring/alertPolicy:AlertPolicy": rest("monitoring.alertPolicies"),
  "gcp:monitoring/dashboard:Dashboard": rest("monitoring.dashboards"),
};
