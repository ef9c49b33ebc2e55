import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { BuildError, reasonOf } from "./build-error";
import { cacheDirectory, sha256, writeAtomically } from "./cache";
import { credentialsFor, credentialSources } from "./index-credentials";
import { proxyFor } from "./proxy";
import type { Wheel } from "./wheel-index";

/** A wheel cannot be fetched from the index, now or any more. */
export class UnreachableWheel extends BuildError {}

/** Parallel requests to the index. */
const parallel = 8;
const attempts = 3;
/** Milliseconds before the second attempt; doubled for each further one. */
const pause = 250;
/** The longest `Retry-After` that is waited for, in seconds; a longer one is an error. */
const longestPause = 60;
/** Bytes of the largest file that is accepted from an index that gives no size. */
const largest = 4 * 1024 ** 3;

/**
 * The minimum rate of a download in bytes per second, measured over ten times the timeout below, so that every download
 * ends.
 */
const slowest = 1024;
const measuredSeconds = () => 10 * silence();

/** Seconds without a byte after which a request fails: uv's variable and its default. */
const silence = () => Number(process.env.UV_HTTP_TIMEOUT) || 30;

/**
 * Calls `use` with the content of every wheel, one after another as they arrive, from the cache or the index. The hash
 * is checked in both cases, so a damaged file in the cache is fetched again.
 *
 * @param use receives the content, and the file that holds it.
 * @throws {UnreachableWheel} if a wheel cannot be fetched, or has another hash; fetched wheels stay in the cache.
 */
export async function withWheels<Result>(
  wheels: readonly Wheel[],
  onFetch: (wheel: Wheel) => void,
  use: (wheel: Wheel, content: Buffer, file: string) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(wheels.length);
  // The largest wheel first, since it takes longest.
  const queue = [...wheels.entries()].sort(([, a], [, b]) => (b.size ?? 0) - (a.size ?? 0));
  // Only one wheel at a time is in memory.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <Value>(act: () => Promise<Value>): Promise<Value> => {
    const acting = turn.then(act);
    turn = acting.catch(() => undefined);
    return acting;
  };
  const used = (index: number, wheel: Wheel) =>
    inTurn(async () => {
      const file = fileOf(wheel);
      const content = await readFile(file).catch(() => undefined);
      if (content === undefined || sha256(content) !== wheel.sha256) return false;
      results[index] = await use(wheel, content, file);
      return true;
    });
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, wheel] = next;
      if (await used(index, wheel)) continue;
      await fetched(wheel, onFetch);
      if (!(await used(index, wheel))) {
        throw new UnreachableWheel(`${wheel.filename} was fetched, and is damaged in ${fileOf(wheel)}; build again`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, worker));
  } finally {
    // After a failure no further download starts.
    queue.length = 0;
  }
  return results;
}

/**
 * A file of an index in the cache, fetched if necessary, with its hash checked.
 *
 * @throws {UnreachableWheel} if it cannot be fetched, or has another hash.
 */
export async function fetchedFile(wheel: Wheel, onFetch: () => void): Promise<string> {
  const content = await readFile(fileOf(wheel)).catch(() => undefined);
  if (content === undefined || sha256(content) !== wheel.sha256) await fetched(wheel, onFetch);
  return fileOf(wheel);
}

const fileOf = ({ sha256: hash }: Wheel) => cacheDirectory("wheels", `${hash}.whl`);

/** Downloads in progress, by hash: the clouds' bundles are built in parallel and share most wheels. */
const underway = new Map<string, Promise<void>>();

function fetched(wheel: Wheel, onFetch: (wheel: Wheel) => void): Promise<void> {
  const fetching = underway.get(wheel.sha256) ?? download(wheel, onFetch);
  underway.set(wheel.sha256, fetching);
  return fetching.finally(() => underway.delete(wheel.sha256));
}

async function download(wheel: Wheel, onFetch: (wheel: Wheel) => void): Promise<void> {
  onFetch(wheel);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await downloadOnce(wheel);
      return;
    } catch (error) {
      const wait = error instanceof Busy ? error.seconds * 1000 : pause * 2 ** (attempt - 1);
      if (attempt < attempts && wait <= longestPause * 1000 && !(error instanceof BuildError)) {
        await delay(wait);
        continue;
      }
      if (error instanceof BuildError) throw error;
      throw new UnreachableWheel(
        `${wheel.filename} of ${wheel.name} ${wheel.version} could not be fetched: ${reasonOf(error)}; ` +
          `check the network and the index, then build again (what was fetched is kept)`,
      );
    }
  }
}

/** The index asked to retry later. */
class Busy extends Error {
  constructor(
    message: string,
    readonly seconds: number,
  ) {
    super(message);
  }
}

/** Downloads a file, and keeps it if its size and hash match the wheel's. */
async function downloadOnce(wheel: Wheel): Promise<void> {
  let failure: unknown;
  async function* checked() {
    try {
      const hash = createHash("sha256");
      let length = 0;
      for await (const chunk of bodyOf(wheel)) {
        length += chunk.length;
        if (length > (wheel.size ?? largest)) {
          throw new Error(`the index sends more than the ${wheel.size ?? largest} bytes that the file has`);
        }
        hash.update(chunk);
        yield chunk;
      }
      const found = hash.digest("hex");
      if (found !== wheel.sha256) {
        throw new Error(`its ${length} bytes have sha256 ${found}, the lock accepts ${wheel.sha256}`);
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  try {
    await writeAtomically(fileOf(wheel), checked());
  } catch (error) {
    throw failure ?? error;
  }
}

async function* bodyOf({ url: address, index }: Wheel): AsyncGenerator<Uint8Array> {
  const url = new URL(address);
  // A folder of wheels (UV_FIND_LINKS) counts as an index too.
  if (url.protocol === "file:") {
    yield* createReadStream(url) as AsyncIterable<Uint8Array>;
    return;
  }
  const headers = await credentialsFor(url, index);
  // fetch rejects an address with credentials, and repeats them in its error.
  url.username = url.password = "";
  const { close, fetchThrough } = await fetcher(url);
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort(new Error(`the index sent nothing for ${silence()} s (UV_HTTP_TIMEOUT)`));
  }, silence() * 1000);
  let sent = 0;
  const trickling = setInterval(() => {
    const enough = slowest * measuredSeconds();
    if (sent < enough) {
      abort.abort(new Error(`the index sent ${sent} bytes in ${measuredSeconds()} s, expected at least ${enough}`));
    }
    sent = 0;
  }, measuredSeconds() * 1000);
  try {
    const response = await fetchThrough(url, { signal: abort.signal, headers });
    if (!response.ok) {
      const way = [401, 403].includes(response.status) ? `; user and password are read from ${credentialSources}` : "";
      const message = `the index answered ${response.status} ${response.statusText}${way}`;
      const later = [429, 503].includes(response.status) ? retryAfter(response.headers.get("retry-after")) : undefined;
      throw later === undefined ? new Error(message) : new Busy(`${message}, and asks to wait for ${later} s`, later);
    }
    const body: AsyncIterable<Uint8Array> | null = response.body;
    for await (const chunk of body ?? []) {
      timer.refresh();
      sent += chunk.length;
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
    clearInterval(trickling);
    abort.abort();
    await close();
  }
}

/** `fetch`, through the proxy for the address. */
async function fetcher(url: URL) {
  const proxy = proxyFor(url);
  if (proxy === undefined) return { fetchThrough: fetch, close: () => Promise.resolve() };
  const { fetch: fetchBy, ProxyAgent } = await import("undici");
  const dispatcher = new ProxyAgent(proxy);
  return {
    fetchThrough: (address: URL, options: { signal: AbortSignal; headers: Record<string, string> }) =>
      fetchBy(address, { ...options, dispatcher }),
    close: () => dispatcher.destroy(),
  };
}

/** Seconds from now; undefined if the header cannot be parsed. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds));
}
