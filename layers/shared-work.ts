import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { cacheDirectory } from "./cache";

/** Milliseconds between two attempts to take a lock that another process holds. */
const pause = 100;
/**
 * Milliseconds after which a lock that is no longer renewed counts as abandoned. For a process on this machine its pid
 * is checked instead.
 */
const abandoned = 60_000;

/**
 * Runs `act` while no other process of this user runs it for the same key. The others wait, and find the result in the
 * cache. The lock only saves repeated work: cache entries appear atomically without it.
 *
 * @param key a valid file name.
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

/** Waits for a lock; false if it cannot be created, e.g. in a read-only cache. */
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
  // The lock was released in the meantime, or its owner has not written its pid yet.
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
