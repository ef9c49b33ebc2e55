import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import type BlobServer from "azurite/dist/src/blob/BlobServer";

import { forward, header, type HttpRequest, type HttpResponse, listen, type Listener, response } from "../http";
import { persistentStorage } from "./persistent-storage";
import { account, permissionMismatch, storageRequest } from "./storage-connection";

/** What an identity may do with blobs. */
export type BlobAccess = "none" | "read" | "write";

/** What happened to a blob. */
export interface BlobChange {
  readonly event: "Microsoft.Storage.BlobCreated" | "Microsoft.Storage.BlobDeleted";
  /** Operation of Blob Storage that did it. */
  readonly api: "PutBlob" | "PutBlockList" | "CopyBlob" | "DeleteBlob";
  readonly container: string;
  /** May have slashes. */
  readonly blob: string;
  /** With its quotes; empty of one that was deleted. */
  readonly eTag: string;
}

/** A blob as it is read. */
export interface StoredBlob {
  readonly content: Buffer;
  readonly contentType: string;
  /** With its quotes. */
  readonly eTag: string;
  readonly lastModified: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface BlobStorageOptions {
  /** Whether a container is one of the deployed. */
  readonly isDeployed: (container: string) => boolean;
  /** Called with what happened to each blob. */
  readonly changed: (change: BlobChange) => void;
}

/** File with the names of the blobs. */
const names = "blobs.json";

/** Milliseconds that an answer of azurite may take. */
const timeout = 30_000;

const reading = ["GET", "HEAD"];

/**
 * Blob Storage: azurite, which starts with the first request. The containers of all storage accounts are in one of azurite's, so
 * two accounts cannot have containers of one name here. Blobs that a program declares are not in it.
 */
export class BlobStorage {
  #server: Promise<BlobServer> | undefined;
  /** Containers that azurite has. */
  readonly #made = new Map<string, Promise<void>>();

  private constructor(
    private readonly directory: string,
    private readonly listeners: Readonly<Record<"read" | "write" | "owner", Listener>>,
    private readonly options: BlobStorageOptions,
  ) {}

  /** @param directory where the blobs are kept between runs. The file `address` in it says where they are reached by hand. */
  static async start(directory: string, options: BlobStorageOptions): Promise<BlobStorage> {
    mkdirSync(directory, { recursive: true });
    const [read, write, owner] = await Promise.all([
      listen((request) =>
        reading.includes(request.method) ? blobs.#forward(request) : Promise.resolve(permissionMismatch),
      ),
      listen((request) => blobs.#forward(request)),
      listen((request) => blobs.#byHand(request)),
    ]);
    const blobs: BlobStorage = new BlobStorage(directory, { read, write, owner }, options);
    writeFileSync(path.join(directory, "address"), `127.0.0.1:${owner.port}`);
    return blobs;
  }

  /** Where an app reaches the blobs. */
  endpoint(access: "read" | "write"): string {
    return `http://127.0.0.1:${this.listeners[access].port}/${account}`;
  }

  /** Deletes the container and its blobs, where it is there. */
  async deleteContainer(name: string): Promise<void> {
    this.#made.delete(name);
    // What never started has no blobs.
    if (!existsSync(path.join(this.directory, names))) return;
    await this.#call("DELETE", name, [202, 404], { query: "?restype=container" });
  }

  /** Undefined where there is no such blob. */
  async read(container: string, blob: string): Promise<StoredBlob | undefined> {
    await this.#ready(container);
    const answer = await this.#call("GET", `${container}/${encoded(blob)}`, [200, 404]);
    if (answer.status === 404) return undefined;
    const field = (name: string) => answer.headers.get(name) ?? "";
    const metadata = [...answer.headers].flatMap(([name, value]) => {
      return name.startsWith("x-ms-meta-") ? [[name.slice("x-ms-meta-".length), value] as const] : [];
    });
    return {
      content: Buffer.from(await answer.arrayBuffer()),
      contentType: field("content-type"),
      eTag: field("etag"),
      lastModified: field("last-modified"),
      metadata: Object.fromEntries(metadata),
    };
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.listeners).map((listener) => listener.close()));
    await (await this.#server)?.close();
  }

  #started(): Promise<BlobServer> {
    this.#server ??= startServer(this.directory);
    return this.#server;
  }

  /** A deployed container is made with the first look at it: most hold nothing but what the program declares. */
  #ready(container: string): Promise<void> {
    if (!this.options.isDeployed(container)) return Promise.resolve();
    const made = this.#made.get(container) ?? this.#create(container);
    this.#made.set(container, made);
    return made;
  }

  async #create(container: string): Promise<void> {
    await this.#call("PUT", container, [201, 409], { query: "?restype=container" });
  }

  async #forward(request: HttpRequest): Promise<HttpResponse> {
    const server = await this.#started();
    await this.#ready(/^\/[^/]+\/([^/?]+)/.exec(request.target)?.[1] ?? "");
    const answer = await forward(new URL(server.getHttpServerAddress()).host, request, timeout);
    const change = changeOf(request, answer);
    if (change !== undefined) this.options.changed(change);
    return answer;
  }

  /** As the account's owner: PUT, GET and DELETE of `/<container>/<blob>`. */
  async #byHand({ method, target, headers, body }: HttpRequest): Promise<HttpResponse> {
    const [, container = "", name = ""] = /^\/([a-z0-9$-]+)\/([^?]+)$/.exec(target) ?? [];
    if (name === "" || !["PUT", "GET", "DELETE"].includes(method)) {
      return response(404, `there is no ${method} ${target}; PUT, GET or DELETE /<container>/<blob>\n`);
    }
    await this.#ready(container);
    const type = header(headers, "content-type") ?? "application/octet-stream";
    const given = method === "PUT" ? { body, type, headers: { "x-ms-blob-type": "BlockBlob" } } : {};
    const answer = await this.#call(method, `${container}/${name}`, [200, 201, 202, 404], given);
    const content = Buffer.from(await answer.arrayBuffer());
    const blob = decodeURIComponent(name);
    const eTag = answer.headers.get("etag") ?? "";
    if (answer.status === 404) return response(404, `there is no ${target}; its container is one of the deployed\n`);
    if (method === "PUT") this.options.changed({ event: created, api: "PutBlob", container, blob, eTag });
    if (method === "DELETE") this.options.changed({ event: deleted, api: "DeleteBlob", container, blob, eTag: "" });
    const contentType = answer.headers.get("content-type") ?? "application/octet-stream";
    return { status: answer.status, headers: method === "GET" ? [["Content-Type", contentType]] : [], body: content };
  }

  async #call(
    method: string,
    resource: string,
    accepted: readonly number[],
    more: Parameters<typeof storageRequest>[3] = {},
  ): Promise<Response> {
    const server = await this.#started();
    const answer = await storageRequest(server.getHttpServerAddress(), method, resource, more);
    if (accepted.includes(answer.status)) return answer;
    throw new Error(`Blob Storage ${method} ${resource}: ${answer.status} ${await answer.text()}`);
  }
}

const created = "Microsoft.Storage.BlobCreated";
const deleted = "Microsoft.Storage.BlobDeleted";

/** What an answered request did to a blob; undefined where it changed none as a whole. */
function changeOf({ method, target, headers }: HttpRequest, answer: HttpResponse): BlobChange | undefined {
  const { pathname, searchParams } = new URL(target, "http://localhost");
  const [, , container = "", ...name] = pathname.split("/");
  if (name.length === 0 || answer.status >= 300) return undefined;
  const blob = decodeURIComponent(name.join("/"));
  const part = searchParams.get("comp");
  const eTag = header(answer.headers, "etag") ?? "";
  if (method === "DELETE" && part === null) return { event: deleted, api: "DeleteBlob", container, blob, eTag: "" };
  if (method !== "PUT" || (part !== null && part !== "blocklist")) return undefined;
  const isCopy = header(headers, "x-ms-copy-source") !== undefined;
  return {
    event: created,
    api: part !== null ? "PutBlockList" : isCopy ? "CopyBlob" : "PutBlob",
    container,
    blob,
    eTag,
  };
}

/** Slashes are a part of a blob's name. */
function encoded(blob: string): string {
  return blob.split("/").map(encodeURIComponent).join("/");
}

/** Loaded with the first blob: most applications have none. */
async function startServer(directory: string): Promise<BlobServer> {
  const [{ default: BlobConfiguration }, { default: Server }] = await Promise.all([
    import("azurite/dist/src/blob/BlobConfiguration"),
    import("azurite/dist/src/blob/BlobServer"),
  ]);
  const server = new Server(
    new BlobConfiguration(...persistentStorage(directory, { index: names, content: "content", maxConcurrency: 10 })),
  );
  await server.start();
  return server;
}
