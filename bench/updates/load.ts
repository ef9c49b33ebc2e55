import { once } from "node:events";
import path from "node:path";
import { Worker } from "node:worker_threads";

/** A request that was made, and what came of it. */
export interface Asked {
  readonly url: string;
  /** Absent where there was no answer. */
  readonly status?: number;
  readonly error?: string;
  /** What release answered, where the answer says it. */
  readonly release?: string;
  /** Milliseconds until the answer. */
  readonly ms: number;
}

/** Asks each address so many times a second, answered or not, until it is stopped. */
export function askSteadily(urls: readonly string[], rate = 20): { stop: () => Promise<Asked[]> } {
  // Without what this process was started with, which loads TypeScript.
  const worker = new Worker(path.join(__dirname, "load-worker.mjs"), { workerData: { urls, rate }, execArgv: [] });
  return {
    stop: async () => {
      worker.postMessage("stop");
      const [asked] = (await once(worker, "message")) as [Asked[]];
      await worker.terminate();
      return asked;
    },
  };
}
