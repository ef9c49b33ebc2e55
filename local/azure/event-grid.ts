import { createHash, randomUUID } from "node:crypto";

import { Redelivery } from "../redelivery";
import type { BlobChange } from "./blobs";
import type { QueueStorage } from "./queues";
import type { AzureResources, Resource } from "./resources";

/** An event of a storage account, in Event Grid's own schema. */
export interface GridEvent {
  readonly id: string;
  /** Id of the storage account. */
  readonly topic: string;
  /** `/blobServices/default/containers/<container>/blobs/<blob>`. */
  readonly subject: string;
  readonly eventType: string;
  readonly eventTime: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly dataVersion: "";
  readonly metadataVersion: "1";
}

/** What a subscription says of its events, whatever kind of resource it is. */
type Subscription = Omit<Resource<"azure-native:eventgrid:EventSubscription">, "scope">;

export interface EventGridOptions {
  readonly resources: AzureResources;
  readonly queues: Pick<QueueStorage, "put">;
  /** Gives an event to a function of an app. */
  readonly toFunction: (appId: string, name: string, event: GridEvent) => Promise<void>;
  /** Gives a blob to a function of an app. */
  readonly toBlobTrigger: (appId: string, name: string, change: BlobChange) => Promise<void>;
}

/** Seconds until an event is delivered again (Event Grid message delivery and retry, "Retry schedule"); the last one repeats. */
const delays = [10, 30, 60, 300, 600, 1800, 3600];

/** Deliveries of an event at most, where the subscription says nothing. */
const attempts = 30;

/** Where the blobs extension of an app has its events posted. */
export const blobsWebhook = "/runtime/webhooks/blobs";

/**
 * Event Grid: what happens to blobs goes to the functions and queues whose subscriptions want it. What is not delivered comes
 * again while the cloud runs; the cloud's own log has the reason.
 */
export class EventGrid {
  readonly #redelivery = new Redelivery();
  #sequence = 0;

  constructor(private readonly options: EventGridOptions) {}

  publish(change: BlobChange): void {
    const { resources } = this.options;
    const { container, blob, event, api, eTag } = change;
    const { accountName } =
      resources.find("azure-native:storage:BlobContainer", (each) => each.containerName === container) ?? {};
    const account = resources.find("azure-native:storage:StorageAccount", (each) => each.accountName === accountName);
    if (account === undefined) return;
    this.#sequence = Math.max(this.#sequence + 1, Date.now() * 1000);
    const published: GridEvent = {
      id: randomUUID(),
      topic: account.id,
      subject: `/blobServices/default/containers/${container}/blobs/${blob}`,
      eventType: event,
      eventTime: new Date().toISOString(),
      data: {
        api,
        requestId: randomUUID(),
        ...(eTag !== "" && { eTag: eTag.replaceAll('"', "") }),
        blobType: "BlockBlob",
        url: `${account.primaryEndpoints.blob}${container}/${blob}`,
        sequencer: this.#sequence.toString(16).toUpperCase().padStart(64, "0"),
      },
      dataVersion: "",
      metadataVersion: "1",
    };
    for (const subscription of subscriptionsOf(resources, account.id)) {
      if (wants(subscription, published)) void this.#deliver(subscription, published, change);
    }
  }

  close(): void {
    this.#redelivery.close();
  }

  #deliver({ id, retryPolicy }: Subscription, event: GridEvent, change: BlobChange): Promise<void> {
    const most = retryPolicy?.maxDeliveryAttempts ?? attempts;
    return this.#redelivery.deliver(
      `event subscription ${id}: ${event.subject}`,
      async () => {
        // It may be deleted since the last attempt, or go elsewhere.
        const current = subscriptionsOf(this.options.resources, event.topic).find((each) => each.id === id);
        if (current !== undefined) await this.#give(current, event, change);
      },
      (attempt) => (attempt >= most ? undefined : (delays[attempt - 1] ?? 3600) * 1000),
    );
  }

  #give({ destination }: Subscription, event: GridEvent, change: BlobChange): Promise<void> {
    const { resources, queues, toFunction, toBlobTrigger } = this.options;
    switch (destination.endpointType) {
      case "StorageQueue":
        return queues.put(destination.queueName, Buffer.from(JSON.stringify(event)).toString("base64"));
      case "AzureFunction": {
        const [, appId = "", name = ""] = functionId.exec(destination.resourceId) ?? [];
        return toFunction(appId, name, event);
      }
      case "WebHook": {
        const { app, name } = blobTriggerAt(resources, destination.endpointUrl);
        return toBlobTrigger(app.id, name, change);
      }
    }
  }
}

/** Id of a function of an app: the app's, and the function's name. */
const functionId = /^(.*\/sites\/[^/]+)\/functions\/([^/]+)$/i;

/** Why Event Grid cannot deliver to a destination; undefined where it can. */
export function undeliverable(resources: AzureResources, destination: Subscription["destination"]): string | undefined {
  switch (destination.endpointType) {
    case "StorageQueue": {
      const queueId = `${destination.resourceId}/queueServices/default/queues/${destination.queueName}`;
      const queue = resources.find(
        "azure-native:storage:Queue",
        ({ id }) => id.toLowerCase() === queueId.toLowerCase(),
      );
      return queue === undefined ? `the queue ${queueId} does not exist` : undefined;
    }
    case "AzureFunction": {
      const [, appId] = functionId.exec(destination.resourceId) ?? [];
      const app = resources.find("azure-native:web:WebApp", ({ id }) => id.toLowerCase() === appId?.toLowerCase());
      return app === undefined
        ? `${destination.resourceId} is no function of this machine; expected <id of a function app>/functions/<name>`
        : undefined;
    }
    case "WebHook":
      try {
        blobTriggerAt(resources, destination.endpointUrl);
        return undefined;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
  }
}

/** The key of an app that what posts to its blobs extension has to know. */
export function blobsExtensionKey(appId: string): string {
  return createHash("sha256").update(`blobs_extension ${appId.toLowerCase()}`).digest("base64url");
}

/** @throws where the address is not that of a blob trigger of an app of this machine. */
function blobTriggerAt(
  resources: AzureResources,
  endpointUrl: string,
): { app: Resource<"azure-native:web:WebApp">; name: string } {
  const { host, pathname, searchParams } = new URL(endpointUrl);
  const name = /^Host\.Functions\.(\w[\w-]*)$/.exec(searchParams.get("functionName") ?? "")?.[1];
  const app = resources.find("azure-native:web:WebApp", ({ defaultHostName }) => defaultHostName === host);
  const shown = `${host}${pathname}`;
  if (app === undefined || pathname !== blobsWebhook || name === undefined) {
    throw new Error(
      `Webhook validation handshake failed for ${shown}: local Azure posts events to a blob trigger of its own apps alone, ` +
        `<url of the function app>${blobsWebhook}?functionName=Host.Functions.<name>&code=<key blobs_extension>`,
    );
  }
  if (searchParams.get("code") !== blobsExtensionKey(app.id)) {
    throw new Error(
      `Webhook validation handshake failed for ${shown}: 401, its code is not the app's key; take systemKeys.blobs_extension of ` +
        "web.listWebAppHostKeys",
    );
  }
  return { app, name };
}

function subscriptionsOf(resources: AzureResources, accountId: string): Subscription[] {
  const isAccount = (id: string) => id.toLowerCase() === accountId.toLowerCase();
  const topics = resources.list("azure-native:eventgrid:SystemTopic").filter(({ source }) => isAccount(source));
  return [
    ...resources.list("azure-native:eventgrid:EventSubscription").filter(({ scope }) => isAccount(scope)),
    ...resources
      .list("azure-native:eventgrid:SystemTopicEventSubscription")
      .filter(({ id }) => topics.some((topic) => id.toLowerCase().startsWith(`${topic.id.toLowerCase()}/`))),
  ];
}

function wants({ filter }: Subscription, { subject, eventType }: GridEvent): boolean {
  const cased = (text: string) => (filter.isSubjectCaseSensitive ? text : text.toLowerCase());
  return (
    (filter.includedEventTypes === undefined || filter.includedEventTypes.includes(eventType)) &&
    cased(subject).startsWith(cased(filter.subjectBeginsWith)) &&
    cased(subject).endsWith(cased(filter.subjectEndsWith))
  );
}
