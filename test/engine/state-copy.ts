import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import path from "node:path";

import { freePort } from "../../local/free-port";

/** Files of a running cloud that a stopped one does not need. */
const transient = new Set(["cloud.json", "cloud.pid", "cloud.log"]);

/**
 * Makes an engine that is not interrupted write its state once, instead of after each resource: a quarter of its time.
 */
export const savedAtTheEnd = { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" } as const;

/**
 * Copies the state folder of stopped local clouds. The copy is an independent deployment: every address in it has a
 * free port, and every path is below the copy, so that both can run at the same time.
 */
export async function copyState(from: string, to: string): Promise<void> {
  await replaceState(from, to);
  const files = readdirSync(to, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.json(\.bak)?$/.test(entry.name) && !entry.parentPath.endsWith("blobs"))
    .map(({ parentPath, name }) => ({ file: path.join(parentPath, name) }))
    .map(({ file }) => ({ file, text: readFileSync(file, "utf8") }));
  const address = /127\.0\.0\.1:\d+/g;
  const old = [...new Set(files.flatMap(({ text }) => text.match(address) ?? []))];
  const free = await freePorts(old.length);
  const moved = new Map(old.map((origin, index) => [origin, `127.0.0.1:${free[index] ?? 0}`]));
  for (const { file, text } of files) {
    const changed = text.replaceAll(from, to).replace(address, (origin) => moved.get(origin) ?? origin);
    if (changed !== text) writeFileSync(file, changed);
  }
}

/** Copies a state folder with its addresses and paths over another: for a return to an earlier state of it. */
export async function replaceState(from: string, to: string): Promise<void> {
  rmSync(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true, filter: (source) => !transient.has(path.basename(source)) });
}

/** Different free ports. */
async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) found.add(await freePort());
  return [...found];
}
