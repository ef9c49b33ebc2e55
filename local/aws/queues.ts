import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { Changes } from "../changes";
import type { AwsResources, Resource } from "./resources";

type Queue = Resource<"aws:sqs/queue:Queue">;

const messageSchema = z.object({
  id: z.string(),
  body: z.string(),
  attributes: z.record(z.string(), z.unknown()),
  /** Milliseconds since 1970, as all times here. */
  sentAt: z.number(),
  /** When it can be received next. */
  visibleAt: z.number(),
  receiveCount: z.number(),
  firstReceivedAt: z.number().optional(),
  /** Handle of the last receipt: only its holder can delete the message. */
  receiptHandle: z.string().optional(),
  /** For a FIFO queue. */
  groupId: z.string().optional(),
  deduplicationId: z.string().optional(),
});

export type Message = z.output<typeof messageSchema>;

/** A message to send. */
export interface NewMessage {
  readonly body: string;
  readonly attributes?: Record<string, unknown>;
  /** Seconds before it can be received. Default: the queue's delay. */
  readonly delay?: number;
  readonly groupId?: string;
  readonly deduplicationId?: string;
}

/** An error of an SQS operation, with SQS's error code. */
export class QueueError extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Milliseconds during which a FIFO queue drops messages with the same deduplication id (SQS developer guide,
 * "Exactly-once processing").
 */
const deduplicationInterval = 5 * 60_000;

/**
 * The messages of SQS queues: delays, visibility timeouts, retention, order within a FIFO message group, and dead
 * letter queues. They survive a restart.
 */
export class Queues {
  readonly #messages = new Map<string, Message[]>();
  readonly #changes = new Changes();

  /** @param directory of the messages, with one file per queue. */
  constructor(
    private readonly resources: AwsResources,
    private readonly directory: string,
  ) {
    mkdirSync(directory, { recursive: true });
  }

  /**
   * Finds a queue by name, ARN or address.
   *
   * @throws {QueueError} if there is none.
   */
  find(reference: string): Queue {
    const name = reference.split(/[:/]/).at(-1);
    const found = this.resources.find("aws:sqs/queue:Queue", (queue) => queue.name === name);
    if (found === undefined) throw new QueueError("QueueDoesNotExist", "The specified queue does not exist.");
    return found;
  }

  /** @throws {QueueError} if the queue rejects the message. */
  send(queue: Queue, { body, attributes = {}, delay, groupId, deduplicationId }: NewMessage): Message {
    if (body === "") throw new QueueError("MissingParameter", "The request must contain the parameter MessageBody.");
    if (Buffer.byteLength(body) > queue.maxMessageSize) {
      const reason = `One or more parameters are invalid. Reason: Message must be shorter than ${queue.maxMessageSize} bytes.`;
      throw new QueueError("InvalidParameterValue", reason);
    }
    if (queue.fifoQueue && groupId === undefined) {
      throw new QueueError("MissingParameter", "The request must contain the parameter MessageGroupId.");
    }
    if (queue.fifoQueue && deduplicationId === undefined && !queue.contentBasedDeduplication) {
      throw new QueueError(
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
      );
    }
    const now = Date.now();
    const once = queue.fifoQueue ? (deduplicationId ?? createHash("sha256").update(body).digest("hex")) : undefined;
    const messages = this.#of(queue);
    const earlier = messages.find((each) => {
      return once !== undefined && each.deduplicationId === once && each.sentAt > now - deduplicationInterval;
    });
    if (earlier !== undefined) return earlier;
    const message: Message = {
      id: randomUUID(),
      body,
      attributes,
      sentAt: now,
      visibleAt: now + (delay ?? queue.delaySeconds) * 1000,
      receiveCount: 0,
      groupId,
      deduplicationId: once,
    };
    messages.push(message);
    this.#changed(queue);
    return message;
  }

  /**
   * Receives messages and hides them from other callers for a while.
   *
   * @param limits maximum number of messages; seconds to hide them, by default the queue's; milliseconds to wait for
   * the first.
   */
  async receive(
    queue: Queue,
    limits: {
      readonly most: number;
      readonly visibility?: number;
      readonly wait: number;
      readonly signal?: AbortSignal;
    },
  ): Promise<Message[]> {
    const deadline = Date.now() + limits.wait;
    for (;;) {
      const received = this.#receiveNow(queue, limits.most, limits.visibility);
      const left = deadline - Date.now();
      if (received.length > 0 || left <= 0 || limits.signal?.aborted) return received;
      await this.#changes.next(Math.min(left, this.#nextVisible(queue) - Date.now()), limits.signal);
    }
  }

  delete(queue: Queue, receiptHandle: string): void {
    const messages = this.#of(queue);
    const index = messages.findIndex((message) => message.receiptHandle === receiptHandle);
    if (index < 0) return;
    messages.splice(index, 1);
    this.#changed(queue);
  }

  /** @param seconds until a received message becomes visible again. */
  changeVisibility(queue: Queue, receiptHandle: string, seconds: number): void {
    const message = this.#of(queue).find((each) => each.receiptHandle === receiptHandle);
    if (message === undefined) throw new QueueError("MessageNotInflight", "The message referred to isn't in flight.");
    message.visibleAt = Date.now() + seconds * 1000;
    this.#changed(queue);
  }

  purge(queue: Queue): void {
    this.#messages.set(queue.name, []);
    this.#changed(queue);
  }

  /** Number of visible, received and delayed messages. */
  counts(queue: Queue): { readonly visible: number; readonly inFlight: number; readonly delayed: number } {
    const now = Date.now();
    const [visible, hidden] = [true, false].map((wanted) => {
      return this.#of(queue).filter(({ visibleAt }) => visibleAt <= now === wanted);
    });
    const delayed = hidden?.filter(({ receiveCount }) => receiveCount === 0).length ?? 0;
    return { visible: visible?.length ?? 0, delayed, inFlight: (hidden?.length ?? 0) - delayed };
  }

  /** Deletes the messages of a queue. */
  remove(name: string): void {
    this.#messages.delete(name);
    rmSync(this.#file(name), { force: true });
  }

  #receiveNow(queue: Queue, most: number, visibility = queue.visibilityTimeoutSeconds): Message[] {
    const now = Date.now();
    const kept = this.#of(queue).filter(({ sentAt }) => sentAt > now - queue.messageRetentionSeconds * 1000);
    const dead = deadLetters(queue);
    const received: Message[] = [];
    const left: Message[] = [];
    const hiddenGroups = new Set<string>();
    for (const message of kept) {
      const { groupId } = message;
      const isHidden = message.visibleAt > now || (groupId !== undefined && hiddenGroups.has(groupId));
      if (isHidden && groupId !== undefined) hiddenGroups.add(groupId);
      if (isHidden || received.length >= most) {
        left.push(message);
      } else if (dead !== undefined && message.receiveCount >= dead.maxReceiveCount) {
        const target = this.find(dead.deadLetterTargetArn);
        this.#of(target).push({ ...message, visibleAt: now, receiveCount: 0, receiptHandle: undefined });
        this.#changed(target);
      } else {
        message.receiveCount += 1;
        message.firstReceivedAt ??= now;
        message.visibleAt = now + visibility * 1000;
        message.receiptHandle = randomUUID();
        received.push(message);
        left.push(message);
      }
    }
    this.#messages.set(queue.name, left);
    if (received.length > 0 || left.length < kept.length) this.#changed(queue);
    return received.map((message) => ({ ...message }));
  }

  #nextVisible(queue: Queue): number {
    return Math.min(Infinity, ...this.#of(queue).map(({ visibleAt }) => visibleAt));
  }

  #of({ name }: Queue): Message[] {
    const known = this.#messages.get(name);
    if (known !== undefined) return known;
    const file = this.#file(name);
    const messages = existsSync(file) ? z.array(messageSchema).parse(JSON.parse(readFileSync(file, "utf8"))) : [];
    this.#messages.set(name, messages);
    return messages;
  }

  #changed(queue: Queue): void {
    writeFileSync(this.#file(queue.name), JSON.stringify(this.#of(queue)));
    this.#changes.notify();
  }

  #file(name: string): string {
    return path.join(this.directory, `${name}.json`);
  }
}

const redrivePolicy = z.object({ deadLetterTargetArn: z.string(), maxReceiveCount: z.coerce.number().int().min(1) });

/** Whether a text is a valid redrive policy. */
export function isRedrivePolicy(text: unknown): boolean {
  try {
    return redrivePolicy.safeParse(JSON.parse(String(text))).success;
  } catch {
    return false;
  }
}

/** The queue for messages that were received too often. */
export function deadLetters({ redrivePolicy: text }: { readonly redrivePolicy?: string }) {
  return text === undefined || text === "" ? undefined : redrivePolicy.parse(JSON.parse(text));
}

export function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
