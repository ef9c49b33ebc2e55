import { randomInt, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { Changes } from "../changes";
import type { DataPlane } from "../data-plane";
import type { HttpResponse } from "../http";
import type { CloudFunctions } from "./functions";
import { mayPublish } from "./pubsub-roles";
import type { GcpResources, Resource } from "./resources";

type Topic = Resource<"gcp:pubsub/topic:Topic">;
export type Subscription = Resource<"gcp:pubsub/subscription:Subscription">;

/** A message to publish; `data` is in base64. */
export interface NewMessage {
  readonly data?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly orderingKey?: string;
}

const heldSchema = z.object({
  message: z.object({
    data: z.string().optional(),
    attributes: z.record(z.string(), z.string()).optional(),
    orderingKey: z.string().optional(),
    messageId: z.string(),
    publishTime: z.string(),
  }),
  attempts: z.number(),
  /** Time of the next delivery, in milliseconds since 1970. */
  visibleAt: z.number(),
  /** Id of the last pull. */
  ackId: z.string().optional(),
});

/** An unacknowledged message of a subscription. */
type Held = z.output<typeof heldSchema>;

/** A message in a pull or push. */
export interface Delivery {
  readonly ackId: string;
  readonly message: Held["message"];
  /** Absent without a dead letter policy, as in the API. */
  readonly deliveryAttempt?: number;
}

/** Response statuses that acknowledge a pushed message (Pub/Sub, "Receive push messages"). */
export const acknowledging = [102, 200, 201, 202, 204];

/** Maximum of concurrent pushes of a subscription; Pub/Sub adapts it to the endpoint. */
const concurrency = 10;

/** Minimum and maximum seconds between two pushes without a retry policy (Pub/Sub, "Push backoff"). */
const pushBackoff = [0.1, 60] as const;

export interface SubscriptionsOptions {
  readonly resources: GcpResources;
  /** Folder of the messages, with one file per subscription. */
  readonly directory: string;
  readonly functions: Pick<CloudFunctions, "handle">;
}

/**
 * Pub/Sub's subscriptions: each keeps a copy of every message of its topic, until a function that it pushes to or a
 * client that pulls acknowledges it. An unacknowledged message is delivered again, with increasing delay, and goes to
 * the dead letter topic after the policy's number of attempts. Messages survive a restart.
 */
export class Subscriptions implements DataPlane {
  readonly #held = new Map<string, Held[]>();
  readonly #started = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Ids of messages with a pending push, by subscription id. */
  readonly #pushing = new Map<string, Set<string>>();
  readonly #changes = new Changes();
  #isClosed = false;

  constructor(private readonly options: SubscriptionsOptions) {
    mkdirSync(options.directory, { recursive: true });
  }

  start({ id }: { readonly id: string }): Promise<void> {
    this.#started.add(id);
    this.#push(id);
    return Promise.resolve();
  }

  stop(id: string): Promise<void> {
    this.#started.delete(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    return Promise.resolve();
  }

  remove({ id }: { readonly id: string }): Promise<void> {
    this.#held.delete(id);
    rmSync(this.#file(id), { force: true });
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#changes.notify();
  }

  /** Adds messages to each subscription of a topic; returns their ids. */
  publish(topic: Topic, messages: readonly NewMessage[]): string[] {
    const { resources } = this.options;
    const now = Date.now();
    const published = messages.map((message) => ({
      ...message,
      attributes: message.attributes && { ...message.attributes },
      messageId: String(randomInt(10 ** 13, 10 ** 14)),
      publishTime: new Date(now).toISOString(),
    }));
    for (const subscription of resources.list("gcp:pubsub/subscription:Subscription")) {
      if (resources.topic(subscription.topic)?.id !== topic.id) continue;
      this.#current(subscription).push(...published.map((message) => ({ message, attempts: 0, visibleAt: now })));
      this.#changed(subscription);
      this.#push(subscription.id);
    }
    return published.map(({ messageId }) => messageId);
  }

  /**
   * Pulls messages and hides them from others until the acknowledgement deadline.
   *
   * @param wait milliseconds to wait for the first.
   */
  async pull(subscription: Subscription, most: number, wait: number): Promise<Delivery[]> {
    const deadline = Date.now() + wait;
    for (;;) {
      const pulled = this.#pullNow(subscription, most);
      const left = deadline - Date.now();
      if (pulled.length > 0 || left <= 0 || this.#isClosed) return pulled;
      const next = Math.min(deadline, ...this.#current(subscription).map(({ visibleAt }) => visibleAt));
      await this.#changes.next(next - Date.now());
    }
  }

  /**
   * Acknowledges pulled messages. As in the API, an ack id is ignored if the message was delivered again since then.
   */
  acknowledge(subscription: Subscription, ackIds: readonly string[]): void {
    this.#keep(subscription, ({ ackId }) => ackId === undefined || !ackIds.includes(ackId));
  }

  /** @param seconds from now until the messages are delivered again; 0 for at once. */
  modifyDeadline(subscription: Subscription, ackIds: readonly string[], seconds: number): void {
    for (const held of [...this.#current(subscription)]) {
      if (held.ackId === undefined || !ackIds.includes(held.ackId)) continue;
      if (seconds === 0) this.#refused(subscription, held);
      else held.visibleAt = Date.now() + seconds * 1000;
    }
    this.#changed(subscription);
  }

  #pullNow(subscription: Subscription, most: number): Delivery[] {
    const now = Date.now();
    for (const held of [...this.#current(subscription)]) {
      if (held.ackId !== undefined && held.visibleAt <= now) this.#refused(subscription, held);
    }
    const pulled = this.#current(subscription)
      .filter(({ visibleAt }) => visibleAt <= now)
      .slice(0, most);
    const deliveries = pulled.map((held) => {
      held.attempts += 1;
      held.visibleAt = now + subscription.ackDeadlineSeconds * 1000;
      held.ackId = randomUUID();
      return { ackId: held.ackId, message: held.message, ...attemptOf(subscription, held) };
    });
    if (pulled.length > 0) this.#changed(subscription);
    return deliveries;
  }

  /** Pushes the messages that are due, and sets a timer for the others. */
  #push(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const subscription = this.#find(id);
    if (subscription?.pushConfig === undefined || !this.#started.has(id) || this.#isClosed) return;
    const now = Date.now();
    const pushing = this.#pushing.get(id) ?? new Set();
    this.#pushing.set(id, pushing);
    const waiting = this.#current(subscription).filter(({ message }) => !pushing.has(message.messageId));
    const due = waiting.filter(({ visibleAt }) => visibleAt <= now).slice(0, concurrency - pushing.size);
    for (const held of due) {
      const { messageId } = held.message;
      pushing.add(messageId);
      this.#deliver(subscription, held)
        .catch(console.error)
        .finally(() => {
          pushing.delete(messageId);
          this.#push(id);
        });
    }
    const next = Math.min(...waiting.map(({ visibleAt }) => visibleAt).filter((time) => time > now));
    if (next === Infinity) return;
    const timer = setTimeout(() => {
      this.#push(id);
    }, next - now);
    this.#timers.set(id, timer);
  }

  async #deliver(subscription: Subscription, held: Held): Promise<void> {
    held.attempts += 1;
    const answer = await this.#answer(subscription, held);
    const { id } = subscription;
    // The subscription may have been deleted, or the cloud closed, in the meantime.
    if (this.#isClosed || this.#find(id) === undefined || !this.#current(subscription).includes(held)) return;
    if (typeof answer !== "string" && acknowledging.includes(answer.status)) {
      this.#keep(subscription, (each) => each !== held);
      return;
    }
    const found = typeof answer === "string" ? answer : `status ${answer.status}`;
    console.error(`subscription ${id}: attempt ${held.attempts} of message ${held.message.messageId}: ${found}`);
    this.#refused(subscription, held);
    this.#changed(subscription);
  }

  /** The endpoint's response, or the reason why there is none. */
  async #answer(subscription: Subscription, held: Held): Promise<HttpResponse | string> {
    const { pushConfig, ackDeadlineSeconds, id } = subscription;
    const endpoint = pushConfig?.pushEndpoint ?? "";
    const fn = this.options.resources.functionAt(endpoint);
    if (fn === undefined) return `no local function has the address ${endpoint}`;
    const { host, pathname, search } = new URL(endpoint);
    const { data, attributes, orderingKey, messageId, publishTime } = held.message;
    const body = {
      ...attemptOf(subscription, held),
      message: {
        attributes,
        data,
        messageId,
        message_id: messageId,
        orderingKey,
        publishTime,
        publish_time: publishTime,
      },
      subscription: id,
    };
    const token = pushConfig?.oidcToken;
    const isForFunction = token?.audience === undefined || [endpoint, fn.url].includes(token.audience);
    const request = {
      method: "POST",
      target: pathname + search,
      headers: [
        ["Host", host],
        ["Content-Type", "application/json"],
        ["From", "noreply@google.com"],
        ["User-Agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"],
      ] as const,
      body: Buffer.from(JSON.stringify(body)),
      remoteAddress: "127.0.0.1",
    };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      const seconds = ackDeadlineSeconds;
      timer = setTimeout(resolve, seconds * 1000, `no answer within the acknowledgement deadline of ${seconds} s`);
    });
    try {
      const caller = isForFunction ? token?.serviceAccountEmail : undefined;
      return await Promise.race([this.options.functions.handle(fn.id, request, caller), late]);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Schedules the next delivery of a message, or moves it to the dead letter topic. */
  #refused(subscription: Subscription, held: Held): void {
    held.ackId = undefined;
    held.visibleAt = Date.now() + backoff(subscription, held.attempts);
    const { deadLetterPolicy } = subscription;
    if (deadLetterPolicy === undefined || held.attempts < (deadLetterPolicy.maxDeliveryAttempts || 5)) return;
    const topic = this.options.resources.topic(deadLetterPolicy.deadLetterTopic);
    const agent = /^serviceAccount:service-\d+@gcp-sa-pubsub\.iam\.gserviceaccount\.com$/;
    if (topic === undefined || !mayPublish(this.options.resources, topic, (member) => agent.test(member))) {
      console.error(
        `subscription ${subscription.id}: message ${held.message.messageId} is not forwarded to ` +
          `${deadLetterPolicy.deadLetterTopic}: the topic must be there, and grant roles/pubsub.publisher to ` +
          "service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com",
      );
      return;
    }
    this.#keep(subscription, (each) => each !== held);
    const { data, attributes, orderingKey, publishTime } = held.message;
    const source = {
      CloudPubSubDeadLetterSourceDeliveryCount: String(held.attempts),
      CloudPubSubDeadLetterSourceSubscription: subscription.name,
      CloudPubSubDeadLetterSourceSubscriptionProject: subscription.id.split("/")[1] ?? "",
      CloudPubSubDeadLetterSourceTopicPublishTime: publishTime,
    };
    this.publish(topic, [{ data, orderingKey, attributes: { ...attributes, ...source } }]);
  }

  #find(id: string): Subscription | undefined {
    return this.options.resources.find("gcp:pubsub/subscription:Subscription", (each) => each.id === id);
  }

  /** Messages of a subscription within its retention. */
  #current({ id, messageRetentionDuration }: Subscription): Held[] {
    const file = this.#file(id);
    const known = this.#held.get(id);
    const all = known ?? (existsSync(file) ? z.array(heldSchema).parse(JSON.parse(readFileSync(file, "utf8"))) : []);
    const oldest = Date.now() - parseFloat(messageRetentionDuration) * 1000;
    const current = all.filter(({ message }) => Date.parse(message.publishTime) > oldest);
    const unchanged = known !== undefined && current.length === known.length ? known : current;
    this.#held.set(id, unchanged);
    return unchanged;
  }

  #keep(subscription: Subscription, isKept: (held: Held) => boolean): void {
    this.#held.set(subscription.id, this.#current(subscription).filter(isKept));
    this.#changed(subscription);
  }

  #changed(subscription: Subscription): void {
    writeFileSync(this.#file(subscription.id), JSON.stringify(this.#current(subscription)));
    this.#changes.notify();
  }

  #file(id: string): string {
    return path.join(this.options.directory, `${id.replaceAll("/", " ")}.json`);
  }
}

function attemptOf({ deadLetterPolicy }: Subscription, { attempts }: Held): { deliveryAttempt?: number } {
  return deadLetterPolicy === undefined ? {} : { deliveryAttempt: attempts };
}

/**
 * Milliseconds before the next delivery of a message after a number of attempts. A push never follows the previous one
 * immediately.
 */
function backoff({ retryPolicy, pushConfig }: Subscription, attempts: number): number {
  const [floor, ceiling] = pushConfig === undefined ? [0, 0] : pushBackoff;
  const least = retryPolicy === undefined ? floor : parseFloat(retryPolicy.minimumBackoff);
  const most = retryPolicy === undefined ? ceiling : parseFloat(retryPolicy.maximumBackoff);
  // 13 doublings lead from the minimum of 0.1 s to the maximum of 600 s.
  const grown = Math.min(most, Math.max(floor, least) * 2 ** Math.min(attempts - 1, 13));
  return Math.max(floor, grown) * 1000;
}
