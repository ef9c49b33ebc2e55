import { createConnection, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { type PythonProcess, type PythonProcessOptions, startPython } from "./process";

/** Milliseconds that a server may take until it listens. */
const startLimit = 60_000;

/** Lines of a server's log that explain why it did not start. */
const explainingLines = 20;

interface Instance {
  readonly configuration: string;
  readonly running: Promise<{ readonly origin: string; readonly process: PythonProcess }>;
}

/**
 * Server processes that a cloud runs functions in, one for each function: started when first asked for, kept warm, and
 * replaced when the function's configuration has changed or its process has ended.
 */
export class Instances {
  readonly #instances = new Map<string, Instance>();

  /**
   * Where the function's server listens, e.g. `127.0.0.1:8000`.
   *
   * @param configuration whatever makes a new process necessary.
   * @param launch what to run, given the port to listen on.
   * @throws where the server ends, or does not listen in time, with the end of its log.
   */
  async origin(
    name: string,
    configuration: string,
    launch: (port: number) => Promise<PythonProcessOptions>,
  ): Promise<string> {
    const current = this.#instances.get(name);
    if (current?.configuration === configuration) return (await current.running).origin;

    const instance: Instance = { configuration, running: this.#start(launch) };
    this.#instances.set(name, instance);
    const forget = () => {
      if (this.#instances.get(name) === instance) this.#instances.delete(name);
    };
    instance.running.then(({ process }) => process.exited.then(forget, forget), forget);
    const { origin } = await instance.running.catch((error: unknown) => {
      // What serves goes on serving, until something else can.
      if (current !== undefined && !this.#instances.has(name)) this.#instances.set(name, current);
      throw error;
    });
    // The old one has served until now.
    if (current) await end(current);
    return origin;
  }

  async stop(name: string): Promise<void> {
    const instance = this.#instances.get(name);
    this.#instances.delete(name);
    if (instance) await end(instance);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#instances.keys()].map((name) => this.stop(name)));
  }

  async #start(launch: (port: number) => Promise<PythonProcessOptions>) {
    const port = await freePort();
    const options = await launch(port);
    const lines: string[] = [];
    const process = startPython({
      ...options,
      onLine(line) {
        options.onLine(line);
        if (lines.push(line) > explainingLines) lines.shift();
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
        throw new Error(`the function's server did not start: ${failure}\n${lines.join("\n")}`);
      }
      await sleep(10);
    }
    return { origin: `127.0.0.1:${port}`, process };
  }
}

async function end({ running }: Instance): Promise<void> {
  await running.then(
    ({ process }) => process.stop(),
    () => undefined,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("this machine gave no port"));
      });
    });
  });
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
