import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { makeWheel, type TestWheel, type WheelContent } from "./wheels";

/** A local package index that can be told to misbehave. */
export interface PackageIndex {
  /** Address for `UV_DEFAULT_INDEX`. */
  readonly url: string;
  /** File names of the wheels that were sent completely, in order. */
  readonly sent: string[];
  /** Paths of all requests. */
  readonly requests: string[];
  publish(...wheels: readonly WheelContent[]): TestWheel[];
  /** Adds any file, such as a source archive. */
  add(file: TestWheel): void;
  /** Marks a release as yanked. */
  yank(name: string, version: string): void;
  /** Answers a request itself; returns false to leave it to the index. */
  misbehave?: (request: IncomingMessage, response: ServerResponse, wheel: TestWheel) => boolean;
  /** User and password, separated by a colon, that every request needs. */
  login?: string;
  /** Whether the file lists contain sizes. */
  tellsSizes: boolean;
  /** Media type of the file lists. */
  listType: string;
  /** Prefix of the addresses of files; a test may change it. */
  files: string;
  close(): Promise<void>;
}

export const listType = "application/vnd.pypi.simple.v1+json";

export async function startIndex(): Promise<PackageIndex> {
  const wheels = new Map<string, TestWheel>();
  const yanked = new Set<string>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url?.split("?")[0] ?? "");
    index.requests.push(path);
    const { authorization } = request.headers;
    if (index.login !== undefined && authorization !== `Basic ${Buffer.from(index.login).toString("base64")}`) {
      return response.writeHead(401, { "www-authenticate": "Basic" }).end();
    }
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
    if (project !== undefined) {
      const files = [...wheels.values()].filter(({ name }) => name === project);
      if (files.length === 0) return response.writeHead(404).end();
      response.setHeader("content-type", index.listType);
      response.setHeader("cache-control", "no-store");
      return response.end(
        JSON.stringify({
          meta: { "api-version": "1.1" },
          name: project,
          files: files.map(({ filename, version, sha256, size }) => ({
            filename,
            url: `${address}${index.files}${encodeURIComponent(filename)}`,
            hashes: { sha256 },
            ...(index.tellsSizes && { size }),
            yanked: yanked.has(`${project} ${version}`),
          })),
        }),
      );
    }
    const wheel = path.startsWith(index.files) ? wheels.get(path.slice(index.files.length)) : undefined;
    if (wheel === undefined) return response.writeHead(404).end();
    // uv reads metadata under its own name; the builder fetches the whole file.
    if (request.headers["user-agent"]?.startsWith("uv/") !== true) {
      if (index.misbehave?.(request, response, wheel)) return undefined;
      index.sent.push(wheel.filename);
    }
    return response.end(wheel.content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const index: PackageIndex = {
    url: `${address}/simple/`,
    sent: [],
    requests: [],
    tellsSizes: true,
    listType,
    files: "/files/",
    publish: (...contents) =>
      contents.map((content) => {
        const wheel = makeWheel(content);
        wheels.set(wheel.filename, wheel);
        return wheel;
      }),
    add: (file) => {
      wheels.set(file.filename, file);
    },
    yank: (name, version) => yanked.add(`${name} ${version}`),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
  return index;
}
