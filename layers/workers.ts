import path from "node:path";
import { Worker, type Transferable } from "node:worker_threads";

/** Worker threads, each of which handles one request at a time. */
export class Workers<Request extends object, Answer> {
  readonly #workers: { readonly worker: Worker; busy: boolean }[] = [];
  readonly #waiting: (() => void)[] = [];

  /**
   * @param program file in this folder, which answers each message with `{ answer }`.
   * @param most maximum number of threads.
   */
  constructor(
    private readonly program: string,
    private readonly most: number,
  ) {}

  /**
   * @param make creates the request when a thread is free, so that waiting requests take no memory.
   * @throws if the program fails; its thread is then replaced.
   */
  async run(make: () => Request, transfer: (request: Request) => readonly Transferable[] = () => []): Promise<Answer> {
    const thread = await this.#free();
    try {
      const request = make();
      return await new Promise<Answer>((resolve, reject) => {
        thread.worker.once("message", ({ answer }: { answer: Answer }) => {
          thread.worker.off("error", reject);
          resolve(answer);
        });
        thread.worker.once("error", reject);
        thread.worker.postMessage(request, transfer(request));
      });
    } catch (error) {
      this.#workers.splice(this.#workers.indexOf(thread), 1);
      throw error;
    } finally {
      thread.busy = false;
      // An idle thread does not keep the process running.
      thread.worker.unref();
      this.#waiting.shift()?.();
    }
  }

  /** Ends the threads that are idle; the next request starts one again. */
  async closeIdle(): Promise<void> {
    const idle = this.#workers.filter(({ busy }) => !busy);
    for (const thread of idle) this.#workers.splice(this.#workers.indexOf(thread), 1);
    await Promise.all(idle.map(({ worker }) => worker.terminate()));
  }

  /** Ends the threads and frees their memory. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map(({ worker }) => worker.terminate()));
  }

  async #free() {
    for (;;) {
      const idle = this.#workers.find(({ busy }) => !busy);
      if (idle !== undefined) {
        idle.busy = true;
        idle.worker.ref();
        return idle;
      }
      if (this.#workers.length < this.most) {
        const worker = new Worker(path.join(__dirname, this.program), {
          // Do not inherit this process's arguments: they would load the TypeScript loader.
          execArgv: [],
          resourceLimits: { stackSizeMb: 16 },
        });
        const thread = { worker, busy: true };
        this.#workers.push(thread);
        return thread;
      }
      await new Promise<void>((resume) => this.#waiting.push(resume));
    }
  }
}
