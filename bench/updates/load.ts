import { once } from "node:events";
import path from "node:path";
import { Worker } from "node:worker_threads";

/** A request and its result. */
export interface Asked {
  readonly url: string;
  /** Absent without a response. */
  readonly status?: number;
  readonly error?: string;
  /** The release in the response, if any. */
  readonly release?: string;
  /** Response time in milliseconds. */
  readonly ms: number;
}

/** Sends requests to each address at a fixed rate, independent of responses, until it is stopped. */
export function askSteadily(urls: readonly string[], rate = 20): { stop: () => Promise<Asked[]> } {
  // Without this process's options, which load TypeScript.
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
