import { createHash, randomUUID } from "node:crypto";

import type { Queues } from "./queues";
import { maySend, mayInvoke } from "./resource-policy";
import type { AwsResources, Resource } from "./resources";

type Bucket = Resource<"aws:s3/bucket:Bucket">;
type Notification = Resource<"aws:s3/bucketNotification:BucketNotification">;

/** Events of objects, by the names in an event's record. */
export type ObjectEvent = "ObjectCreated:Put" | "ObjectRemoved:Delete";

/** S3's event types for objects that are put and deleted (S3 user guide, "Supported event types"). */
export const notifiedEvents = [
  "s3:ObjectCreated:*",
  "s3:ObjectCreated:Put",
  "s3:ObjectCreated:Post",
  "s3:ObjectCreated:Copy",
  "s3:ObjectCreated:CompleteMultipartUpload",
  "s3:ObjectRemoved:*",
  "s3:ObjectRemoved:Delete",
  "s3:ObjectRemoved:DeleteMarkerCreated",
] as const;

const service = "s3.amazonaws.com";

interface Destination {
  readonly arn: string;
  readonly configurationId: string;
  readonly events: readonly string[];
  readonly filterPrefix: string;
  readonly filterSuffix: string;
}

/** A change of an object, before it is formatted for a destination. */
export interface ObjectChange {
  readonly event: ObjectEvent;
  readonly key: string;
  /** Present for a put. */
  readonly object?: { readonly size: number; readonly eTag: string };
  /** IP address of the caller. */
  readonly sourceAddress: string;
  /** ARN of the caller's role. Absent: the developer. */
  readonly role?: string;
}

/**
 * S3 event notifications: sends changes of objects to functions and queues whose policies allow it. Failed deliveries
 * are written to the cloud's own log.
 */
export class BucketNotifications {
  #lastSequence = 0;

  constructor(
    private readonly options: {
      readonly resources: AwsResources;
      readonly queues: Queues;
      /** Runs an event asynchronously; `target` is the function's ARN. */
      readonly invoke: (target: string, event: string) => Promise<void>;
    },
  ) {}

  publish(bucket: Bucket, change: ObjectChange): void {
    const sequencer = this.#nextSequencer();
    for (const destination of this.#destinations(bucket)) {
      if (!isNotified(destination, change)) continue;
      const event = JSON.stringify({ Records: [record(bucket, destination, change, sequencer)] });
      this.#deliver(bucket, destination.arn, event).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        console.error(`bucket ${bucket.bucket}: ${destination.arn} did not get ${change.event}: ${reason}`);
      });
    }
  }

  #destinations({ bucket }: Bucket): Destination[] {
    return this.options.resources
      .list("aws:s3/bucketNotification:BucketNotification")
      .filter((notification) => notification.bucket === bucket)
      .flatMap(destinationsOf);
  }

  async #deliver(bucket: Bucket, arn: string, event: string): Promise<void> {
    const { resources, queues, invoke } = this.options;
    const refusal = undeliverable(resources, bucket.arn, arn);
    if (refusal !== undefined) throw new Error(refusal);
    if (arn.includes(":sqs:")) queues.send(queues.find(arn), { body: event });
    else await invoke(arn, event);
  }

  /** Increases with each event; compared as text. */
  #nextSequencer(): string {
    this.#lastSequence = Math.max(this.#lastSequence + 1, Date.now() * 1000);
    return this.#lastSequence.toString(16).toUpperCase().padStart(18, "0");
  }
}

/** Why S3 rejects a notification: it validates each destination, and two destinations may not share an event type. */
export function refusedNotification(resources: AwsResources, notification: Notification): string | undefined {
  const bucketArn = `arn:aws:s3:::${notification.bucket}`;
  const destinations = destinationsOf(notification);
  const [refusal] = destinations.flatMap(({ arn }) => undeliverable(resources, bucketArn, arn) ?? []);
  if (refusal !== undefined) {
    return `InvalidArgument: Unable to validate the following destination configurations: ${refusal}`;
  }
  const overlap = destinations.some((one, index) =>
    destinations.slice(index + 1).some((other) => overlaps(one, other)),
  );
  return overlap
    ? "InvalidArgument: Configurations overlap. Configurations on the same bucket cannot share a common event type."
    : undefined;
}

/** Why S3 cannot deliver to a function or a queue. */
function undeliverable(resources: AwsResources, bucketArn: string, arn: string): string | undefined {
  if (!arn.includes(":sqs:")) {
    return mayInvoke(resources, arn, service, bucketArn) ? undefined : `Not authorized to invoke function [${arn}]`;
  }
  const queue = resources.find("aws:sqs/queue:Queue", (each) => each.arn === arn);
  if (queue === undefined) return `The destination queue does not exist [${arn}]`;
  if (queue.fifoQueue) return `FIFO queues are not supported [${arn}]`;
  return maySend(resources, queue, service, bucketArn)
    ? undefined
    : `Permissions on the destination queue do not allow S3 to publish notifications from this bucket [${arn}]`;
}

function destinationsOf({ lambdaFunctions, queues }: Notification): Destination[] {
  return [
    ...lambdaFunctions.map(({ lambdaFunctionArn, ...rest }) => ({ arn: lambdaFunctionArn, ...rest })),
    ...queues.map(({ queueArn, ...rest }) => ({ arn: queueArn, ...rest })),
  ].map(({ id, ...rest }) => {
    // The provider generates an id if there is none.
    const ending = createHash("sha256").update(JSON.stringify(rest)).digest("hex").slice(0, 26);
    return { ...rest, configurationId: id ?? `tf-s3-${rest.arn.split(":")[2] ?? ""}-${ending}` };
  });
}

function isNotified({ events, filterPrefix, filterSuffix }: Destination, { event, key }: ObjectChange): boolean {
  return (
    events.some((pattern) => isSameEvent(pattern, `s3:${event}`)) &&
    key.startsWith(filterPrefix) &&
    key.endsWith(filterSuffix)
  );
}

function overlaps(one: Destination, other: Destination): boolean {
  const nests = (a: string, b: string, has: (text: string, part: string) => boolean) => has(a, b) || has(b, a);
  return (
    one.events.some((event) =>
      other.events.some((another) => isSameEvent(event, another) || isSameEvent(another, event)),
    ) &&
    nests(one.filterPrefix, other.filterPrefix, (text, part) => text.startsWith(part)) &&
    nests(one.filterSuffix, other.filterSuffix, (text, part) => text.endsWith(part))
  );
}

function isSameEvent(pattern: string, event: string): boolean {
  return pattern.endsWith("*") ? event.startsWith(pattern.slice(0, -1)) : event === pattern;
}

/** S3 user guide, "Event message structure". */
function record(
  { bucket, arn }: Bucket,
  destination: Destination,
  { event, key, object, sourceAddress, role }: ObjectChange,
  sequencer: string,
) {
  const [, , , awsRegion, account] = destination.arn.split(":");
  return {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion,
    eventTime: new Date().toISOString(),
    eventName: event,
    userIdentity: { principalId: role === undefined ? `AWS:${account ?? ""}` : `AWS:${role}` },
    requestParameters: { sourceIPAddress: sourceAddress },
    responseElements: { "x-amz-request-id": randomUUID(), "x-amz-id-2": randomUUID() },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: destination.configurationId,
      bucket: { name: bucket, ownerIdentity: { principalId: account }, arn },
      object: { key: formEncoded(key), ...object, sequencer },
    },
  };
}

/** Encoded as in a form, except that slashes stay. */
function formEncoded(key: string): string {
  return new URLSearchParams([["", key]]).toString().slice(1).replaceAll("%2F", "/");
}
