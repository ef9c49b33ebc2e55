import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import type QueueServer from "azurite/dist/src/queue/QueueServer";
import { z } from "zod";

import { Changes } from "../changes";
import { forward, type HttpRequest, type HttpResponse, listen, type Listener, response } from "../http";
import { persistentStorage } from "./persistent-storage";
import { account, permissionMismatch, storageRequest } from "./storage-connection";

/** Access of an identity to the messages of queues. */
export type QueueAccess = "none" | "send" | "write";

/** A received message. */
export interface QueueMessage {
  readonly id: string;
  /** As it was sent: in base64 if the sender encoded it. */
  readonly text: string;
  readonly dequeueCount: number;
  /** RFC 1123. */
  readonly insertionTime: string;
  readonly expirationTime: string;
  readonly timeNextVisible: string;
  /** Receipt of the last reception: only its holder can delete the message. */
  readonly popReceipt: string;
}

/** Milliseconds before a request to azurite fails. */
const timeout = 30_000;

/**
 * Queue Storage: azurite, which starts with the first queue. All storage accounts share one azurite account, so two of
 * them cannot have queues of the same name.
 */
export class QueueStorage {
  /** Notifies of sent messages and of messages that became visible again. */
  readonly changes = new Changes();
  #server: Promise<QueueServer> | undefined;

  private constructor(
    private readonly directory: string,
    private readonly listeners: Readonly<Record<"write" | "send" | "owner", Listener>>,
  ) {}

  /** @param directory of the queues between runs. Its file `address` contains the address for manual requests. */
  static async start(directory: string): Promise<QueueStorage> {
    mkdirSync(directory, { recursive: true });
    const [write, send, owner] = await Promise.all([
      listen((request) => queues.#forward(request)),
      listen((request) => (isSending(request) ? queues.#forward(request) : Promise.resolve(permissionMismatch))),
      listen((request) => queues.#byHand(request)),
    ]);
    const queues: QueueStorage = new QueueStorage(directory, { write, send, owner });
    writeFileSync(path.join(directory, "address"), `127.0.0.1:${owner.port}`);
    return queues;
  }

  /** Address of the queues for an app. */
  endpoint(access: "send" | "write"): string {
    return `http://127.0.0.1:${this.listeners[access].port}/${account}`;
  }

  /** Creates the queue if it does not exist. */
  async createQueue(name: string): Promise<void> {
    await this.#call("PUT", name, [201, 204, 409]);
  }

  /** Deletes the queue and its messages if it exists. */
  async deleteQueue(name: string): Promise<void> {
    await this.#call("DELETE", name, [204, 404]);
  }

  /** @param text of the message, in the encoding that receivers expect. */
  async put(queue: string, text: string): Promise<void> {
    await this.#call(
      "POST",
      `${queue}/messages`,
      [201],
      `<QueueMessage><MessageText>${escaped(text)}</MessageText></QueueMessage>`,
    );
    this.changes.notify();
  }

  /**
   * Receives messages and hides them from other callers for a while; none if the queue does not exist.
   *
   * @param seconds for which they are hidden.
   */
  async receive(queue: string, most: number, seconds: number): Promise<QueueMessage[]> {
    const query = `?numofmessages=${most}&visibilitytimeout=${seconds}`;
    const answer = await this.#call("GET", `${queue}/messages`, [200, 404], undefined, query);
    return messagesIn(answer);
  }

  async delete(queue: string, { id, popReceipt }: QueueMessage): Promise<void> {
    const query = `?popreceipt=${encodeURIComponent(popReceipt)}`;
    await this.#call("DELETE", `${queue}/messages/${id}`, [204, 404], undefined, query);
  }

  /** Makes a received message visible again after some seconds. */
  async release(queue: string, { id, popReceipt }: QueueMessage, seconds: number): Promise<void> {
    const query = `?popreceipt=${encodeURIComponent(popReceipt)}&visibilitytimeout=${seconds}`;
    await this.#call("PUT", `${queue}/messages/${id}`, [204, 404], undefined, query);
    this.changes.notify();
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.listeners).map((listener) => listener.close()));
    await (await this.#server)?.close();
  }

  #started(): Promise<QueueServer> {
    this.#server ??= startServer(this.directory);
    return this.#server;
  }

  async #forward(request: HttpRequest): Promise<HttpResponse> {
    const server = await this.#started();
    const answer = await forward(new URL(server.getHttpServerAddress()).host, request, timeout);
    if (request.method !== "GET") this.changes.notify();
    return answer;
  }

  /**
   * Manual requests, with the rights of the account's owner: POST `/<queue>` sends its body in base64, GET peeks at the
   * first messages.
   */
  async #byHand({ method, target, body }: HttpRequest): Promise<HttpResponse> {
    const queue = /^\/([a-z0-9-]+)$/.exec(target)?.[1];
    if (queue === undefined || (method !== "POST" && method !== "GET")) {
      return response(404, `there is no ${method} ${target}; POST or GET /<name of a queue>\n`);
    }
    try {
      if (method === "POST") {
        await this.put(queue, body.toString("base64"));
        return response(201, "");
      }
      const answer = await this.#call("GET", `${queue}/messages`, [200], undefined, "?peekonly=true&numofmessages=32");
      const shown = messagesIn(answer).map(({ id, text, dequeueCount, insertionTime }) => {
        return { id, body: decoded(text) ?? text, dequeueCount, insertionTime };
      });
      return response(200, shown);
    } catch (error) {
      return response(404, `${error instanceof Error ? error.message : String(error)}\n`);
    }
  }

  async #call(
    method: string,
    resource: string,
    accepted: readonly number[],
    body?: string,
    query = "",
  ): Promise<string> {
    const server = await this.#started();
    const type = body === undefined ? "" : "application/xml";
    const answer = await storageRequest(server.getHttpServerAddress(), method, resource, { body, type, query });
    const text = await answer.text();
    if (!accepted.includes(answer.status)) {
      throw new Error(`Queue Storage ${method} ${resource}: ${answer.status} ${element(text, "Code") ?? text}`);
    }
    return text;
  }
}

/** Loaded with the first queue, since most applications have none. */
async function startServer(directory: string): Promise<QueueServer> {
  const [{ default: QueueConfiguration }, { default: Server }] = await Promise.all([
    import("azurite/dist/src/queue/QueueConfiguration"),
    import("azurite/dist/src/queue/QueueServer"),
  ]);
  const server = new Server(
    new QueueConfiguration(
      ...persistentStorage(directory, { index: "queues.json", content: "messages", maxConcurrency: 1 }),
    ),
  );
  await server.start();
  return server;
}

/** Storage Queue Data Message Sender may only send. */
function isSending({ method, target }: HttpRequest): boolean {
  return method === "POST" && /^\/[^/]+\/[^/]+\/messages(\?|$)/.test(target);
}

const strict = z.base64();

/** Decodes base64; undefined for other text. */
export function decoded(text: string): string | undefined {
  return strict.safeParse(text).success ? Buffer.from(text, "base64").toString("utf8") : undefined;
}

function messagesIn(xml: string): QueueMessage[] {
  return [...xml.matchAll(/<QueueMessage>(.*?)<\/QueueMessage>/gs)].map(([, inner = ""]) => {
    const text = (name: string) => element(inner, name) ?? "";
    return {
      id: text("MessageId"),
      text: text("MessageText"),
      dequeueCount: Number(text("DequeueCount")),
      insertionTime: text("InsertionTime"),
      expirationTime: text("ExpirationTime"),
      timeNextVisible: text("TimeNextVisible"),
      popReceipt: text("PopReceipt"),
    };
  });
}

const entities = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&" } as const;

function element(xml: string, name: string): string | undefined {
  const inner = new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(xml)?.[1];
  return inner?.replace(/&(lt|gt|quot|apos|amp);/g, (entity) => entities[entity as keyof typeof entities]);
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[character] ?? character);
}
