import { createHash } from "node:crypto";

import { PathTemplate } from "../path-template";
import type { CloudContext, Draft, Inputs, Reference, ResourceType, Rule } from "../resource-type";
import type { Properties } from "../provider-server";
import { filtered, isObjectEvent, objectEvents, refusedNotification, refusedTrigger } from "./bucket-events";
import { functionSchema, GcpResources, notificationSchema, triggerSchema } from "./resources";
import { unixCronMinutes } from "./unix-cron";

const matching = (pattern: RegExp, expected: string): Rule => ({
  accepts: (value) => typeof value === "string" && pattern.test(value),
  expected,
});

const oneOf = (...values: unknown[]): Rule => ({
  accepts: (value) => values.includes(value),
  expected: `one of ${values.join(", ")}`,
});

/** RFC 1035: the form of most names in Google Cloud. */
const label = matching(
  /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
  "1 to 63 lower-case letters, digits and hyphens, a letter first",
);

interface GcpType extends Omit<ResourceType, "id" | "name"> {
  readonly outputs?: (draft: Draft, context: CloudContext, previous: Inputs) => Inputs | Promise<Inputs>;
}

/** A resource whose id is a path; `project` comes from the provider if the resource names none. */
function at(path: string, type: GcpType = {}): ResourceType {
  const template = new PathTemplate(path);
  const own = template.properties.filter((property) => property !== "project");
  return {
    ...type,
    required: [...own, ...(type.required ?? [])],
    replaceOn: [...template.properties, ...(type.replaceOn ?? [])],
    id: (inputs, { configuration }) => template.fill(inputs, configuration),
    outputs: async (draft, context, previous) => ({
      project: draft.inputs.project ?? context.configuration.project,
      ...(await type.outputs?.(draft, context, previous)),
    }),
  };
}

/** Part of a load balancer; its self link is the address of its id. */
const compute = (kind: string, type: GcpType = {}): ResourceType =>
  at(`projects/{project}/global/${kind}/{name}`, {
    ...type,
    rules: { name: label, ...type.rules },
    outputs: async (draft, context, previous) => ({
      selfLink: `https://www.googleapis.com/compute/v1/${draft.id}`,
      ...(await type.outputs?.(draft, context, previous)),
    }),
  });

/** A resource with a number as id, which Google assigns. */
const numbered = (kind: string, type: GcpType): ResourceType => ({
  ...at(`projects/{project}/${kind}`, type),
  id: (inputs, context) => `projects/${project(inputs, context)}/${kind}/${context.store.next(kind)}`,
  outputs: ({ id }) => ({ name: id }),
});

const bucket: Reference = { type: "gcp:storage/bucket:Bucket", by: "name" };
const byId = (type: string): Reference => ({ type });

/** Project number of all local projects. */
const projectNumber = "100000000001";

/** IAM API, `workloadIdentityPoolId` and `workloadIdentityPoolProviderId`. */
const identityPoolId = matching(
  /^(?!gcp-)[a-z0-9-]{4,32}$/,
  "4 to 32 lower-case letters, digits and hyphens, not gcp- first",
);

/** Names of topics and subscriptions (Pub/Sub, "Guidelines to name a topic or a subscription"). */
const pubSubName = matching(
  /^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/,
  "3 to 255 letters, digits and - . _ ~ + %, a letter first, and not goog",
);

const seconds = (least: number, most: number): Rule => ({
  accepts: (value) => {
    const found = /^\d+(\.\d{1,9})?s$/.test(String(value)) ? parseFloat(String(value)) : NaN;
    return found >= least && found <= most;
  },
  expected: `${least}s to ${most}s`,
});

const unserved: Rule = {
  accepts: (value) => value === false || value === "" || (Array.isArray(value) && value.length === 0),
  expected: "nothing: the local Google Cloud has no such delivery",
};

/** Pub/Sub's error for a topic, by id or name, that does not exist. */
function missingTopic({ store }: CloudContext, topic: unknown): string | undefined {
  const found = store.list("gcp:pubsub/topic:Topic").some(({ id, inputs }) => topic === id || topic === inputs.name);
  return found ? undefined : `Error 404: Resource not found (resource=${String(topic)}).`;
}

const doesNothing = (what: string) => `${what} is stored but does nothing on the local cloud`;

const eventTriggerOf = (value: unknown) => functionSchema.shape.eventTrigger.parse(value);

/** A member's role on a resource; all properties are part of its identity. */
const member = (path: string, references: Readonly<Record<string, Reference>> = {}): ResourceType =>
  at(`${path}/{role}/{member}`, { references, replaceOn: ["condition"] });

export const gcpTypes: Readonly<Record<string, ResourceType>> = {
  "gcp:projects/service:Service": at("{project}/{service}"),
  "gcp:projects/serviceIdentity:ServiceIdentity": at("projects/{project}/services/{service}"),
  "gcp:serviceaccount/account:Account": {
    required: ["accountId"],
    rules: { accountId: matching(/^[a-z][-a-z0-9]{4,28}[a-z0-9]$/, "6 to 30 lower-case letters, digits and hyphens") },
    replaceOn: ["accountId", "project"],
    id: (inputs, context) => `projects/${project(inputs, context)}/serviceAccounts/${email(inputs, context)}`,
    outputs: ({ id, inputs }, context) => ({
      name: id,
      email: email(inputs, context),
      member: `serviceAccount:${email(inputs, context)}`,
      uniqueId: String(parseInt(createHash("sha256").update(id).digest("hex").slice(0, 12), 16)),
    }),
  },
  "gcp:serviceaccount/iAMMember:IAMMember": member("{serviceAccountId}", {
    serviceAccountId: { type: "gcp:serviceaccount/account:Account" },
  }),
  "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": at(
    "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}",
    {
      rules: { workloadIdentityPoolId: identityPoolId },
      outputs: ({ id }) => ({ name: id.replace(/^projects\/[^/]+/, `projects/${projectNumber}`), state: "ACTIVE" }),
    },
  ),
  "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": at(
    "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}/providers/{workloadIdentityPoolProviderId}",
    {
      rules: { workloadIdentityPoolProviderId: identityPoolId },
      references: {
        workloadIdentityPoolId: {
          type: "gcp:iam/workloadIdentityPool:WorkloadIdentityPool",
          by: "workloadIdentityPoolId",
        },
      },
      outputs: ({ id }) => ({ name: id.replace(/^projects\/[^/]+/, `projects/${projectNumber}`), state: "ACTIVE" }),
    },
  ),
  "gcp:projects/iAMCustomRole:IAMCustomRole": at("projects/{project}/roles/{roleId}", {
    required: ["title", "permissions"],
    rules: {
      roleId: matching(/^[\w.]{3,64}$/, "3 to 64 letters, digits, _ and ."),
      title: matching(/^.{1,100}$/, "1 to 100 characters"),
      permissions: {
        accepts: (value) =>
          Array.isArray(value) && value.every((right) => /^[a-zA-Z0-9]+(\.[a-zA-Z0-9]+){2,}$/.test(String(right))),
        expected: "permissions, without wildcards",
      },
    },
    outputs: ({ id }) => ({ name: id }),
  }),
  "gcp:projects/iAMMember:IAMMember": member("{project}"),
  "gcp:storage/bucketIAMMember:BucketIAMMember": member("b/{bucket}", { bucket }),
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": member("{location}/{repository}"),
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": member("{location}/{name}"),
  "gcp:secretmanager/secretIamMember:SecretIamMember": member("projects/{project}/secrets/{secretId}", {
    secretId: { type: "gcp:secretmanager/secret:Secret", by: "secretId" },
  }),
  "gcp:secretmanager/secret:Secret": at("projects/{project}/secrets/{secretId}", {
    required: ["replication"],
    rules: { secretId: matching(/^[A-Za-z0-9_-]{1,255}$/, "1 to 255 letters, digits, underscores and hyphens") },
    contains: "secret",
    outputs: ({ id }) => ({ name: id }),
  }),
  "gcp:secretmanager/secretVersion:SecretVersion": {
    required: ["secret", "secretData"],
    references: { secret: byId("gcp:secretmanager/secret:Secret") },
    id: ({ secret }, { store }) => `${String(secret)}/versions/${store.next(`versions of ${String(secret)}`)}`,
    outputs: ({ id }) => ({ name: id, version: id.split("/").at(-1), enabled: true }),
    retained: ({ inputs }) => inputs.deletionPolicy === "ABANDON",
  },
  "gcp:cloudscheduler/job:Job": at("projects/{project}/locations/{region}/jobs/{name}", {
    required: ["schedule", "httpTarget.uri"],
    rules: {
      name: matching(/^[A-Za-z0-9_-]{1,500}$/, "1 to 500 letters, digits, underscores and hyphens"),
      schedule: {
        accepts: (value) => typeof value === "string" && unixCronMinutes(value) !== undefined,
        expected: "five fields of unix-cron",
      },
      attemptDeadline: {
        accepts: (value) => {
          const seconds = Number(/^(\d+)s$/.exec(String(value))?.[1]);
          return seconds >= 15 && seconds <= 1800;
        },
        expected: "15s to 1800s for a target of HTTP",
      },
    },
    references: {
      "httpTarget.oidcToken.serviceAccountEmail": { type: "gcp:serviceaccount/account:Account", by: "email" },
    },
    outputs: () => ({ state: "ENABLED" }),
  }),
  "gcp:pubsub/topic:Topic": {
    ...at("projects/{project}/topics/{name}", {
      rules: {
        name: pubSubName,
        messageRetentionDuration: seconds(600, 2_678_400),
        ingestionDataSourceSettings: unserved,
        messageTransforms: unserved,
        schemaSettings: unserved,
      },
    }),
    name: "name",
  },
  "gcp:pubsub/subscription:Subscription": {
    ...at("projects/{project}/subscriptions/{name}", {
      required: ["topic"],
      rules: {
        name: pubSubName,
        ackDeadlineSeconds: {
          accepts: (value) => value === 0 || (Number(value) >= 10 && Number(value) <= 600),
          expected: "10 to 600, or 0 for 10",
        },
        messageRetentionDuration: seconds(600, 2_678_400),
        "retryPolicy.minimumBackoff": seconds(0, 600),
        "retryPolicy.maximumBackoff": seconds(0, 600),
        "deadLetterPolicy.maxDeliveryAttempts": {
          accepts: (value) => value === 0 || (Number(value) >= 5 && Number(value) <= 100),
          expected: "5 to 100",
        },
        "pushConfig.noWrapper": unserved,
        filter: unserved,
        enableMessageOrdering: unserved,
        enableExactlyOnceDelivery: unserved,
        bigqueryConfig: unserved,
        cloudStorageConfig: unserved,
        messageTransforms: unserved,
      },
      references: {
        "pushConfig.oidcToken.serviceAccountEmail": { type: "gcp:serviceaccount/account:Account", by: "email" },
      },
      refuses: ({ topic, pushConfig, deadLetterPolicy }, context) => {
        const { pushEndpoint } = (pushConfig ?? {}) as { pushEndpoint?: string };
        const { deadLetterTopic } = (deadLetterPolicy ?? {}) as Inputs;
        const functions = context.store.list("gcp:cloudfunctionsv2/function:Function");
        const isLocal = functions.some(({ outputs: { url } }) => `${pushEndpoint}/`.startsWith(`${String(url)}/`));
        if (pushEndpoint !== undefined && !isLocal) {
          return `pushConfig.pushEndpoint is ${pushEndpoint}: the local Google Cloud pushes to the url of a function that it has`;
        }
        const named = deadLetterTopic === undefined ? [topic] : [topic, deadLetterTopic];
        return named.map((each) => missingTopic(context, each)).find((refusal) => refusal !== undefined);
      },
    }),
    name: "name",
  },
  "gcp:pubsub/topicIAMMember:TopicIAMMember": at("projects/{project}/topics/{topic}/{role}/{member}", {
    replaceOn: ["condition"],
    refuses: ({ topic }, context) => missingTopic(context, topic),
  }),
  "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember": member("projects/{project}/subscriptions/{subscription}"),
  "gcp:artifactregistry/repository:Repository": at(
    "projects/{project}/locations/{location}/repositories/{repositoryId}",
    {
      required: ["format"],
      outputs: ({ inputs }) => ({ name: inputs.repositoryId }),
    },
  ),
  "gcp:firestore/database:Database": at("projects/{project}/databases/{name}", {
    required: ["locationId", "type"],
    rules: {
      name: matching(
        /^(\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$/,
        "(default), or 4 to 63 lower-case letters, digits and hyphens",
      ),
      type: oneOf("FIRESTORE_NATIVE", "DATASTORE_MODE"),
    },
    replaceOn: ["locationId"],
    deleteBeforeReplace: true,
    undeletable: ({ inputs }) =>
      inputs.deleteProtectionState === "DELETE_PROTECTION_ENABLED"
        ? "FAILED_PRECONDITION: the database has delete protection; disable it first"
        : undefined,
  }),
  "gcp:storage/bucket:Bucket": at("{name}", {
    required: ["location"],
    rules: { name: matching(/^[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9]$/, "3 to 63 lower-case letters, digits, - _ and .") },
    replaceOn: ["location"],
    contains: "bucket",
    outputs: ({ id }) => ({ url: `gs://${id}`, selfLink: `https://www.googleapis.com/storage/v1/b/${id}` }),
    undeletable: ({ id, inputs }, { store }) =>
      inputs.forceDestroy !== true &&
      store.list("gcp:storage/bucketObject:BucketObject").some((object) => object.inputs.bucket === id)
        ? `the bucket ${id} is not empty`
        : undefined,
  }),
  "gcp:storage/bucketObject:BucketObject": at("{bucket}-{name}", {
    references: { bucket },
    overwrites: true,
    outputs: ({ inputs: { name, content } }, { store }) => ({
      outputName: name,
      ...(typeof content === "string" && {
        keptContent: store.keepText(content),
        md5hash: createHash("md5").update(content).digest("base64"),
      }),
    }),
  }),
  "gcp:storage/notification:Notification": {
    ...at("", {
      required: ["bucket", "topic", "payloadFormat"],
      rules: {
        payloadFormat: oneOf("JSON_API_V1", "NONE"),
        eventTypes: {
          accepts: (value) => Array.isArray(value) && value.every((each) => objectEvents.includes(String(each))),
          expected: `a list of ${objectEvents.join(", ")}`,
        },
      },
      references: { bucket },
      replaceOn: ["bucket", "topic", "payloadFormat", "eventTypes", "objectNamePrefix", "customAttributes"],
      refuses: (inputs, { store }) => refusedNotification(new GcpResources(store), notificationSchema.parse(inputs)),
      outputs: ({ id }) => ({
        notificationId: id.split("/").at(-1),
        selfLink: `https://www.googleapis.com/storage/v1/b/${id}`,
      }),
    }),
    id: ({ bucket: name }, { store }) =>
      `${String(name)}/notificationConfigs/${store.next(`notifications of ${String(name)}`)}`,
  },
  "gcp:eventarc/trigger:Trigger": at("projects/{project}/locations/{location}/triggers/{name}", {
    required: ["matchingCriterias", "destination"],
    refuses: (inputs, { store }) => {
      const { matchingCriterias, serviceAccount } = triggerSchema.parse(inputs);
      const type = filtered(matchingCriterias, "type");
      return refusedTrigger(new GcpResources(store), type, filtered(matchingCriterias, "bucket"), serviceAccount);
    },
    notes: (inputs) => {
      const { matchingCriterias, destination } = triggerSchema.parse(inputs);
      const type = filtered(matchingCriterias, "type");
      if (destination.cloudRunService === undefined)
        return doesNothing("a trigger without destination.cloudRunService");
      return isObjectEvent(type) ? undefined : doesNothing(`a trigger of ${String(type)}`);
    },
    outputs: ({ id }) => ({ uid: createHash("sha256").update(id).digest("hex").slice(0, 32) }),
  }),
  "gcp:cloudfunctionsv2/function:Function": at("projects/{project}/locations/{location}/functions/{name}", {
    refuses: ({ eventTrigger }, { store }) => {
      const { eventType, eventFilters = [], serviceAccountEmail } = eventTriggerOf(eventTrigger) ?? {};
      return refusedTrigger(new GcpResources(store), eventType, filtered(eventFilters, "bucket"), serviceAccountEmail);
    },
    notes: ({ eventTrigger }) => {
      const { eventType } = eventTriggerOf(eventTrigger) ?? {};
      return eventType === undefined || isObjectEvent(eventType)
        ? undefined
        : doesNothing(`an eventTrigger of ${eventType}`);
    },
    required: [
      "buildConfig.runtime",
      "buildConfig.entryPoint",
      "buildConfig.source.storageSource.object",
      "serviceConfig",
    ],
    rules: {
      name: label,
      "buildConfig.runtime": oneOf("python310", "python311", "python312", "python313", "python314"),
      "serviceConfig.availableMemory": {
        accepts: (memory, { serviceConfig }) => suits(memory, serviceConfig as Inputs),
        expected:
          "128Mi to 4096Mi with 1 CPU, to 8192Mi with 2, to 16384Mi with 4, to 24576Mi with 6, to 32768Mi with 8",
      },
      "serviceConfig.timeoutSeconds": {
        accepts: (seconds) => Number(seconds) >= 1 && Number(seconds) <= 3600,
        expected: "1 to 3600",
      },
    },
    references: {
      "buildConfig.source.storageSource.bucket": bucket,
      "buildConfig.source.storageSource.object": { type: "gcp:storage/bucketObject:BucketObject", by: "name" },
      "serviceConfig.serviceAccountEmail": { type: "gcp:serviceaccount/account:Account", by: "email" },
    },
    outputs: async ({ inputs }, context, previous) => {
      const uri = typeof previous.url === "string" ? previous.url : `http://${await context.freeAddress()}`;
      const service = `projects/${project(inputs, context)}/locations/${String(inputs.location)}/services/${String(inputs.name)}`;
      return { url: uri, state: "ACTIVE", serviceConfig: { ...(inputs.serviceConfig as Inputs), uri, service } };
    },
  }),
  "gcp:compute/backendBucket:BackendBucket": compute("backendBuckets", { references: { bucketName: bucket } }),
  "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": at(
    "projects/{project}/regions/{region}/networkEndpointGroups/{name}",
    {
      rules: { name: label, networkEndpointType: oneOf("SERVERLESS") },
      outputs: ({ id }) => ({ selfLink: `https://www.googleapis.com/compute/v1/${id}` }),
    },
  ),
  "gcp:compute/backendService:BackendService": compute("backendServices", {
    rules: {
      loadBalancingScheme: oneOf("EXTERNAL_MANAGED", "EXTERNAL"),
      healthChecks: { accepts: () => false, expected: "none: a serverless backend has no health check" },
    },
    references: { "backends.group": byId("gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup") },
  }),
  "gcp:compute/uRLMap:URLMap": compute("urlMaps"),
  "gcp:compute/globalAddress:GlobalAddress": compute("addresses", {
    outputs: async (_, context, previous) => ({ address: previous.address ?? (await context.freeAddress()) }),
  }),
  "gcp:compute/targetHttpProxy:TargetHttpProxy": compute("targetHttpProxies", {
    references: { urlMap: byId("gcp:compute/uRLMap:URLMap") },
  }),
  "gcp:compute/targetHttpsProxy:TargetHttpsProxy": compute("targetHttpsProxies", {
    references: {
      urlMap: byId("gcp:compute/uRLMap:URLMap"),
      sslPolicy: byId("gcp:compute/sSLPolicy:SSLPolicy"),
      sslCertificates: byId("gcp:compute/managedSslCertificate:ManagedSslCertificate"),
    },
  }),
  "gcp:compute/globalForwardingRule:GlobalForwardingRule": compute("forwardingRules", {
    required: ["target"],
    references: { ipAddress: { type: "gcp:compute/globalAddress:GlobalAddress", by: "address" } },
  }),
  "gcp:compute/managedSslCertificate:ManagedSslCertificate": compute("sslCertificates", {
    required: ["managed.domains"],
    replaceOn: ["managed"],
  }),
  "gcp:compute/sSLPolicy:SSLPolicy": compute("sslPolicies", { rules: { minTlsVersion: oneOf("TLS_1_2", "TLS_1_3") } }),
  "gcp:monitoring/notificationChannel:NotificationChannel": numbered("notificationChannels", { required: ["type"] }),
  "gcp:monitoring/alertPolicy:AlertPolicy": numbered("alertPolicies", {
    required: ["displayName", "combiner", "conditions.displayName"],
    references: { notificationChannels: byId("gcp:monitoring/notificationChannel:NotificationChannel") },
  }),
  "gcp:monitoring/dashboard:Dashboard": numbered("dashboards", { required: ["dashboardJson"] }),
  "gcp:compute/securityPolicy:SecurityPolicy": compute("securityPolicies"),
};

export const gcpInvokes: Readonly<Record<string, (args: Properties, context: CloudContext) => Properties>> = {
  "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": ({ project: asked }, { configuration }) => {
    const emailAddress = `service-${projectNumber}@gs-project-accounts.iam.gserviceaccount.com`;
    return {
      ...{ id: emailAddress, accountId: emailAddress, emailAddress, member: `serviceAccount:${emailAddress}` },
      project: asked ?? configuration.project ?? "",
    };
  },
  "gcp:organizations/getProject:getProject": ({ projectId }, { configuration }) => ({
    projectId: projectId ?? configuration.project ?? "",
    number: projectNumber,
  }),
};

/** Whether Cloud Run allows this amount of memory with this number of CPUs. */
function suits(memory: unknown, { availableCpu = "1" }: Inputs): boolean {
  const mebibytes = Number(/^(\d+)Mi$/.exec(String(memory))?.[1]);
  const most = { 1: 4096, 2: 8192, 4: 16_384, 6: 24_576, 8: 32_768 }[String(availableCpu)];
  return mebibytes >= 128 && most !== undefined && mebibytes <= most;
}

function project({ project: own }: Inputs, { configuration }: CloudContext): string {
  return typeof own === "string" ? own : (configuration.project ?? "");
}

function email(inputs: Inputs, context: CloudContext): string {
  return `${String(inputs.accountId)}@${project(inputs, context)}.iam.gserviceaccount.com`;
}
