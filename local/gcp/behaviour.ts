import type { Behaviour, Behaviours } from "../behaviour";

/** Files of hashicorp/terraform-provider-google-beta, below `google-beta/services/`. */
const provider = (...files: string[]) => files.map((file) => `terraform-provider-google-beta: ${file}`);

/** Seconds in the access change propagation page: "typically 2 minutes, potentially 7 minutes or longer". */
const iamPropagation = 420;

/**
 * A resource whose `name` the bridge generates if it is absent. With a given name, a replacement deletes the old
 * resource first. A failed creation removes the id from the state ("The resource didn't actually create").
 */
const named = (file: string, replaceOn: readonly string[]): Behaviour => ({
  sources: provider(file),
  replaceOn: ["name", "project", ...replaceOn],
  first: "named",
  autoNamed: "name",
});

/** Compute Engine refuses to delete a resource that another one uses. */
const used = (behaviour: Behaviour): Behaviour => ({
  ...behaviour,
  inUse: "Error 400: the resource is already being used by another resource, resourceInUseByAnotherResource",
});

/**
 * A member's role on a resource; all properties are part of its identity. `place` are the properties that name the
 * resource.
 */
const member = (file: string, place: readonly string[]): Behaviour => ({
  sources: [
    "terraform-provider-google-beta: google-beta/tpgiamresource/resource_iam_member.go",
    ...provider(file),
    "https://cloud.google.com/iam/docs/access-change-propagation",
  ],
  replaceOn: ["role", "member", "condition", ...place],
  lateSeconds: iamPropagation,
});

export const gcpBehaviours: Behaviours = {
  "gcp:projects/service:Service": {
    sources: provider("resourcemanager/resource_google_project_service.go"),
    replaceOn: ["service", "project"],
    lateSeconds: 120,
  },
  "gcp:projects/serviceIdentity:ServiceIdentity": {
    // Created by `generateServiceIdentity`; neither read nor deleted.
    sources: provider("resourcemanager/resource_project_service_identity.go"),
    replaceOn: ["service", "project"],
  },
  "gcp:serviceaccount/account:Account": {
    sources: provider("resourcemanager/resource_google_service_account.go"),
    replaceOn: ["accountId", "project"],
    first: "named",
    autoNamed: "accountId",
  },
  "gcp:serviceaccount/iAMMember:IAMMember": member("resourcemanager/iam_service_account.go", ["serviceAccountId"]),
  "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": {
    sources: provider("iambeta/resource_iam_workload_identity_pool.go"),
    replaceOn: ["workloadIdentityPoolId", "project"],
  },
  "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": {
    sources: provider("iambeta/resource_iam_workload_identity_pool_provider.go"),
    replaceOn: ["workloadIdentityPoolId", "workloadIdentityPoolProviderId", "project"],
  },
  "gcp:projects/iAMCustomRole:IAMCustomRole": {
    sources: provider("resourcemanager/resource_google_project_iam_custom_role.go"),
    replaceOn: ["roleId", "project"],
  },
  "gcp:projects/iAMMember:IAMMember": {
    ...member("resourcemanager/iam_project.go", ["project"]),
    // `DeleteBeforeReplace` in pulumi-gcp's provider/resources.go.
    first: "old",
  },
  "gcp:storage/bucketIAMMember:BucketIAMMember": {
    ...member("storage/iam_storage_bucket.go", ["bucket"]),
    readsWith: "storage.buckets.getIamPolicy",
  },
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": member(
    "artifactregistry/iam_artifact_registry_repository.go",
    ["repository", "location", "project"],
  ),
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": member("cloudrunv2/iam_cloud_run_v2_service.go", [
    "name",
    "location",
    "project",
  ]),
  "gcp:secretmanager/secretIamMember:SecretIamMember": member("secretmanager/iam_secret_manager_secret.go", [
    "secretId",
    "project",
  ]),
  "gcp:secretmanager/secret:Secret": {
    sources: provider("secretmanager/resource_secret_manager_secret.go"),
    replaceOn: ["secretId", "project", "replication", "tags"],
  },
  "gcp:secretmanager/secretVersion:SecretVersion": {
    sources: provider("secretmanager/resource_secret_manager_secret_version.go"),
    replaceOn: ["secret", "secretData", "secretDataWoVersion"],
  },
  "gcp:cloudscheduler/job:Job": named("cloudscheduler/resource_cloud_scheduler_job.go", ["region"]),
  "gcp:pubsub/topic:Topic": named("pubsub/resource_pubsub_topic.go", ["tags"]),
  "gcp:pubsub/subscription:Subscription": named("pubsub/resource_pubsub_subscription.go", [
    "topic",
    "enableMessageOrdering",
    "filter",
    "tags",
  ]),
  "gcp:pubsub/topicIAMMember:TopicIAMMember": member("pubsub/iam_pubsub_topic.go", ["topic", "project"]),
  "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember": member("pubsub/iam_pubsub_subscription.go", [
    "subscription",
    "project",
  ]),
  "gcp:artifactregistry/repository:Repository": {
    sources: provider("artifactregistry/resource_artifact_registry_repository.go"),
    replaceOn: ["repositoryId", "location", "project", "format", "kmsKeyName", "mode"],
  },
  "gcp:firestore/database:Database": {
    ...named("firestore/resource_firestore_database.go", [
      "locationId",
      "cmekConfig",
      "databaseEdition",
      "firestoreDataAccessMode",
      "mongodbCompatibleDataAccessMode",
      "realtimeUpdatesMode",
      "tags",
    ]),
    fails: { how: "refused", message: "Error waiting to create Database: Error code 14, message: unavailable" },
  },
  "gcp:storage/bucket:Bucket": named("storage/resource_storage_bucket.go", [
    "location",
    "enableObjectRetention",
    "customPlacementConfig.dataLocations",
    "hierarchicalNamespace.enabled",
  ]),
  "gcp:storage/bucketObject:BucketObject": {
    ...named("storage/resource_storage_bucket_object.go", [
      "bucket",
      "cacheControl",
      "contentDisposition",
      "contentEncoding",
      "contentLanguage",
      "contentType",
      "source",
      "storageClass",
      "kmsKeyName",
      "customerEncryption",
      "metadata",
    ]),
    unread: ["source", "content"],
  },
  "gcp:storage/notification:Notification": {
    sources: provider("storage/resource_storage_notification.go"),
    replaceOn: ["bucket", "topic", "payloadFormat", "eventTypes", "objectNamePrefix", "customAttributes"],
  },
  "gcp:eventarc/trigger:Trigger": named("eventarc/resource_eventarc_trigger.go", ["location", "channel", "transport"]),
  "gcp:cloudfunctionsv2/function:Function": {
    ...named("cloudfunctions2/resource_cloudfunctions2_function.go", ["location"]),
    sources: [
      ...provider("cloudfunctions2/resource_cloudfunctions2_function.go"),
      "https://github.com/hashicorp/terraform-provider-google/issues/22565",
      "https://github.com/hashicorp/terraform-provider-google/issues/20571",
    ],
    // The provider keeps the id when the wait for the operation fails. An unchanged configuration then sends no
    // request.
    fails: {
      how: "partial",
      message:
        "Error waiting to create function: Error waiting for Creating function: Error code 3, message: Build failed " +
        "with status: FAILURE. Could not build the function due to a missing permission on the build service account.",
      needs: [
        "gcp:projects/iAMMember:IAMMember",
        "gcp:storage/bucketIAMMember:BucketIAMMember",
        "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
      ],
    },
    emptyUpdate: "nothing",
    unread: ["buildConfig"],
  },
  "gcp:compute/backendBucket:BackendBucket": used(named("compute/resource_compute_backend_bucket.go", ["params"])),
  "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": used(
    named("compute/resource_compute_region_network_endpoint_group.go", [
      "region",
      "appEngine",
      "cloudFunction",
      "cloudRun",
      "description",
      "network",
      "networkEndpointType",
      "pscData",
      "pscTargetService",
      "serverlessDeployment",
      "subnetwork",
    ]),
  ),
  "gcp:compute/backendService:BackendService": used(
    named("compute/resource_compute_backend_service.go", ["dynamicForwarding.ipPortSelection.enabled", "params"]),
  ),
  "gcp:compute/uRLMap:URLMap": used(named("compute/resource_compute_url_map.go", [])),
  "gcp:compute/globalAddress:GlobalAddress": used(
    named("compute/resource_compute_global_address.go", [
      "address",
      "addressType",
      "description",
      "ipVersion",
      "network",
      "prefixLength",
      "purpose",
    ]),
  ),
  "gcp:compute/targetHttpProxy:TargetHttpProxy": used(
    named("compute/resource_compute_target_http_proxy.go", ["description", "httpKeepAliveTimeoutSec", "proxyBind"]),
  ),
  "gcp:compute/targetHttpsProxy:TargetHttpsProxy": used(
    named("compute/resource_compute_target_https_proxy.go", [
      "description",
      "httpKeepAliveTimeoutSec",
      "proxyBind",
      "tlsEarlyData",
    ]),
  ),
  "gcp:compute/globalForwardingRule:GlobalForwardingRule": named("compute/resource_compute_global_forwarding_rule.go", [
    "ipAddress",
    "ipProtocol",
    "allowPscGlobalAccess",
    "description",
    "ipVersion",
    "metadataFilters",
    "network",
    "networkTier",
    "noAutomateDnsZone",
    "portRange",
    "serviceDirectoryRegistrations",
    "sourceIpRanges",
    "subnetwork",
  ]),
  "gcp:compute/managedSslCertificate:ManagedSslCertificate": used(
    named("compute/resource_compute_managed_ssl_certificate.go", ["description", "managed", "type"]),
  ),
  "gcp:compute/sSLPolicy:SSLPolicy": used(named("compute/resource_compute_ssl_policy.go", ["description"])),
  "gcp:compute/securityPolicy:SecurityPolicy": used(named("compute/resource_compute_security_policy.go", ["type"])),
  "gcp:monitoring/notificationChannel:NotificationChannel": {
    sources: provider("monitoring/resource_monitoring_notification_channel.go"),
    replaceOn: ["project"],
  },
  "gcp:monitoring/alertPolicy:AlertPolicy": {
    sources: provider("monitoring/resource_monitoring_alert_policy.go"),
    replaceOn: ["project"],
  },
  "gcp:monitoring/dashboard:Dashboard": {
    sources: provider("monitoring/resource_monitoring_dashboard.go"),
    replaceOn: ["project"],
  },
};
