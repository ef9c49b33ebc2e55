import http from "node:http";
import type { AddressInfo } from "node:net";

import { portOwner } from "./port-owner";

/** Header fields as they were sent: pairs of name and value; a name may occur several times. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface HttpRequest {
  readonly method: string;
  /** Path and query as they were sent, e.g. `/api/messages/?limit=2`. */
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
  /** Address of the client. */
  readonly remoteAddress: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

export interface Listener {
  readonly port: number;
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** Maximum bytes of a request body. Default: no limit. */
  readonly bodyLimit?: number;
  /** Response to a larger body. */
  readonly tooLarge?: HttpResponse;
}

/**
 * Serves `handler` on the loopback interface.
 *
 * @throws if the port is in use, naming the program that uses it.
 */
export function listen(handler: HttpHandler, options: ListenOptions = {}): Promise<Listener> {
  const tooLarge = options.tooLarge ?? response(413, "");
  const server = http.createServer((request, reply) => {
    const answered = async () => {
      const body = await readBody(request, options.bodyLimit);
      return body === undefined ? tooLarge : handler({ ...describeRequest(request), body });
    };
    answered()
      .catch((error: unknown) => {
        // A client may disconnect at any time; any other error is a bug, so print it.
        if (!request.readableAborted) console.error(error);
        return response(500, String(error), [["Content-Type", "text/plain; charset=utf-8"]]);
      })
      .then((answer) => {
        if (!reply.destroyed) send(reply, answer, request.method === "HEAD");
      })
      .catch((error: unknown) => {
        console.error(error);
        reply.destroy();
      });
  });
  return bind(server, options.port);
}

/** Binds a server to the loopback interface. */
export function bind(server: http.Server, port = 0): Promise<Listener> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "EADDRINUSE"
          ? new Error(
              `port ${port} of 127.0.0.1 is in use by ${portOwner(port) ?? "another program"}; end it, then run this again`,
            )
          : error,
      );
    });
    server.listen(port, "127.0.0.1", () => {
      resolve({
        port: portOf(server.address()),
        close: () =>
          new Promise((closed, failed) => {
            server.close((error) => {
              if (error) failed(error);
              else closed();
            });
            server.closeAllConnections();
          }),
      });
    });
  });
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return address.port;
}

function describeRequest(request: http.IncomingMessage): Omit<HttpRequest, "body"> {
  return {
    method: request.method ?? "GET",
    target: request.url ?? "/",
    headers: pairs(request.rawHeaders),
    remoteAddress: request.socket.remoteAddress ?? "127.0.0.1",
  };
}

/**
 * The whole body; undefined if it exceeds `limit`. It is read to the end in any case, so that the client receives the
 * response.
 */
export async function readBody(stream: AsyncIterable<Buffer>, limit = Infinity): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  return size > limit ? undefined : Buffer.concat(chunks);
}

/** One write for head and body: between two writes, the server would wait for the client's delayed acknowledgement. */
function send(reply: http.ServerResponse, answer: HttpResponse, head: boolean): void {
  const bodiless = answer.status === 204 || answer.status === 304;
  const headers = without(answer.headers, hopByHop);
  // For a HEAD request the handler may know the length of the response to GET.
  const length = head ? header(headers, "content-length") : undefined;
  reply.writeHead(answer.status, [
    ...without(headers, ["content-length"]).flat(),
    ...(bodiless ? [] : ["Content-Length", length ?? String(answer.body.length)]),
  ]);
  reply.end(head || bodiless ? undefined : answer.body);
}

/** Header fields that proxies do not forward (RFC 9110, 7.6.1). */
const hopByHop = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/**
 * Idle connections are closed after a second, before the server closes them (gunicorn: two seconds) while a request is
 * being sent.
 */
const agent = new http.Agent({ keepAlive: true, timeout: 1_000 });

/**
 * Sends a request to a local server and returns the complete response.
 *
 * @param timeout in milliseconds.
 * @throws {HttpTimeoutError} and errors of the connection.
 */
export function forward(
  origin: string,
  request: Pick<HttpRequest, "method" | "target" | "headers" | "body">,
  timeout: number,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const [host, port] = origin.split(":");
    const signal = AbortSignal.timeout(timeout);
    const fail = (error: Error) => {
      reject(signal.aborted ? new HttpTimeoutError() : error);
    };
    const outgoing = http.request(
      {
        agent,
        signal,
        host,
        port,
        method: request.method,
        path: request.target,
        headers: [
          ...without(request.headers, [...hopByHop, "content-length"]).flat(),
          ...(request.body.length > 0 || header(request.headers, "content-length") !== undefined
            ? ["Content-Length", String(request.body.length)]
            : []),
        ],
      },
      (incoming) => {
        readBody(incoming).then((body) => {
          resolve({
            status: incoming.statusCode ?? 502,
            headers: without(pairs(incoming.rawHeaders), hopByHop),
            body: body ?? Buffer.alloc(0),
          });
        }, fail);
      },
    );
    outgoing.on("error", fail);
    outgoing.end(request.body);
  });
}

export class HttpTimeoutError extends Error {}

/** A response with a text body, or a JSON body if `body` is an object. */
export function response(status: number, body: string | object, headers: HeaderList = []): HttpResponse {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" ? "text/html; charset=utf-8" : "application/json";
  const typed = header(headers, "content-type") === undefined && text !== "";
  return {
    status,
    headers: typed ? [["Content-Type", type], ...headers] : headers,
    body: Buffer.from(text),
  };
}

/** Value of a header field; several values are joined with commas. */
export function header(headers: HeaderList, name: string): string | undefined {
  const values = headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length > 0 ? values.join(",") : undefined;
}

/** Header fields except those with the given lower-case names. */
export function without(headers: HeaderList, names: readonly string[]): HeaderList {
  return headers.filter(([name]) => !names.includes(name.toLowerCase()));
}

/** Splits `target` at the first question mark into path and query, without the question mark. */
export function splitTarget(target: string): { path: string; query: string } {
  const at = target.indexOf("?");
  return at < 0 ? { path: target, query: "" } : { path: target.slice(0, at), query: target.slice(at + 1) };
}

function pairs(raw: readonly string[]): HeaderList {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] ?? ""] as const] : []));
}
