import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import { BuildError } from "./build-error";
import { cacheDirectory, writeAtomically } from "./cache";
import type { Wheel } from "./wheel-index";

/** Wheels fetched at the same time. */
const parallel = 8;
/** Milliseconds that an index may take for one wheel. */
const patience = 120_000;
const attempts = 3;

/** The bytes of every wheel, from the cache or the index, each checked against its hash whatever it came from. */
export async function fetchWheels(wheels: readonly Wheel[], onFetch: (wheel: Wheel) => void): Promise<Buffer[]> {
  const contents = new Array<Buffer>(wheels.length);
  const queue = [...wheels.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, wheel] = next;
      contents[index] = await obtain(wheel, onFetch);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return contents;
}

async function obtain(wheel: Wheel, onFetch: (wheel: Wheel) => void): Promise<Buffer> {
  const file = cacheDirectory("wheels", `${wheel.sha256}.whl`);
  const cached = await readFile(file).catch(() => undefined);
  if (cached !== undefined && sha256(cached) === wheel.sha256) return cached;

  onFetch(wheel);
  const content = await download(wheel);
  await writeAtomically(file, content);
  return content;
}

async function download(wheel: Wheel): Promise<Buffer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(wheel.url, { signal: AbortSignal.timeout(patience) });
      if (!response.ok) throw new Error(`the index answered ${response.status} ${response.statusText}`);
      const content = Buffer.from(await response.arrayBuffer());
      const found = sha256(content);
      if (found !== wheel.sha256) {
        throw new Error(`its ${content.length} bytes have sha256 ${found}, the lock says ${wheel.sha256}`);
      }
      return content;
    } catch (error) {
      if (attempt < attempts) continue;
      throw new BuildError(
        `${wheel.filename} could not be fetched: ${error instanceof Error ? error.message : String(error)}; ` +
          `check the network and the index, then build again (what was fetched is kept)`,
      );
    }
  }
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
