import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";

import * as yauzl from "yauzl";

import { cacheDirectory, unwritable } from "./cache";

/** A file in content-addressed storage. */
export interface Blob {
  readonly path: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
}

/**
 * A folder with the unpacked content of the zips, merged as Lambda merges layers into `/opt`: a later zip overwrites an
 * earlier one. All local clouds of a user share it.
 *
 * Files are read-only. Folders stay writable, unlike those of the clouds, because `rm -rf` cannot delete a read-only
 * folder. What a function writes there stays until the cache is deleted.
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
 * The folder `kind/key` of the cache; `build` fills it if it does not exist yet. The folder appears atomically, even
 * when several processes build it at once or this process is killed.
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
    // mkdtemp creates a private folder; the cache is as readable as its parent.
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
  // yauzl rejects absolute paths and paths that leave the folder.
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
