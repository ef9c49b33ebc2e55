import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { cacheDirectory } from "./cache";

/** Milliseconds between two looks at a lock that another process has. */
const pause = 100;
/** Milliseconds after which a lock that no process renews is of a process that is gone; on this machine that is known at once. */
const abandoned = 60_000;

/**
 * Runs `act` while no other process of this user does so for the same key: the others wait, and find in the cache what it has
 * made. Nothing is wrong without it, since what is in the cache appears whole; the same work is only done once.
 *
 * @param key a name for a file.
 */
export async function onlyOne<Value>(key: string, act: () => Promise<Value>): Promise<Value> {
  const lock = cacheDirectory("locks", key);
  if (!(await acquired(lock))) return act();
  const renewing = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => undefined);
  }, abandoned / 10);
  renewing.unref();
  try {
    return await act();
  } finally {
    clearInterval(renewing);
    await rm(lock, { force: true });
  }
}

/** Waits for a lock; false where there can be none, as in a cache that may not be written. */
async function acquired(lock: string): Promise<boolean> {
  await mkdir(path.dirname(lock), { recursive: true }).catch(() => undefined);
  for (;;) {
    try {
      await writeFile(lock, `${os.hostname()} ${process.pid}`, { flag: "wx" });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return false;
    }
    if (await isAbandoned(lock)) await rm(lock, { force: true });
    else await delay(pause);
  }
}

async function isAbandoned(lock: string): Promise<boolean> {
  const [text, found] = await Promise.all([readFile(lock, "utf8"), stat(lock)]).catch(() => ["", undefined] as const);
  // It was released in between, or its process is about to write who it is.
  if (found === undefined) return false;
  if (Date.now() - found.mtimeMs > abandoned) return true;
  const [host, pid] = text.split(" ");
  return host === os.hostname() && pid !== undefined && !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
