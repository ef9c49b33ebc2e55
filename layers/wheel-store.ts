import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { BuildError, reasonOf } from "./build-error";
import { cacheDirectory, sha256, writeAtomically } from "./cache";
import type { Wheel } from "./wheel-index";

/** A wheel that the index no longer gives, or not now. */
export class UnreachableWheel extends BuildError {}

/** Requests to the index at the same time. */
const parallel = 8;
const attempts = 3;
/** Milliseconds before the second attempt; doubled before each one after. */
const pause = 250;

/** Seconds without a byte after which a request has failed: uv's own setting and its default. */
const silence = () => Number(process.env.UV_HTTP_TIMEOUT) || 30;

/**
 * Runs `use` on the bytes of every wheel, as soon as each is there: from the cache, or from the index. The bytes are checked
 * against the hash wherever they come from, so a damaged file in the cache is fetched again.
 *
 * @throws {UnreachableWheel} where one cannot be had, or has another hash; what was fetched before is kept.
 */
export async function withWheels<Result>(
  wheels: readonly Wheel[],
  onFetch: (wheel: Wheel) => void,
  use: (wheel: Wheel, content: Buffer) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(wheels.length);
  // The largest first: it takes longest.
  const queue = [...wheels.entries()].sort(([, a], [, b]) => (b.size ?? 0) - (a.size ?? 0));
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, wheel] = next;
      results[index] = await use(wheel, await obtain(wheel, onFetch));
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, worker));
  } finally {
    // After a failure, nobody begins another one.
    queue.length = 0;
  }
  return results;
}

async function obtain(wheel: Wheel, onFetch: (wheel: Wheel) => void): Promise<Buffer> {
  const file = cacheDirectory("wheels", `${wheel.sha256}.whl`);
  const cached = await readFile(file).catch(() => undefined);
  if (cached !== undefined && sha256(cached) === wheel.sha256) return cached;

  const fetching = underway.get(wheel.sha256) ?? fetchInto(file, wheel, onFetch);
  underway.set(wheel.sha256, fetching);
  return fetching.finally(() => underway.delete(wheel.sha256));
}

/** By hash, what is being fetched now: the clouds' bundles are built at the same time, and share most wheels. */
const underway = new Map<string, Promise<Buffer>>();

async function fetchInto(file: string, wheel: Wheel, onFetch: (wheel: Wheel) => void): Promise<Buffer> {
  onFetch(wheel);
  const content = await download(wheel);
  await writeAtomically(file, content);
  return content;
}

async function download(wheel: Wheel): Promise<Buffer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const content = await request(wheel.url);
      const found = sha256(content);
      if (found === wheel.sha256) return content;
      throw new Error(`its ${content.length} bytes have sha256 ${found}, the lock accepts ${wheel.sha256}`);
    } catch (error) {
      if (attempt < attempts) {
        await delay(pause * 2 ** (attempt - 1));
        continue;
      }
      throw new UnreachableWheel(
        `${wheel.filename} of ${wheel.name} ${wheel.version} could not be fetched: ${reasonOf(error)}; ` +
          `check the network and the index, then build again (what was fetched is kept)`,
      );
    }
  }
}

async function request(address: string): Promise<Buffer> {
  const url = new URL(address);
  // A folder of wheels (UV_FIND_LINKS) is an index too.
  if (url.protocol === "file:") return readFile(url);
  const headers = credentialsFor(url);
  // fetch takes none in an address, and repeats them in its error.
  url.username = url.password = "";
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort(new Error(`the index sent nothing for ${silence()} s (UV_HTTP_TIMEOUT)`));
  }, silence() * 1000);
  try {
    const response = await fetch(url, { signal: abort.signal, headers });
    if (!response.ok) {
      const way = [401, 403].includes(response.status)
        ? `; user and password are read from the index's address in ${indexSettings.join(", ")}`
        : "";
      throw new Error(`the index answered ${response.status} ${response.statusText}${way}`);
    }
    const chunks: Uint8Array[] = [];
    const body: AsyncIterable<Uint8Array> | null = response.body;
    for await (const chunk of body ?? []) {
      timer.refresh();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(timer);
  }
}

/** Settings that hold addresses of indexes, as uv reads them: several in one, and each may have a name before it. */
const indexSettings = ["UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"];

/** User and password of a file's address, else of the index that it is on: one that asks for them asks at its files too. */
function credentialsFor(file: URL): Record<string, string> {
  const indexes = indexSettings
    .flatMap((name) => (process.env[name] ?? "").split(/\s+|,(?=\w+:)/))
    .map((address) => address.replace(/^[\w-]+=/, ""))
    .filter((address) => URL.canParse(address))
    .map((address) => new URL(address));
  const owner = [file, ...indexes].find(({ origin, username }) => origin === file.origin && username !== "");
  if (owner === undefined) return {};
  const pair = [owner.username, owner.password].map(decodeURIComponent).join(":");
  return { Authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
