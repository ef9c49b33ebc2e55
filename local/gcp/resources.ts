import { z } from "zod";

import type { Resources } from "../store";
import { TypedResources } from "../typed-resources";

const blob = z.object({ path: z.string(), sha256: z.string() });

/** A resource that others reference by id or self link. */
const referable = z.object({ id: z.string(), selfLink: z.string().optional() });

const errorResponsePolicy = z
  .strictObject({
    errorResponseRules: z.array(
      z.strictObject({
        matchResponseCodes: z.array(z.string()),
        path: z.string(),
        overrideResponseCode: z.number().optional(),
      }),
    ),
    errorService: z.string(),
  })
  .optional();

const urlRedirect = z
  .strictObject({
    httpsRedirect: z.boolean().default(false),
    hostRedirect: z.string().optional(),
    pathRedirect: z.string().optional(),
    redirectResponseCode: z.string().default("MOVED_PERMANENTLY_DEFAULT"),
    stripQuery: z.boolean().default(false),
  })
  .optional();

const customResponseHeaders = z.array(z.string()).default([]);
const compressionMode = z.enum(["AUTOMATIC", "DISABLED"]).default("DISABLED");

export const functionSchema = referable.extend({
  name: z.string(),
  project: z.string().optional(),
  location: z.string(),
  /** Address of the function; the cloud assigns it. */
  url: z.string().optional(),
  buildConfig: z.object({
    runtime: z.string(),
    entryPoint: z.string(),
    environmentVariables: z.record(z.string(), z.string()).default({}),
    source: z.object({ storageSource: z.object({ bucket: z.string(), object: z.string() }) }),
  }),
  serviceConfig: z.object({
    environmentVariables: z.record(z.string(), z.string()).default({}),
    secretEnvironmentVariables: z
      .array(z.object({ key: z.string(), projectId: z.string(), secret: z.string(), version: z.string() }))
      .default([]),
    timeoutSeconds: z.number().default(60),
    serviceAccountEmail: z.string(),
    /** Whether a deployment moves all traffic to the new revision, whatever its previous target. */
    allTrafficOnLatestRevision: z.boolean().default(true),
  }),
  eventTrigger: z
    .object({
      eventType: z.string(),
      eventFilters: z.array(z.object({ attribute: z.string(), value: z.string() })).default([]),
      serviceAccountEmail: z.string().optional(),
      retryPolicy: z.string().optional(),
    })
    .optional(),
});

export const notificationSchema = z.object({
  bucket: z.string(),
  /** Name or id of the topic, or `//pubsub.googleapis.com/<id>`. */
  topic: z.string(),
  payloadFormat: z.enum(["JSON_API_V1", "NONE"]),
  /** Default: all. */
  eventTypes: z.array(z.string()).default([]),
  objectNamePrefix: z.string().default(""),
  customAttributes: z.record(z.string(), z.string()).default({}),
});

export const triggerSchema = z.object({
  matchingCriterias: z.array(z.object({ attribute: z.string(), value: z.string() })),
  destination: z.object({
    cloudRunService: z.object({ service: z.string(), path: z.string().default("/") }).optional(),
  }),
  serviceAccount: z.string().optional(),
});

/** The properties of each resource type that the data planes read, by the type's own property names. */
const schemas = {
  "gcp:cloudfunctionsv2/function:Function": functionSchema,
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": z.object({
    name: z.string(),
    role: z.string(),
    member: z.string(),
  }),
  "gcp:cloudscheduler/job:Job": referable.extend({
    name: z.string(),
    schedule: z.string(),
    paused: z.boolean().default(false),
    httpTarget: z.object({
      uri: z.string(),
      httpMethod: z.string().default("POST"),
      /** In base64. */
      body: z.string().optional(),
      oidcToken: z.object({ serviceAccountEmail: z.string(), audience: z.string().optional() }).optional(),
    }),
  }),
  "gcp:secretmanager/secret:Secret": referable.extend({ secretId: z.string() }),
  "gcp:secretmanager/secretVersion:SecretVersion": z.object({
    secret: z.string(),
    version: z.string(),
    secretData: z.string(),
    isSecretDataBase64: z.boolean().default(false),
    enabled: z.boolean().default(true),
  }),
  "gcp:secretmanager/secretIamMember:SecretIamMember": z.object({
    secretId: z.string(),
    role: z.string(),
    member: z.string(),
  }),
  "gcp:projects/iAMMember:IAMMember": z.object({
    role: z.string(),
    member: z.string(),
    condition: z.object({ expression: z.string() }).optional(),
  }),
  "gcp:firestore/database:Database": z.object({
    name: z.string(),
    pointInTimeRecoveryEnablement: z.string().optional(),
  }),
  "gcp:storage/bucket:Bucket": z.object({
    name: z.string(),
    location: z.string().default("US"),
    publicAccessPrevention: z.string().optional(),
    versioning: z.object({ enabled: z.boolean() }).optional(),
    website: z.object({ mainPageSuffix: z.string().optional(), notFoundPage: z.string().optional() }).optional(),
  }),
  "gcp:storage/bucketObject:BucketObject": z
    .object({
      metadata: z.record(z.string(), z.string()).optional(),
      bucket: z.string(),
      name: z.string(),
      source: blob.optional(),
      /** Content that was given as text, in the local cloud's store. */
      keptContent: blob.optional(),
      contentType: z.string().default("application/octet-stream"),
      cacheControl: z.string().optional(),
    })
    .transform(({ source, keptContent, ...rest }, { issues }) => {
      const found = source ?? keptContent;
      if (found !== undefined) return { ...rest, source: found };
      issues.push({ code: "custom", input: rest, message: "one of source and content must be specified" });
      return z.NEVER;
    }),
  "gcp:storage/bucketIAMMember:BucketIAMMember": z.object({
    bucket: z.string(),
    role: z.string(),
    member: z.string(),
    condition: z.unknown().optional(),
  }),
  "gcp:storage/notification:Notification": referable.extend(notificationSchema.shape),
  "gcp:eventarc/trigger:Trigger": referable.extend(triggerSchema.shape),
  "gcp:pubsub/topic:Topic": referable.extend({ name: z.string() }),
  "gcp:pubsub/subscription:Subscription": referable.extend({
    name: z.string(),
    /** Id or name of the topic. */
    topic: z.string(),
    ackDeadlineSeconds: z
      .number()
      .default(10)
      .transform((seconds) => seconds || 10),
    messageRetentionDuration: z.string().default("604800s"),
    pushConfig: z
      .object({
        pushEndpoint: z.string(),
        oidcToken: z.object({ serviceAccountEmail: z.string(), audience: z.string().optional() }).optional(),
      })
      .optional(),
    retryPolicy: z
      .object({ minimumBackoff: z.string().default("10s"), maximumBackoff: z.string().default("600s") })
      .optional(),
    deadLetterPolicy: z.object({ deadLetterTopic: z.string(), maxDeliveryAttempts: z.number().default(5) }).optional(),
  }),
  "gcp:pubsub/topicIAMMember:TopicIAMMember": z.object({
    topic: z.string(),
    role: z.string(),
    member: z.string(),
    condition: z.unknown().optional(),
  }),
  "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember": z.object({
    subscription: z.string(),
    role: z.string(),
    member: z.string(),
    condition: z.unknown().optional(),
  }),
  "gcp:compute/globalAddress:GlobalAddress": referable.extend({ address: z.string() }),
  "gcp:compute/globalForwardingRule:GlobalForwardingRule": z.object({
    ipAddress: z.string(),
    portRange: z.string(),
    target: z.string(),
  }),
  "gcp:compute/targetHttpProxy:TargetHttpProxy": referable.extend({ urlMap: z.string() }),
  "gcp:compute/targetHttpsProxy:TargetHttpsProxy": referable.extend({ urlMap: z.string() }),
  "gcp:compute/uRLMap:URLMap": referable.extend({
    defaultService: z.string().optional(),
    defaultUrlRedirect: urlRedirect,
    defaultCustomErrorResponsePolicy: errorResponsePolicy,
    hostRules: z.array(z.object({ hosts: z.array(z.string()), pathMatcher: z.string() })).default([]),
    pathMatchers: z
      .array(
        // Strict, so that an unsupported kind of routing is an error instead of being silently ignored.
        z.strictObject({
          name: z.string(),
          description: z.string().optional(),
          defaultService: z.string().optional(),
          defaultUrlRedirect: urlRedirect,
          defaultCustomErrorResponsePolicy: errorResponsePolicy,
          pathRules: z
            .array(
              z.strictObject({
                paths: z.array(z.string()),
                service: z.string().optional(),
                urlRedirect,
                customErrorResponsePolicy: errorResponsePolicy,
              }),
            )
            .default([]),
        }),
      )
      .default([]),
  }),
  "gcp:compute/backendBucket:BackendBucket": referable.extend({
    bucketName: z.string(),
    compressionMode,
    customResponseHeaders,
  }),
  "gcp:compute/backendService:BackendService": referable.extend({
    backends: z.array(z.object({ group: z.string() })),
    compressionMode,
    customResponseHeaders,
  }),
  "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": referable.extend({
    networkEndpointType: z.literal("SERVERLESS"),
    cloudRun: z.object({ service: z.string() }).optional(),
    cloudFunction: z.object({ function: z.string() }).optional(),
  }),
};

type Types = { [T in keyof typeof schemas]: z.output<(typeof schemas)[T]> };
export type Type = keyof Types;
/** A resource of a type, with the properties that a data plane reads. */
export type Resource<T extends Type> = Types[T];

type Referable = { [T in Type]: Types[T] extends z.output<typeof referable> ? T : never }[Type];

/** The current resources of the local Google Cloud. */
export class GcpResources extends TypedResources<Types> {
  constructor(stored: Resources) {
    super(schemas, stored);
  }

  /** The resource that a reference names, by id or self link. */
  referred<T extends Referable>(type: T, reference: string): Types[T] | undefined {
    return this.find(type, (resource) => resource.id === reference || resource.selfLink === reference);
  }

  /** The topic with an id or a name, which a service may precede. */
  topic(reference: string): Types["gcp:pubsub/topic:Topic"] | undefined {
    const named = reference.replace(/^\/\/pubsub\.googleapis\.com\//, "");
    return this.find("gcp:pubsub/topic:Topic", ({ id, name }) => id === named || name === named);
  }

  /** The function at an address. */
  functionAt(uri: string): Types["gcp:cloudfunctionsv2/function:Function"] | undefined {
    return this.find(
      "gcp:cloudfunctionsv2/function:Function",
      ({ url }) => url !== undefined && (uri === url || uri.startsWith(`${url}/`)),
    );
  }
}
