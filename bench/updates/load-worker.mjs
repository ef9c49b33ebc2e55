// A thread of its own, so that other work of the program does not affect the figures. Plain JavaScript starts at once.
import { parentPort, workerData } from "node:worker_threads";

/** Request timeout in milliseconds, longer than that of every cloud's gateway. */
const patience = 60_000;

const asked = [];

async function ask(url) {
  const started = performance.now();
  const ms = () => Math.round(performance.now() - started);
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(patience) });
    await answer.text();
    return { url, status: answer.status, release: answer.headers.get("x-release") ?? undefined, ms: ms() };
  } catch (error) {
    const { message, cause } = error;
    return { url, error: cause instanceof Error ? cause.message : message, ms: ms() };
  }
}

const { urls, rate } = workerData;
const timer = setInterval(() => {
  for (const url of urls) asked.push(ask(url));
}, 1000 / rate);

parentPort.once("message", async () => {
  clearInterval(timer);
  parentPort.postMessage(await Promise.all(asked));
});
