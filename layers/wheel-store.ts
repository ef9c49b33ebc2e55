import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { BuildError, reasonOf } from "./build-error";
import { cacheDirectory, sha256, writeAtomically } from "./cache";
import { credentialsFor, credentialSources } from "./index-credentials";
import { proxyFor } from "./proxy";
import type { Wheel } from "./wheel-index";

/** A wheel that the index no longer gives, or not now. */
export class UnreachableWheel extends BuildError {}

/** Requests to the index at the same time. */
const parallel = 8;
const attempts = 3;
/** Milliseconds before the second attempt; doubled before each one after. */
const pause = 250;
/** Seconds that an index may ask to wait for (`Retry-After`); for more than that, a person decides. */
const longestPause = 60;
/** Bytes of the largest file that is taken from an index which says no size. */
const largest = 4 * 1024 ** 3;

/** Bytes per second that an index has to send, measured over ten times as long as it may be silent: a download ends. */
const slowest = 1024;
const measuredSeconds = () => 10 * silence();

/** Seconds without a byte after which a request has failed: uv's own setting and its default. */
const silence = () => Number(process.env.UV_HTTP_TIMEOUT) || 30;

/**
 * Runs `use` on the bytes of every wheel, one after another as they come: from the cache, or from the index. The bytes are
 * checked against the hash wherever they come from, so a damaged file in the cache is fetched again.
 *
 * @param use is given the content, and the file that has it.
 * @throws {UnreachableWheel} where one cannot be had, or has another hash; what was fetched before is kept.
 */
export async function withWheels<Result>(
  wheels: readonly Wheel[],
  onFetch: (wheel: Wheel) => void,
  use: (wheel: Wheel, content: Buffer, file: string) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(wheels.length);
  // The largest first: it takes longest.
  const queue = [...wheels.entries()].sort(([, a], [, b]) => (b.size ?? 0) - (a.size ?? 0));
  // One wheel at a time is in memory.
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
    // After a failure, no other download begins.
    queue.length = 0;
  }
  return results;
}

/**
 * A file of an index in the cache, fetched where it is not there, with the hash that it has to have.
 *
 * @throws {UnreachableWheel} where it cannot be had, or has another hash.
 */
export async function fetchedFile(wheel: Wheel, onFetch: () => void): Promise<string> {
  const content = await readFile(fileOf(wheel)).catch(() => undefined);
  if (content === undefined || sha256(content) !== wheel.sha256) await fetched(wheel, onFetch);
  return fileOf(wheel);
}

const fileOf = ({ sha256: hash }: Wheel) => cacheDirectory("wheels", `${hash}.whl`);

/** By hash, what is being fetched now: the clouds' bundles are built at the same time, and share most wheels. */
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

/** The index wants to be asked later. */
class Busy extends Error {
  constructor(
    message: string,
    readonly seconds: number,
  ) {
    super(message);
  }
}

/** Writes the file as it comes, and keeps it where it has the wheel's size and hash. */
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
  // A folder of wheels (UV_FIND_LINKS) is an index too.
  if (url.protocol === "file:") {
    yield* createReadStream(url) as AsyncIterable<Uint8Array>;
    return;
  }
  const headers = await credentialsFor(url, index);
  // fetch takes none in an address, and repeats them in its error.
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

/** `fetch`, through the proxy that the environment names for an address. */
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

/** Seconds from now; undefined where the header says nothing that can be understood. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds));
}
