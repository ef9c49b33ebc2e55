// A thread of its own: what the asking program does besides is not seen in the figures. Plain JavaScript, which starts at once.
import { parentPort, workerData } from "node:worker_threads";

/** Milliseconds until a request counts as not answered; every cloud's gateway gives up before. */
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
