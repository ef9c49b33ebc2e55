import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";

import * as yauzl from "yauzl";

import { cacheDirectory, unwritable } from "./cache";

/** A file of the store, addressed by its content. */
export interface Blob {
  readonly path: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
}

/**
 * A folder with the content of the zips, where two have a file at one path that of the later: `/opt` as Lambda makes it
 * from layers. Unpacked once for all local clouds of this user.
 *
 * Only root can write to its files. Its folders stay writable, where those of the clouds are not: a folder that its owner may
 * not write to is one that `rm -rf` cannot delete. What a function adds there stays until the cache is deleted.
 */
export async function unpacked(archives: readonly Blob[]): Promise<string> {
  const key = createHash("sha256")
    .update(archives.map(({ sha256 }) => sha256).join(" "))
    .digest("hex");
  return onceInCache("unpacked", key, async (directory) => {
    for (const archive of archives) await unpack(archive.path, directory);
  });
}

/**
 * The folder `kind/key` of the cache, which `build` fills where it does not exist yet. It appears whole or not at all,
 * which other processes build it at the same time and whenever this process ends.
 */
export async function onceInCache(
  kind: string,
  key: string,
  build: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = path.join(cacheDirectory(kind), key);
  if (await exists(directory)) return directory;

  let unfinished: string;
  try {
    await mkdir(path.dirname(directory), { recursive: true });
    unfinished = await mkdtemp(`${directory}.`);
  } catch (error) {
    throw unwritable(directory, error);
  }
  try {
    await build(unfinished);
    // mkdtemp keeps others out; what is in the cache may be read by all who may read the cache.
    await chmod(unfinished, 0o755);
    await rename(unfinished, directory);
  } catch (error) {
    if (!(await exists(directory))) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return directory;
}

async function unpack(archive: string, directory: string): Promise<void> {
  // Refuses absolute paths, and paths that lead out of the folder.
  const zip = await yauzl.openPromise(archive);
  for await (const entry of zip.eachEntry()) {
    const target = path.join(directory, entry.fileName);
    if (entry.fileName.endsWith("/")) {
      await mkdir(target, { recursive: true });
      continue;
    }
    await mkdir(path.dirname(target), { recursive: true });
    await rm(target, { force: true });
    const executable = (entry.externalFileAttributes >>> 16) & 0o111;
    await pipeline(
      await zip.openReadStreamPromise(entry),
      createWriteStream(target, { mode: executable ? 0o555 : 0o444 }),
    );
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
