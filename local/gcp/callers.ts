import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { once } from "../../layers/once";
import { type HttpRequest, type HttpResponse, listen, type Listener } from "../http";

/** Whether the caller of a request is a member of a policy. */
export type IsMember = (member: string) => boolean;

export interface CallersOptions {
  /** Folder of the file with the owner's address. */
  readonly directory: string;
  /** @param isMember absent for the project's owner, who may do everything. */
  readonly answer: (request: HttpRequest, isMember?: IsMember) => Promise<HttpResponse>;
  /** Maximum bytes of a request body. Default: no limit. */
  readonly bodyLimit?: number;
}

/**
 * The addresses of an API. Each service account has its own, which identifies the caller, since SDKs send no token to an
 * emulator; the project's owner has another one.
 */
export class Callers {
  readonly #listeners = new Map<string, Promise<Listener>>();

  constructor(private readonly options: CallersOptions) {}

  /** Address for a function with a service account, given by its e-mail address. */
  async hostFor(serviceAccount: string): Promise<string> {
    const { answer, bodyLimit } = this.options;
    const member = `serviceAccount:${serviceAccount}`;
    const { port } = await once(this.#listeners, member, () => {
      return listen((request) => answer(request, (other) => other === member), { bodyLimit });
    });
    return `127.0.0.1:${port}`;
  }

  /**
   * Listens for the project's owner, at the previous address if it is free, and writes the address to the file
   * `address`.
   */
  async openToOwner(): Promise<void> {
    const { answer, bodyLimit, directory } = this.options;
    const file = path.join(directory, "address");
    await once(this.#listeners, "owner", async () => {
      mkdirSync(directory, { recursive: true });
      const before = existsSync(file) ? Number(readFileSync(file, "utf8").trim().split(":")[1]) : 0;
      const start = (port: number) => listen((request) => answer(request), { bodyLimit, port });
      const listener = await start(before).catch(() => start(0));
      writeFileSync(file, `127.0.0.1:${listener.port}\n`);
      return listener;
    });
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners.values()) await (await listener).close();
    this.#listeners.clear();
  }
}
