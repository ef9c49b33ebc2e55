import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import type { BundledPackage } from "./bundle";
import { cacheDirectory, readRecord, sha256, writeAtomically, writeRecord } from "./cache";
import { writeZip, type ZipEntry } from "./zip";

/** A zip in the cache, and what is known of it. */
export interface StoredBundle {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly packages: readonly BundledPackage[];
}

/** What a bundle is made of, once it has to be made. */
export interface BundleContent {
  readonly name: string;
  readonly entries: readonly ZipEntry[];
  readonly packages: readonly BundledPackage[];
}

/**
 * The bundles that follow from `inputs`, made by `make` where they are not in the cache. The builder's own source counts as
 * an input, so a changed recipe never answers with an old zip; and the zip's hash is checked at each use, so a damaged
 * one is made again.
 *
 * @param inputs whatever the bundles depend on, as JSON.
 */
export async function storedBundles(
  inputs: unknown,
  make: () => Promise<readonly BundleContent[]>,
): Promise<readonly StoredBundle[]> {
  const key = sha256(JSON.stringify([await builderDigest(), inputs]));
  const recordFile = cacheDirectory("builds", `${key}.json`);
  const known = await read(recordFile);
  if (known) return known;

  const made: StoredBundle[] = [];
  for (const { name, entries, packages } of await make()) {
    const zip = writeZip(entries);
    const hash = sha256(zip);
    const file = cacheDirectory("bundles", `${hash}.zip`);
    await writeAtomically(file, zip);
    const unpackedSize = entries.reduce((total, entry) => total + entry.size, 0);
    made.push({ name, sha256: hash, size: zip.length, unpackedSize, packages, path: file });
  }
  // The record comes last: it never names a zip that is not there.
  await writeRecord(
    recordFile,
    made.map(({ path, ...known }) => known),
  );
  return made;
}

async function read(recordFile: string): Promise<readonly StoredBundle[] | undefined> {
  const known = await readRecord<Omit<StoredBundle, "path">[]>(recordFile);
  if (known === undefined) return undefined;
  const found = await Promise.all(
    known.map(async (bundle) => {
      const file = cacheDirectory("bundles", `${bundle.sha256}.zip`);
      const intact = await readFile(file).then(
        (zip) => sha256(zip) === bundle.sha256,
        () => false,
      );
      return intact ? [{ ...bundle, path: file }] : [];
    }),
  );
  return found.every(({ length }) => length > 0) ? found.flat() : undefined;
}

let digest: Promise<string> | undefined;

/** SHA-256 over what the builder is made of: its source, and the compressor. */
function builderDigest(): Promise<string> {
  return (digest ??= (async () => {
    const sources = (await readdir(__dirname)).filter((file) => file.endsWith(".ts")).sort();
    const files = [...sources.map((file) => path.join(__dirname, file)), require.resolve("fflate/package.json")];
    return sha256(JSON.stringify(await Promise.all(files.map((file) => readFile(file, "utf8")))));
  })());
}
