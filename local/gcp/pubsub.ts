import { z } from "zod";

import { type HttpRequest, type HttpResponse, response, splitTarget } from "../http";
import { Callers, type IsMember } from "./callers";
import { mayConsume, mayPublish } from "./pubsub-roles";
import type { GcpResources } from "./resources";
import type { Subscriptions } from "./subscriptions";

/** Milliseconds for which a pull waits for a message. */
const pullWait = 10_000;

/** Maximum bytes of a publish request (Pub/Sub quotas). */
const bodyLimit = 10_000_000;

const publishRequest = z.object({
  messages: z
    .array(
      z
        .object({
          data: z.base64().optional(),
          attributes: z.record(z.string(), z.string()).optional(),
          orderingKey: z.string().optional(),
        })
        .refine(
          ({ data = "", attributes = {} }) => data !== "" || Object.keys(attributes).length > 0,
          "The message must contain either non-empty data, or at least one attribute.",
        ),
    )
    .min(1)
    .max(1000),
});
const pullRequest = z.object({
  maxMessages: z.number().int().positive(),
  returnImmediately: z.boolean().default(false),
});
const ackIds = z.array(z.string()).min(1);
const acknowledgeRequest = z.object({ ackIds });
const deadlineRequest = z.object({ ackIds, ackDeadlineSeconds: z.number().int().min(0).max(600) });

/** The API's error codes by HTTP status. */
const codes = {
  400: "INVALID_ARGUMENT",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "FAILED_PRECONDITION",
  501: "UNIMPLEMENTED",
} as const;

/** An error response of Pub/Sub. */
class PubSubError extends Error {
  constructor(
    readonly status: keyof typeof codes,
    message: string,
  ) {
    super(message);
  }
}

export interface PubSubOptions {
  readonly resources: GcpResources;
  readonly subscriptions: Subscriptions;
  /** Folder of the file with the owner's address. */
  readonly directory: string;
}

/** Pub/Sub's REST API: publishes to topics, pulls from subscriptions and acknowledges. */
export class PubSub {
  /** A function finds its own address in `PUBSUB_EMULATOR_HOST`. */
  readonly callers: Callers;

  constructor(private readonly options: PubSubOptions) {
    const { directory } = options;
    this.callers = new Callers({
      directory,
      answer: (request, isMember) => this.#answer(request, isMember),
      bodyLimit,
    });
  }

  async #answer(request: HttpRequest, isMember?: IsMember): Promise<HttpResponse> {
    try {
      return response(200, await this.#called(request, isMember));
    } catch (error) {
      if (!(error instanceof PubSubError)) throw error;
      const { status, message } = error;
      // FAILED_PRECONDITION has the HTTP status of INVALID_ARGUMENT.
      const code = status === 409 ? 400 : status;
      return response(code, { error: { code, message, status: codes[status] } });
    }
  }

  async #called({ method, target, body }: HttpRequest, isMember?: IsMember): Promise<object> {
    const { resources, subscriptions } = this.options;
    const { path: called } = splitTarget(target);
    const [, name = "", kind, verb] =
      /^\/v1\/(projects\/[^/]+\/(topics|subscriptions)\/[^/:]+):(\w+)$/.exec(decodeURIComponent(called)) ?? [];
    if (method === "POST" && kind === "topics" && verb === "publish") {
      const topic = resources.topic(name);
      if (topic === undefined) throw missing(name);
      if (isMember && !mayPublish(resources, topic, isMember)) throw denied(name);
      return { messageIds: subscriptions.publish(topic, parsed(publishRequest, body).messages) };
    }
    if (
      method !== "POST" ||
      kind !== "subscriptions" ||
      !["pull", "acknowledge", "modifyAckDeadline"].includes(verb ?? "")
    ) {
      throw new PubSubError(
        501,
        `${method} ${called}: this machine serves POST of projects.topics.publish, projects.subscriptions.pull, ` +
          ".acknowledge and .modifyAckDeadline; topics and subscriptions are declared in the program",
      );
    }
    const subscription = resources.find("gcp:pubsub/subscription:Subscription", ({ id }) => id === name);
    if (subscription === undefined) throw missing(name);
    if (isMember && !mayConsume(resources, subscription, isMember)) throw denied(name);
    if (subscription.pushConfig !== undefined) {
      throw new PubSubError(409, `${name} pushes to ${subscription.pushConfig.pushEndpoint}; it is not pulled.`);
    }
    switch (verb) {
      case "pull": {
        const { maxMessages, returnImmediately } = parsed(pullRequest, body);
        const receivedMessages = await subscriptions.pull(subscription, maxMessages, returnImmediately ? 0 : pullWait);
        return receivedMessages.length > 0 ? { receivedMessages } : {};
      }
      case "acknowledge":
        subscriptions.acknowledge(subscription, parsed(acknowledgeRequest, body).ackIds);
        return {};
      default: {
        const { ackIds: ids, ackDeadlineSeconds } = parsed(deadlineRequest, body);
        subscriptions.modifyDeadline(subscription, ids, ackDeadlineSeconds);
        return {};
      }
    }
  }
}

function parsed<T>(schema: z.ZodType<T>, body: Buffer): T {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    throw new PubSubError(400, "Invalid JSON payload received.");
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new PubSubError(400, z.prettifyError(result.error));
}

function missing(name: string): PubSubError {
  return new PubSubError(404, `Resource not found (resource=${name.split("/").at(-1) ?? name}).`);
}

function denied(name: string): PubSubError {
  return new PubSubError(403, `User not authorized to perform this action on ${name}.`);
}
