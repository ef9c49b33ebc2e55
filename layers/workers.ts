import path from "node:path";
import { Worker, type Transferable } from "node:worker_threads";

/** Threads that do work beside each other, each a piece at a time. */
export class Workers<Request extends object, Answer> {
  readonly #workers: { readonly worker: Worker; busy: boolean }[] = [];
  readonly #waiting: (() => void)[] = [];

  /**
   * @param program file of this folder, which answers each message by `{ answer }`.
   * @param most threads at a time.
   */
  constructor(
    private readonly program: string,
    private readonly most: number,
  ) {}

  /**
   * @param make the request, once a thread is free for it: what waits takes no memory.
   * @throws where the program fails; the thread is gone then, and another one takes its place.
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
      this.#waiting.shift()?.();
    }
  }

  /** Ends the threads, and gives their memory back. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map(({ worker }) => worker.terminate()));
  }

  async #free() {
    for (;;) {
      const idle = this.#workers.find(({ busy }) => !busy);
      if (idle !== undefined) {
        idle.busy = true;
        return idle;
      }
      if (this.#workers.length < this.most) {
        const worker = new Worker(path.join(__dirname, this.program), {
          // Nothing that this process was started with: it would load what loads TypeScript.
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
