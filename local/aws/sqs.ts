import { z } from "zod";

import { header, type HttpRequest, type HttpResponse, listen, type Listener, response } from "../http";
import { accessKeyIn, denial, roleOf } from "./caller";
import { md5, type Message, QueueError, type Queues } from "./queues";
import type { AwsResources, Resource } from "./resources";

type Queue = Resource<"aws:sqs/queue:Queue">;

const attribute = z.record(z.string(), z.unknown());
const newMessage = z.object({
  MessageBody: z.string(),
  DelaySeconds: z.coerce.number().optional(),
  MessageAttributes: attribute.optional(),
  MessageGroupId: z.string().optional(),
  MessageDeduplicationId: z.string().optional(),
});
const entries = <Entry extends z.ZodType>(entry: Entry) => z.object({ Entries: z.array(entry).min(1).max(10) });
const receipt = z.object({ ReceiptHandle: z.string() });
const identified = z.object({ Id: z.string() });

type Operation = (queue: Queue, input: unknown) => object | Promise<object>;

/**
 * The part of SQS that sends and receives messages. A function needs permission from its role; a caller that is no
 * function is the developer, who may do everything. Signatures are not verified.
 */
export class Sqs {
  readonly #operations: Readonly<Record<string, Operation>>;
  #listener: Listener | undefined;

  constructor(
    private readonly resources: AwsResources,
    private readonly queues: Queues,
  ) {
    this.#operations = this.#served();
  }

  /** Starts the SDKs' endpoint for all queues. */
  async start(): Promise<string> {
    this.#listener = await listen((request) => this.handle(request));
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  /** @param queueName the queue of a request to a queue's own address, for requests that name no queue. */
  async handle(request: HttpRequest, queueName?: string): Promise<HttpResponse> {
    const asked = header(request.headers, "x-amz-target")?.split(".").at(-1);
    // The older query protocol, e.g. `curl -d 'Action=SendMessage&MessageBody=hello' <address of the queue>`.
    const form = asked === undefined ? new URLSearchParams(request.body.toString()) : undefined;
    const name = asked ?? form?.get("Action") ?? "";
    try {
      const input: unknown = form ? Object.fromEntries(form) : JSON.parse(request.body.toString());
      const answer = await this.#answer(name, input, request, queueName);
      return form ? asXml(name, answer) : response(200, answer, [["Content-Type", "application/x-amz-json-1.0"]]);
    } catch (error) {
      const { type, message } =
        error instanceof QueueError
          ? error
          : { type: "InvalidParameterValue", message: error instanceof Error ? error.message : String(error) };
      const body = { __type: `com.amazonaws.sqs#${type}`, message };
      return response(400, body, [["Content-Type", "application/x-amz-json-1.0"]]);
    }
  }

  async #answer(name: string, input: unknown, request: HttpRequest, queueName: string | undefined): Promise<object> {
    const operation = this.#operations[name];
    if (operation === undefined) {
      const known = Object.keys(this.#operations).join(", ");
      throw new QueueError("InvalidAction", `${name || "no action"} is not served on this machine, which has ${known}`);
    }
    const { QueueUrl, QueueName } = z.object({ QueueUrl: z.string(), QueueName: z.string() }).partial().parse(input);
    const queue = this.queues.find(QueueUrl ?? QueueName ?? queueName ?? "");
    const headers = Object.fromEntries(request.headers.map(([key, value]) => [key.toLowerCase(), value]));
    const role = roleOf(this.resources, accessKeyIn(headers));
    // A batch operation needs the permission of the single operation.
    const denied = role && denial(this.resources, role, `sqs:${name.replace(/Batch$/, "")}`, queue.arn);
    if (denied) throw new QueueError("AccessDenied", denied.message);
    return operation(queue, input);
  }

  #served(): Readonly<Record<string, Operation>> {
    const { queues } = this;
    const send = (queue: Queue, given: z.output<typeof newMessage>) => {
      const message = queues.send(queue, {
        body: given.MessageBody,
        delay: given.DelaySeconds,
        attributes: given.MessageAttributes,
        groupId: given.MessageGroupId,
        deduplicationId: given.MessageDeduplicationId,
      });
      return { MessageId: message.id, MD5OfMessageBody: md5(message.body) };
    };
    const each = (items: readonly { Id: string }[], act: (index: number) => object) => {
      const done = items.map(({ Id }, index) => {
        try {
          return { Successful: { Id, ...act(index) } };
        } catch (error) {
          if (!(error instanceof QueueError)) throw error;
          return { Failed: { Id, SenderFault: true, Code: error.type, Message: error.message } };
        }
      });
      return {
        Successful: done.flatMap(({ Successful }) => Successful ?? []),
        Failed: done.flatMap(({ Failed }) => Failed ?? []),
      };
    };
    return {
      SendMessage: (queue, input) => send(queue, newMessage.parse(input)),
      SendMessageBatch: (queue, input) => {
        const { Entries } = entries(newMessage.extend(identified.shape)).parse(input);
        return each(Entries, (index) => send(queue, newMessage.parse(Entries[index])));
      },
      ReceiveMessage: async (queue, input) => {
        const given = z
          .object({
            MaxNumberOfMessages: z.coerce.number().int().min(1).max(10).default(1),
            VisibilityTimeout: z.coerce.number().optional(),
            WaitTimeSeconds: z.coerce.number().min(0).max(20).default(queue.receiveWaitTimeSeconds),
          })
          .parse(input);
        const received = await queues.receive(queue, {
          most: given.MaxNumberOfMessages,
          visibility: given.VisibilityTimeout,
          wait: given.WaitTimeSeconds * 1000,
        });
        if (received.length === 0) return {};
        return {
          Messages: received.map((message) => ({
            MessageId: message.id,
            ReceiptHandle: message.receiptHandle,
            Body: message.body,
            MD5OfBody: md5(message.body),
            Attributes: systemAttributes(message),
            MessageAttributes: message.attributes,
          })),
        };
      },
      DeleteMessage: (queue, input) => {
        queues.delete(queue, receipt.parse(input).ReceiptHandle);
        return {};
      },
      DeleteMessageBatch: (queue, input) => {
        const { Entries } = entries(receipt.extend(identified.shape)).parse(input);
        return each(Entries, (index) => {
          queues.delete(queue, Entries[index]?.ReceiptHandle ?? "");
          return {};
        });
      },
      ChangeMessageVisibility: (queue, input) => {
        const given = receipt.extend({ VisibilityTimeout: z.coerce.number().min(0).max(43_200) }).parse(input);
        queues.changeVisibility(queue, given.ReceiptHandle, given.VisibilityTimeout);
        return {};
      },
      GetQueueUrl: (queue) => ({ QueueUrl: queue.url }),
      GetQueueAttributes: (queue) => {
        const { visible, inFlight, delayed } = queues.counts(queue);
        const attributes = {
          QueueArn: queue.arn,
          ApproximateNumberOfMessages: visible,
          ApproximateNumberOfMessagesNotVisible: inFlight,
          ApproximateNumberOfMessagesDelayed: delayed,
          VisibilityTimeout: queue.visibilityTimeoutSeconds,
          MessageRetentionPeriod: queue.messageRetentionSeconds,
          DelaySeconds: queue.delaySeconds,
        };
        return { Attributes: Object.fromEntries(Object.entries(attributes).map(([key, text]) => [key, String(text)])) };
      },
      PurgeQueue: (queue) => {
        queues.purge(queue);
        return {};
      },
    };
  }
}

/** Attributes that SQS adds to a message for a receiver or a Lambda function. */
export function systemAttributes(message: Message): Record<string, string> {
  return {
    ApproximateReceiveCount: String(message.receiveCount),
    SentTimestamp: String(message.sentAt),
    SenderId: "AIDALOCAL",
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt ?? message.sentAt),
    ...(message.groupId !== undefined && { MessageGroupId: message.groupId }),
    ...(message.deduplicationId !== undefined && { MessageDeduplicationId: message.deduplicationId }),
  };
}

/** A response in the older query protocol. */
function asXml(action: string, answer: object): HttpResponse {
  const fields = Object.entries(answer).filter(([, value]) => typeof value === "string");
  const inner = fields.map(([key, value]) => `<${key}>${String(value)}</${key}>`).join("");
  const body = `<?xml version="1.0"?><${action}Response><${action}Result>${inner}</${action}Result></${action}Response>\n`;
  return response(200, body, [["Content-Type", "text/xml"]]);
}
