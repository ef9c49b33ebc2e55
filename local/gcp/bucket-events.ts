import { randomUUID } from "node:crypto";

import type { HeaderList } from "../http";
import { Redelivery } from "../redelivery";
import type { CloudFunctions } from "./functions";
import { isGranted, mayPublish } from "./pubsub-roles";
import type { GcpResources, Resource } from "./resources";
import { acknowledging, type Subscriptions } from "./subscriptions";

/** CloudEvents types by the event types of notifications (Cloud Storage, "Pub/Sub notifications"; Eventarc). */
const eventarcTypes = {
  OBJECT_FINALIZE: "google.cloud.storage.object.v1.finalized",
  OBJECT_DELETE: "google.cloud.storage.object.v1.deleted",
  OBJECT_ARCHIVE: "google.cloud.storage.object.v1.archived",
  OBJECT_METADATA_UPDATE: "google.cloud.storage.object.v1.metadataUpdated",
} as const;

/** Event types of a notification. */
export type ObjectEvent = keyof typeof eventarcTypes;

export const objectEvents: readonly string[] = Object.keys(eventarcTypes);

/** An object as Cloud Storage's JSON API describes it. */
export interface ObjectDescription {
  readonly bucket: string;
  readonly name: string;
  readonly generation: string;
  readonly [property: string]: unknown;
}

/** Attributes of a notification when an object replaces another one. */
export type Overwriting = Partial<Readonly<Record<"overwroteGeneration" | "overwrittenByGeneration", string>>>;

/** An Eventarc trigger, of a function or on its own. */
interface Trigger {
  readonly name: string;
  readonly eventType: string;
  readonly bucket: string | undefined;
  readonly fn: Resource<"gcp:cloudfunctionsv2/function:Function">;
  readonly path: string;
  readonly serviceAccount: string | undefined;
  readonly retries: boolean;
}

/** Minimum and maximum seconds between two deliveries, and seconds for which they go on (Eventarc, "Retry events"). */
const backoff = { least: 10, most: 600, total: 86_400 };

const agent = /^serviceAccount:service-\d+@gs-project-accounts\.iam\.gserviceaccount\.com$/;
const agentName = "service-PROJECT_NUMBER@gs-project-accounts.iam.gserviceaccount.com";

/** Sends the events of objects to the topics of notifications, and to functions with triggers. */
export class BucketEvents {
  readonly #redelivery = new Redelivery();

  constructor(
    private readonly options: {
      readonly resources: GcpResources;
      readonly subscriptions: Pick<Subscriptions, "publish">;
      readonly functions: Pick<CloudFunctions, "handle">;
    },
  ) {}

  publish(event: ObjectEvent, object: ObjectDescription, overwriting: Overwriting = {}): void {
    const { resources, subscriptions } = this.options;
    const { bucket, name, generation } = object;
    const eventTime = new Date().toISOString();
    for (const notification of resources.list("gcp:storage/notification:Notification")) {
      const { id, topic, payloadFormat, eventTypes, objectNamePrefix, customAttributes } = notification;
      if (notification.bucket !== bucket || !name.startsWith(objectNamePrefix)) continue;
      if (eventTypes.length > 0 && !eventTypes.includes(event)) continue;
      const found = resources.topic(topic);
      const refusal = refusedNotification(resources, notification);
      if (found === undefined || refusal !== undefined) {
        console.error(`notification ${id}: ${event} of ${name} is not published: ${refusal ?? `no topic ${topic}`}`);
        continue;
      }
      const attributes = {
        ...customAttributes,
        notificationConfig: `projects/_/buckets/${id}`,
        eventType: event,
        payloadFormat,
        bucketId: bucket,
        objectId: name,
        objectGeneration: generation,
        eventTime,
        ...overwriting,
      };
      const data = payloadFormat === "NONE" ? {} : { data: Buffer.from(JSON.stringify(object)).toString("base64") };
      subscriptions.publish(found, [{ ...data, attributes }]);
    }
    for (const trigger of triggersOf(resources)) {
      if (trigger.bucket === bucket && trigger.eventType === eventarcTypes[event]) {
        void this.#deliver(trigger, object, eventTime);
      }
    }
  }

  close(): void {
    this.#redelivery.close();
  }

  #deliver({ name, retries, ...trigger }: Trigger, object: ObjectDescription, time: string): Promise<void> {
    const { resources, functions } = this.options;
    const headers: HeaderList = [
      ["Host", new URL(trigger.fn.url ?? "http://localhost").host],
      ["Content-Type", "application/json"],
      ["ce-specversion", "1.0"],
      ["ce-id", randomUUID()],
      ["ce-type", trigger.eventType],
      ["ce-source", `//storage.googleapis.com/projects/_/buckets/${object.bucket}`],
      ["ce-subject", encodeURI(`objects/${object.name}`)],
      ["ce-time", time],
      ["ce-bucket", object.bucket],
    ];
    const body = Buffer.from(JSON.stringify(object));
    const request = { method: "POST", target: trigger.path, headers, body, remoteAddress: "127.0.0.1" };
    return this.#redelivery.deliver(
      `trigger ${name}: ${trigger.eventType} of ${object.name}`,
      async () => {
        // It may be deleted since the last attempt.
        if (!triggersOf(resources).some((each) => each.name === name)) return;
        const { status } = await functions.handle(trigger.fn.id, request, trigger.serviceAccount);
        if (!acknowledging.includes(status)) throw new Error(`status ${status}`);
      },
      (attempts) => {
        const seconds = Math.min(backoff.most, backoff.least * 2 ** (attempts - 1));
        return retries && Date.now() - Date.parse(time) < backoff.total * 1000 ? seconds * 1000 : undefined;
      },
    );
  }
}

/** Why Cloud Storage rejects a notification. */
export function refusedNotification(
  resources: GcpResources,
  { topic }: Pick<Resource<"gcp:storage/notification:Notification">, "topic">,
): string | undefined {
  const found = resources.topic(topic);
  if (found === undefined) return `Error 404: Resource not found (resource=${topic}).`;
  return mayPublish(resources, found, (member) => agent.test(member))
    ? undefined
    : `Error 403: The service account ${agentName} does not have permission to publish messages to the Cloud Pub/Sub ` +
        `topic ${found.id}; grant it roles/pubsub.publisher there before the notification is created ` +
        "(its address is the emailAddress of gcp.storage.getProjectServiceAccount)";
}

/**
 * Why Eventarc rejects a trigger of a bucket's events; undefined for other events, which the local cloud does not have.
 *
 * @param filters by attribute.
 */
export function refusedTrigger(
  resources: GcpResources,
  type: string | undefined,
  filters: Trigger["bucket"],
  serviceAccount: string | undefined,
): string | undefined {
  if (!isObjectEvent(type)) return undefined;
  if (resources.find("gcp:storage/bucket:Bucket", ({ name }) => name === filters) === undefined) {
    return `Error 400: the trigger of ${type} needs a filter of the attribute bucket; there is no bucket ${filters ?? ""}`;
  }
  if (!mayPublish(resources, undefined, (member) => agent.test(member))) {
    return (
      `Error 400: The Cloud Storage service account for your bucket is unable to publish to Cloud Pub/Sub topics in the ` +
      `specified project; grant roles/pubsub.publisher in the project to ${agentName}`
    );
  }
  const receivers = ["roles/eventarc.eventReceiver", "roles/eventarc.admin", "roles/editor", "roles/owner"];
  const isReceiver =
    serviceAccount === undefined ||
    isGranted(resources, [], receivers, (member) => member === `serviceAccount:${serviceAccount}`);
  return isReceiver
    ? undefined
    : `Error 400: Permission "eventarc.events.receiveEvent" denied on "${serviceAccount}"; grant it ` +
        "roles/eventarc.eventReceiver in the project";
}

export function isObjectEvent(type: string | undefined): boolean {
  return Object.values<string | undefined>(eventarcTypes).includes(type);
}

/** The value of a filter's attribute. */
export function filtered(
  filters: readonly { readonly attribute: string; readonly value: string }[],
  attribute: string,
): string | undefined {
  return filters.find((each) => each.attribute === attribute)?.value;
}

function triggersOf(resources: GcpResources): Trigger[] {
  const functions = resources.list("gcp:cloudfunctionsv2/function:Function");
  const own = functions.flatMap((fn) => {
    if (fn.eventTrigger === undefined) return [];
    const { eventType, eventFilters, serviceAccountEmail, retryPolicy } = fn.eventTrigger;
    return {
      ...{ name: fn.id, fn, eventType, path: "/", serviceAccount: serviceAccountEmail },
      bucket: filtered(eventFilters, "bucket"),
      retries: retryPolicy === "RETRY_POLICY_RETRY",
    };
  });
  const others = resources.list("gcp:eventarc/trigger:Trigger").flatMap((trigger) => {
    const { id, matchingCriterias, destination, serviceAccount } = trigger;
    const fn = functions.find(({ name }) => name === destination.cloudRunService?.service.split("/").at(-1));
    const eventType = filtered(matchingCriterias, "type");
    if (fn === undefined || eventType === undefined) return [];
    const bucket = filtered(matchingCriterias, "bucket");
    const path = destination.cloudRunService?.path ?? "/";
    return { name: id, fn, eventType, path, serviceAccount, bucket, retries: true };
  });
  return [...own, ...others];
}
