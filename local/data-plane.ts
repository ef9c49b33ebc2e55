import { type HttpHandler, listen, type Listener, type ListenOptions } from "./http";
import type { ResourceStore, StoredResource } from "./store";

/**
 * What a resource type does besides being described: an HTTP API answers requests, a table holds items. Every call is
 * safe to repeat. Resources are read anew at each request, so a changed one needs no call.
 */
export interface DataPlane {
  /** Called when the resource was created, and again when the cloud starts with it. Returns when the resource serves. */
  start(resource: StoredResource): Promise<void>;
  /**
   * Called after `start`, once everything that a change makes is there: what the cloud goes on to do before the provider calls
   * the change done.
   *
   * @throws where that fails after the cloud has taken the change.
   */
  settle?(resource: StoredResource, store: ResourceStore): Promise<void>;
  /** Ends what `start` began, and keeps what the resource holds for the next start. */
  stop(id: string): Promise<void>;
  /** Called when the resource is deleted, after `stop`: removes what it holds. */
  remove?(resource: StoredResource): Promise<void>;
}

/** An invocation of a function by hand, as its cloud's own API has it. */
export interface Invocation {
  /** The cloud's name of the function. */
  readonly functionName: string;
  /** Version or alias, where the cloud has such. Default: the newest. */
  readonly qualifier?: string;
  /** What the function is given, in JSON. Default: what a schedule gives it. */
  readonly payload?: string;
}

/** How an invocation ended. */
export interface Invoked {
  /** What the function gave back, or its error. */
  readonly payload: string;
  readonly failed: boolean;
  /** The last lines of the function's log, where the cloud gives them. */
  readonly log?: string;
}

/** How a debugger finds a function. */
export interface Debugging {
  /** Of this machine; one process listens, so the function has no second. */
  readonly port: number;
  /** Folder that the package debugpy is in. */
  readonly debugpy: string;
  /** Changes with the code, whose folder is always the same: a debugger knows the files by their paths. */
  readonly revision: string;
}

/** Code for a function in the place of what was deployed. */
export interface CodeChange {
  /** The cloud's name of the function. */
  readonly functionName: string;
  /** Folder of the code, without packages. Absent: what was deployed serves again. */
  readonly folder?: string;
  /** A debugger may attach, and stop the function as long as it likes. Default: none. */
  readonly debug?: Debugging;
}

/** Seconds that a function may take while a debugger may stop it. */
export const debuggedSeconds = 3_600;

/** What makes a process of a function wait for a debugger beside its work: see `supervised.py`. */
export function debugVariables(debug: Debugging | undefined): Record<string, string> {
  return debug === undefined
    ? {}
    : {
        LOCAL_DEBUGPY: `${debug.debugpy}:${debug.port}`,
        // It warns at each start of the standard library's frozen modules, in which no breakpoint is set.
        PYDEVD_DISABLE_FILE_VALIDATION: "1",
      };
}

/** New code does not start; what served before goes on. */
export class CodeError extends Error {}

/** @param input arguments of the command line, by their names without dashes. */
export type DataOperation = (input: Readonly<Record<string, string>>) => Promise<string>;

/** The data planes of one cloud. */
export interface CloudDataPlane {
  /** By resource type; a type that is not here does nothing by itself. */
  readonly types: Readonly<Record<string, DataPlane>>;
  /**
   * Invokes a function and waits for its end. Absent where the cloud has no such way.
   *
   * @throws where there is no such function, or it may not run.
   */
  invoke?(invocation: Invocation): Promise<Invoked>;
  /** What a function was once deployed as. Absent where the cloud has no such, or keeps them as resources. */
  readonly revisions?: {
    /**
     * @param traffic shares from 0 to 1, by the revision's name; together 1.
     * @throws where there is no such revision, or it does not start.
     */
    send(functionName: string, traffic: Readonly<Record<string, number>>): Promise<void>;
    /** Lets a tag name a revision, or none. */
    tag(functionName: string, tag: string, revision?: string): void;
    /** @throws where it has traffic. */
    delete(functionName: string, revision: string): Promise<void>;
  };
  /**
   * Serves a function from other code, with the packages and the configuration that were deployed, as soon as that code has
   * started. Versions that are asked for by their number stay what they are. It lasts as long as this cloud runs. Absent
   * where the cloud has no such way.
   *
   * @throws {CodeError} with the traceback, where the code does not start; what served goes on.
   */
  changeCode?(change: CodeChange): Promise<void>;
  /**
   * What an operator does with the data of tables, by the words of the cloud's command line, e.g. `dynamodb create-backup`.
   *
   * @throws as the cloud refuses it.
   */
  readonly data?: Readonly<Record<string, DataOperation>>;
  /** Stops everything that was started; the processes among it are gone when it returns. */
  close(): Promise<void>;
}

/** A resource type that answers HTTP requests on an address of its own. */
export class HttpDataPlane implements DataPlane {
  readonly #listeners = new Map<string, Listener>();

  /**
   * @param address picks the address from the outputs, e.g. `127.0.0.1:8000` or a URL of it.
   * @param handler what answers the requests to the resource with this id.
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
