import { type HttpHandler, listen, type Listener, type ListenOptions } from "./http";
import type { ResourceStore, StoredResource } from "./store";

/**
 * The runtime behaviour of a resource type: an HTTP API answers requests, a table stores items. Every method is
 * idempotent. Resources are read for each request, so a change of inputs needs no call.
 */
export interface DataPlane {
  /** Called when the resource was created, and again when the cloud restarts. Returns when the resource serves. */
  start(resource: StoredResource): Promise<void>;
  /**
   * Called after `start`, once all related resources exist: the last step before the provider reports the change as
   * done.
   *
   * @throws if this step fails after the cloud has accepted the change.
   */
  complete?(resource: StoredResource, store: ResourceStore): Promise<void>;
  /** Reverses `start`; the resource's data stays for the next start. */
  stop(id: string): Promise<void>;
  /** Called after `stop` when the resource is deleted: deletes its data. */
  remove?(resource: StoredResource): Promise<void>;
}

/** A manual invocation of a function, as in the cloud's own API. */
export interface Invocation {
  /** The cloud's name of the function. */
  readonly functionName: string;
  /** Version or alias, on a cloud that has them. Default: the newest. */
  readonly qualifier?: string;
  /** Payload in JSON. Default: the event of a schedule. */
  readonly payload?: string;
}

/** Result of an invocation. */
export interface Invoked {
  /** The function's result or error. */
  readonly payload: string;
  readonly failed: boolean;
  /** The last lines of the function's log, if the cloud returns them. */
  readonly log?: string;
}

/** How a debugger attaches to a function. */
export interface Debugging {
  /** Local port. Only one process can listen, so the function has only one. */
  readonly port: number;
  /** Folder that contains the package debugpy. */
  readonly debugpy: string;
  /** Changes with the code, although its folder stays the same: a debugger identifies files by path. */
  readonly revision: string;
}

/** Code that replaces a function's deployed code. */
export interface CodeChange {
  /** The cloud's name of the function. */
  readonly functionName: string;
  /** Folder of the code, without packages. Absent: the deployed code serves again. */
  readonly folder?: string;
  /** Lets a debugger attach and pause the function for any time. Default: no debugger. */
  readonly debug?: Debugging;
}

/** Timeout of a function in seconds while a debugger may pause it. */
export const debuggedSeconds = 3_600;

/** Environment variables that make a function's process wait for a debugger: see `supervised.py`. */
export function debugVariables(debug: Debugging | undefined): Record<string, string> {
  return debug === undefined
    ? {}
    : {
        LOCAL_DEBUGPY: `${debug.debugpy}:${debug.port}`,
        // Without it, debugpy warns at each start about the standard library's frozen modules.
        PYDEVD_DISABLE_FILE_VALIDATION: "1",
      };
}

/** The new code does not start; the previous code continues to serve. */
export class CodeError extends Error {}

/** @param input arguments of the command line, by name without dashes. */
export type DataOperation = (input: Readonly<Record<string, string>>) => Promise<string>;

/** The data planes of one cloud. */
export interface CloudDataPlane {
  /** By resource type; other types have no runtime behaviour. */
  readonly types: Readonly<Record<string, DataPlane>>;
  /**
   * Invokes a function and waits for its end. Absent if the cloud does not support it.
   *
   * @throws if there is no such function, or it may not run.
   */
  invoke?(invocation: Invocation): Promise<Invoked>;
  /** Revisions of functions. Absent if the cloud has none, or they are resources. */
  readonly revisions?: {
    /**
     * @param traffic shares from 0 to 1, by revision name; the sum is 1.
     * @throws if there is no such revision, or it does not start.
     */
    send(functionName: string, traffic: Readonly<Record<string, number>>): Promise<void>;
    /** Assigns a tag to a revision, or removes it. */
    tag(functionName: string, tag: string, revision?: string): void;
    /** @throws if the revision has traffic. */
    delete(functionName: string, revision: string): Promise<void>;
  };
  /**
   * Replaces a function's code as soon as the new code has started; deployed packages and configuration stay. Numbered
   * versions do not change. The replacement lasts until this cloud ends. Absent if the cloud does not support it.
   *
   * @throws {CodeError} with the traceback if the code does not start; the previous code then continues to serve.
   */
  changeCode?(change: CodeChange): Promise<void>;
  /**
   * An operator's operations on the data of tables, by the words of the cloud's command line, e.g. `dynamodb
   * create-backup`.
   *
   * @throws the cloud's error.
   */
  readonly data?: Readonly<Record<string, DataOperation>>;
  /** Stops everything and waits for the end of all processes. */
  close(): Promise<void>;
}

/** A resource type that serves HTTP on its own address. */
export class HttpDataPlane implements DataPlane {
  readonly #listeners = new Map<string, Listener>();

  /**
   * @param address returns the address from the outputs, e.g. `127.0.0.1:8000` or its URL.
   * @param handler answers requests to the resource with this id.
   */
  constructor(
    private readonly address: (outputs: StoredResource["outputs"]) => unknown,
    private readonly handler: (id: string) => HttpHandler,
    private readonly options: Omit<ListenOptions, "port"> = {},
  ) {}

  async start({ id, type, outputs }: StoredResource): Promise<void> {
    if (this.#listeners.has(id)) return;
    const address = String(this.address(outputs));
    const port = /127\.0\.0\.1:(\d+)/.exec(address)?.[1];
    if (port === undefined) throw new Error(`${type} ${id}: its address is ${address}, expected 127.0.0.1 and a port`);
    this.#listeners.set(id, await listen(this.handler(id), { ...this.options, port: Number(port) }));
  }

  async stop(id: string): Promise<void> {
    const listener = this.#listeners.get(id);
    this.#listeners.delete(id);
    await listener?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listeners.keys()].map((id) => this.stop(id)));
  }
}
