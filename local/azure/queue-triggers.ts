import { decoded, type QueueMessage, type QueueStorage } from "./queues";

/** A function with a queue trigger, with the queue settings from the app's `host.json`. */
export interface QueueTrigger {
  /** Name of the function. */
  readonly name: string;
  readonly queue: string;
  /** Prefix of the app settings with the address of the queue. */
  readonly connection: string;
  /** Messages per batch. */
  readonly batchSize: number;
  /** Attempts before a message moves to the poison queue. */
  readonly maxDequeueCount: number;
  /** Seconds before a failed message becomes visible again. */
  readonly visibilityTimeout: number;
  readonly messageEncoding: "base64" | "none";
}

/** A message as the function receives it. */
export interface TriggerMessage extends Omit<QueueMessage, "text"> {
  readonly body: string;
}

export interface QueueTriggersOptions {
  readonly queues: Pick<QueueStorage, "receive" | "delete" | "release" | "put" | "createQueue" | "changes">;
  /** Passes a message to a function; resolves to whether it succeeded. */
  readonly run: (appId: string, name: string, message: TriggerMessage) => Promise<boolean>;
  /** Why the app cannot receive messages through a connection; undefined if it can. */
  readonly refusal: (appId: string, connection: string) => string | undefined;
  readonly log: (appId: string, line: string) => void;
}

/**
 * Milliseconds between two polls of a queue without a notification of a change: a hidden message may have become
 * visible.
 */
const pollInterval = 2_000;

/**
 * Seconds for which a message is hidden while the function processes it. The real host renews the lease, so this
 * exceeds the function's maximum duration.
 */
const leaseSeconds = 3_600;

/**
 * Passes messages to functions with queue triggers, like the queue extension of the Functions host: a failed message is
 * retried, and moves to the queue `<queue>-poison` after `maxDequeueCount` attempts.
 */
export class QueueTriggers {
  readonly #pollers = new Map<string, readonly AbortController[]>();

  constructor(private readonly options: QueueTriggersOptions) {}

  /** Replaces the triggers of an app. */
  set(appId: string, triggers: readonly QueueTrigger[]): void {
    this.delete(appId);
    if (triggers.length === 0) return;
    const pollers = triggers.map((trigger) => {
      const abort = new AbortController();
      void this.#poll(appId, trigger, abort.signal);
      return abort;
    });
    this.#pollers.set(appId, pollers);
  }

  delete(appId: string): void {
    for (const abort of this.#pollers.get(appId) ?? []) abort.abort();
    this.#pollers.delete(appId);
  }

  close(): void {
    for (const appId of [...this.#pollers.keys()]) this.delete(appId);
  }

  async #poll(appId: string, trigger: QueueTrigger, signal: AbortSignal): Promise<void> {
    const { queues, refusal, log } = this.options;
    let said = "";
    const say = (line: string) => {
      if (line !== said) log(appId, `queue trigger of ${trigger.name}: ${line}`);
      said = line;
    };
    const isOver = () => signal.aborted;
    while (!isOver()) {
      try {
        const refused = refusal(appId, trigger.connection);
        const messages =
          refused === undefined ? await queues.receive(trigger.queue, trigger.batchSize, leaseSeconds) : [];
        if (refused !== undefined) say(refused);
        if (messages.length === 0) await queues.changes.next(pollInterval, signal);
        else await Promise.all(messages.map((message) => this.#give(appId, trigger, message)));
      } catch (error) {
        if (isOver()) return;
        say(error instanceof Error ? error.message : String(error));
        await queues.changes.next(pollInterval, signal);
      }
    }
  }

  async #give(appId: string, trigger: QueueTrigger, { text, ...message }: QueueMessage): Promise<void> {
    const { queues, run, log } = this.options;
    const { name, queue, maxDequeueCount, visibilityTimeout, messageEncoding } = trigger;
    const taken = { text, ...message };
    const body = messageEncoding === "base64" ? decoded(text) : text;
    if (body !== undefined && (await run(appId, name, { ...message, body }))) return queues.delete(queue, taken);
    if (body !== undefined && message.dequeueCount < maxDequeueCount) {
      return queues.release(queue, taken, visibilityTimeout);
    }
    const poison = `${queue}-poison`;
    await queues.createQueue(poison);
    await queues.put(poison, text);
    await queues.delete(queue, taken);
    const why =
      body === undefined
        ? 'its body is not in base64, which host.json expects: send it so, or set extensions.queues.messageEncoding to "none"'
        : `${name} failed with it ${message.dequeueCount} times`;
    log(appId, `the message ${message.id} of the queue ${queue} was moved to ${poison}: ${why}`);
  }
}
