import type { ByPath, Reference } from "../rules";

const to = (...types: string[]): Reference => ({ types });
const named = (type: string, by: string): Reference => ({ types: [type], by });

const bucket = named("gcp:storage/bucket:Bucket", "name");
const functionName = named("gcp:cloudfunctionsv2/function:Function", "name");
const database = named("gcp:firestore/database:Database", "name");
const secretId = named("gcp:secretmanager/secret:Secret", "secretId");
const urlMap = to("gcp:compute/uRLMap:URLMap");
const backends = to("gcp:compute/backendBucket:BackendBucket", "gcp:compute/backendService:BackendService");

/** Inputs that have to name another resource of the program. */
export const references: ByPath<Reference> = {
  "gcp:storage/bucketIAMMember:BucketIAMMember": { bucket },
  "gcp:storage/bucketObject:BucketObject": { bucket },
  "gcp:secretmanager/secretVersion:SecretVersion": { secret: to("gcp:secretmanager/secret:Secret") },
  "gcp:secretmanager/secretIamMember:SecretIamMember": { secretId },
  "gcp:cloudscheduler/job:Job": {
    "httpTarget.oidcToken.serviceAccountEmail": named("gcp:serviceaccount/account:Account", "email"),
  },
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": {
    repository: named("gcp:artifactregistry/repository:Repository", "repositoryId"),
  },
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": { name: functionName },
  "gcp:cloudfunctionsv2/function:Function": {
    "buildConfig.dockerRepository": to("gcp:artifactregistry/repository:Repository"),
    "buildConfig.serviceAccount": to("gcp:serviceaccount/account:Account"),
    "buildConfig.source.storageSource.bucket": bucket,
    "buildConfig.source.storageSource.object": named("gcp:storage/bucketObject:BucketObject", "name"),
    "serviceConfig.serviceAccountEmail": named("gcp:serviceaccount/account:Account", "email"),
    "serviceConfig.secretEnvironmentVariables.secret": secretId,
    "serviceConfig.environmentVariables.MESSAGES_DATABASE": database,
    "serviceConfig.environmentVariables.ITEMS_DATABASE": database,
    "serviceConfig.environmentVariables.GOOGLE_CLOUD_PROJECT": named("gcp:firestore/database:Database", "project"),
  },
  "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": { "cloudRun.service": functionName },
  "gcp:compute/backendBucket:BackendBucket": { bucketName: bucket },
  "gcp:compute/backendService:BackendService": {
    "backends.group": to("gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup"),
    securityPolicy: to("gcp:compute/securityPolicy:SecurityPolicy"),
  },
  "gcp:compute/uRLMap:URLMap": {
    defaultService: backends,
    "pathMatchers.defaultService": backends,
    "pathMatchers.pathRules.service": backends,
    // Error pages are in a bucket.
    "pathMatchers.pathRules.customErrorResponsePolicy.errorService": to("gcp:compute/backendBucket:BackendBucket"),
  },
  "gcp:compute/targetHttpProxy:TargetHttpProxy": { urlMap },
  "gcp:compute/targetHttpsProxy:TargetHttpsProxy": {
    urlMap,
    sslCertificates: to("gcp:compute/managedSslCertificate:ManagedSslCertificate"),
    sslPolicy: to("gcp:compute/sSLPolicy:SSLPolicy"),
  },
  "gcp:compute/globalForwardingRule:GlobalForwardingRule": {
    target: to("gcp:compute/targetHttpProxy:TargetHttpProxy", "gcp:compute/targetHttpsProxy:TargetHttpsProxy"),
    ipAddress: named("gcp:compute/globalAddress:GlobalAddress", "address"),
  },
  "gcp:monitoring/alertPolicy:AlertPolicy": {
    notificationChannels: to("gcp:monitoring/notificationChannel:NotificationChannel"),
  },
};
