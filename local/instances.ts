import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "./free-port";
import { type PythonProcess, type PythonProcessOptions, startPython } from "./process";

/** Milliseconds for a server to start listening. */
const startLimit = 60_000;

/** Log lines to show when a server did not start. */
const explainingLines = 20;

/** Log lines to keep during the start: a traceback may be longer than what is shown. */
const keptLines = 200;

/** A server ended, or did not listen in time. */
export class StartError extends Error {
  /** @param log the last lines of its log. */
  constructor(
    reason: string,
    readonly log: readonly string[],
  ) {
    super(`the function's server did not start: ${reason}\n${log.slice(-explainingLines).join("\n")}`);
  }
}

interface Instance extends Pick<PythonProcessOptions, "onEnd"> {
  readonly configuration: string;
  readonly origin: string;
  readonly process: PythonProcess;
}

/**
 * A cloud's server processes for functions, one for each function: started on demand, kept warm, and replaced when the
 * function's configuration changes or the process ends. The old process serves until its replacement listens.
 */
export class Instances {
  readonly #serving = new Map<string, Instance>();
  /** The starting process of each function. */
  readonly #starting = new Map<string, { readonly configuration: string; readonly origin: Promise<string> }>();

  /**
   * The address of a function's server, e.g. `127.0.0.1:8000`.
   *
   * @param configuration changes whenever a new process is needed.
   * @param launch returns the program to run, given the port to listen on.
   * @throws {StartError} if the server ends, or does not listen in time.
   */
  async origin(
    name: string,
    configuration: string,
    launch: (port: number) => Promise<PythonProcessOptions>,
  ): Promise<string> {
    for (;;) {
      const serving = this.#serving.get(name);
      if (serving?.configuration === configuration) return serving.origin;
      const starting = this.#starting.get(name);
      if (starting?.configuration === configuration) return starting.origin;
      if (starting === undefined) break;
      await settled(starting.origin);
    }
    const origin = this.#replace(name, configuration, launch);
    this.#starting.set(name, { configuration, origin });
    return origin;
  }

  /** Whether its server listens. */
  serves(name: string, configuration: string): boolean {
    return this.#serving.get(name)?.configuration === configuration;
  }

  async stop(name: string): Promise<void> {
    await settled(this.#starting.get(name)?.origin);
    const serving = this.#serving.get(name);
    this.#serving.delete(name);
    await serving?.process.stop();
  }

  async close(): Promise<void> {
    const names = new Set([...this.#starting.keys(), ...this.#serving.keys()]);
    await Promise.all([...names].map((name) => this.stop(name)));
  }

  async #replace(
    name: string,
    configuration: string,
    launch: (port: number) => Promise<PythonProcessOptions>,
  ): Promise<string> {
    try {
      const instance: Instance = { configuration, ...(await this.#start(launch)) };
      const replaced = this.#serving.get(name);
      this.#serving.set(name, instance);
      const forget = (how: unknown) => {
        if (this.#serving.get(name) !== instance) return;
        this.#serving.delete(name);
        instance.onEnd?.(String(how));
      };
      instance.process.exited.then(forget, forget);
      await replaced?.process.stop();
      return instance.origin;
    } finally {
      this.#starting.delete(name);
    }
  }

  async #start(launch: (port: number) => Promise<PythonProcessOptions>) {
    const port = await freePort();
    const options = await launch(port);
    const lines: string[] = [];
    const process = startPython({
      ...options,
      onLine(line) {
        options.onLine(line);
        if (lines.push(line) > keptLines) lines.shift();
      },
    });
    let status: string | undefined;
    process.exited.then(
      (how) => (status = how),
      (error: unknown) => (status = String(error)),
    );
    const deadline = Date.now() + startLimit;
    while (!(await accepts(port))) {
      const failure = status ?? (Date.now() > deadline ? `no answer in ${startLimit / 1000} seconds` : undefined);
      if (failure !== undefined) {
        await process.stop();
        throw new StartError(failure, lines);
      }
      await sleep(10);
    }
    return { origin: `127.0.0.1:${port}`, process, onEnd: options.onEnd };
  }
}

/** Waits for the end of a start, successful or not. */
async function settled(origin?: Promise<string>): Promise<void> {
  await origin?.catch(() => undefined);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
