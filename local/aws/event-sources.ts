import { z } from "zod";

import type { DataPlane } from "../data-plane";
import { type Lambda, parseTarget, ThrottledError } from "./lambda";
import { md5, type Message, type Queues } from "./queues";
import type { AwsResources, Resource } from "./resources";
import { systemAttributes } from "./sqs";

/** Permissions that the function's role needs on a queue (Lambda developer guide, "Using Lambda with Amazon SQS"). */
export const queuePermissions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] as const;

/** Milliseconds of one long poll; afterwards the mapping is read again. */
const pollInterval = 20_000;

/** Milliseconds before the next attempt after a failed poll. */
const pause = 1_000;

const partialFailure = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) });

/**
 * Lambda's event source mappings of SQS queues: one poller each, which sends batches to the function one after the
 * other. Failed messages become visible again, and finally go to the dead letter queue.
 */
export class EventSources implements DataPlane {
  readonly #pollers = new Map<string, { readonly abort: AbortController; readonly ended: Promise<void> }>();

  constructor(
    private readonly options: { readonly resources: AwsResources; readonly lambda: Lambda; readonly queues: Queues },
  ) {}

  async start({ id }: { readonly id: string }): Promise<void> {
    await this.stop(id);
    const abort = new AbortController();
    this.#pollers.set(id, { abort, ended: this.#poll(id, abort.signal) });
  }

  async stop(id: string): Promise<void> {
    const poller = this.#pollers.get(id);
    this.#pollers.delete(id);
    poller?.abort.abort();
    await poller?.ended;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pollers.keys()].map((id) => this.stop(id)));
  }

  async #poll(id: string, signal: AbortSignal): Promise<void> {
    const { resources, queues } = this.options;
    while (!signal.aborted) {
      try {
        const mapping = resources.get("aws:lambda/eventSourceMapping:EventSourceMapping", id);
        if (!mapping.enabled) return;
        const queue = queues.find(mapping.eventSourceArn);
        this.#checkRole(mapping);
        const messages = await queues.receive(queue, { most: mapping.batchSize, wait: pollInterval, signal });
        if (messages.length > 0) await this.#hand(mapping, queue, messages);
      } catch (error) {
        if (this.#pollers.get(id)?.abort.signal !== signal) return;
        console.error(`event source ${id}: ${error instanceof Error ? error.message : String(error)}`);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  #checkRole({ functionName, eventSourceArn }: Resource<"aws:lambda/eventSourceMapping:EventSourceMapping">): void {
    const { resources } = this.options;
    const { name } = parseTarget(functionName);
    const fn = resources.find("aws:lambda/function:Function", (candidate) => candidate.name === name);
    const missing = queuePermissions.find(
      (action) => fn === undefined || !resources.roleAllows(fn.role, { action, resource: eventSourceArn }),
    );
    if (missing !== undefined) throw new Error(`the role of ${functionName} may not ${missing} on ${eventSourceArn}`);
  }

  async #hand(
    { functionName, functionResponseTypes }: Resource<"aws:lambda/eventSourceMapping:EventSourceMapping">,
    queue: Resource<"aws:sqs/queue:Queue">,
    messages: readonly Message[],
  ): Promise<void> {
    const event = { Records: messages.map((message) => record(message, queue.arn)) };
    let failed: ReadonlySet<string> | "all";
    try {
      const result = await this.options.lambda.invoke(functionName, Buffer.from(JSON.stringify(event)));
      if (result.functionError !== undefined) failed = "all";
      else failed = functionResponseTypes.includes("ReportBatchItemFailures") ? failures(result.payload) : new Set();
    } catch (error) {
      if (!(error instanceof ThrottledError)) throw error;
      failed = "all";
    }
    for (const { id, receiptHandle = "" } of messages) {
      if (failed !== "all" && !failed.has(id)) this.options.queues.delete(queue, receiptHandle);
    }
  }
}

/** Ids of the messages that a function reports as failed; all of them if its response has an unknown format. */
function failures(payload: Buffer): ReadonlySet<string> | "all" {
  const text = payload.toString();
  if (text === "" || text === "null") return new Set();
  try {
    const { batchItemFailures } = partialFailure.parse(JSON.parse(text));
    return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  } catch {
    return "all";
  }
}

function record(message: Message, queueArn: string) {
  return {
    messageId: message.id,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: systemAttributes(message),
    messageAttributes: Object.fromEntries(
      Object.entries(message.attributes).map(([name, value]) => [name, lowerCased(value)]),
    ),
    md5OfBody: md5(message.body),
    eventSource: "aws:sqs",
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(":")[3],
  };
}

/** A message attribute with the names of an event: `stringValue` and `dataType`. */
function lowerCased(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [key.charAt(0).toLowerCase() + key.slice(1), inner]),
  );
}
