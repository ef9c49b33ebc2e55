import { decoded, type QueueMessage, type QueueStorage } from "./queues";

/** A function with a queue trigger, and what the app's `host.json` says of queues. */
export interface QueueTrigger {
  /** Of the function. */
  readonly name: string;
  readonly queue: string;
  /** Name of the app settings that say where the queue is. */
  readonly connection: string;
  /** Messages that are taken at once. */
  readonly batchSize: number;
  /** How often a message is given to the function before it is poison. */
  readonly maxDequeueCount: number;
  /** Seconds until a message that the function failed with comes again. */
  readonly visibilityTimeout: number;
  readonly messageEncoding: "base64" | "none";
}

/** What a function is given of a message. */
export interface TriggerMessage extends Omit<QueueMessage, "text"> {
  readonly body: string;
}

export interface QueueTriggersOptions {
  readonly queues: Pick<QueueStorage, "receive" | "delete" | "release" | "put" | "createQueue" | "changes">;
  /** Gives a message to a function; whether the function ended well. */
  readonly run: (appId: string, name: string, message: TriggerMessage) => Promise<boolean>;
  /** Why the app cannot have the messages of a connection, if it cannot. */
  readonly refusal: (appId: string, connection: string) => string | undefined;
  readonly log: (appId: string, line: string) => void;
}

/** Milliseconds after which a queue is looked at again where nothing tells of a change: a message may have been hidden. */
const pollInterval = 2_000;

/** Seconds that a message is hidden while the function has it; the host renews it, so it is longer than a function may take. */
const leaseSeconds = 3_600;

/**
 * Gives the messages of queues to the functions with queue triggers, as the extension of the Functions host does: what a
 * function fails with comes again, and goes to the queue `<queue>-poison` after `maxDequeueCount` times.
 */
export class QueueTriggers {
  readonly #pollers = new Map<string, readonly AbortController[]>();

  constructor(private readonly options: QueueTriggersOptions) {}

  /** Puts the triggers of an app into the place of those that it had. */
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
