import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { z } from "zod";

import { cacheDirectory, writeAtomically } from "./cache";
import { writeZip, type ZipEntry } from "./zip";

/** A zip in the cache, and what is known of it. */
export interface StoredBundle {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

/** What a bundle is made of, once it has to be made. */
export interface BundleContent {
  readonly entries: readonly ZipEntry[];
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

const record = z.object({
  sha256: z.string(),
  size: z.number(),
  unpackedSize: z.number(),
  packages: z.array(z.object({ name: z.string(), version: z.string() })),
});

/**
 * The bundle that follows from `inputs`, made by `make` where it is not in the cache. The builder's own source counts as
 * an input, so a changed recipe never answers with an old zip; and the zip's hash is checked at each use, so a damaged
 * one is made again.
 */
export async function storedBundle(
  inputs: readonly string[],
  make: () => Promise<BundleContent>,
): Promise<StoredBundle> {
  const key = sha256(JSON.stringify([await builderDigest(), ...inputs]));
  const recordFile = cacheDirectory("bundles", `${key}.json`);
  const known = await read(recordFile);
  if (known) return known;

  const { entries, packages } = await make();
  const zip = writeZip(entries);
  const made = {
    sha256: sha256(zip),
    size: zip.length,
    unpackedSize: entries.reduce((total, entry) => total + entry.size, 0),
    packages,
  };
  // The zip first: a record never names a zip that is not there.
  await writeAtomically(zipFile(made.sha256), zip);
  await writeAtomically(recordFile, JSON.stringify(made));
  return { path: zipFile(made.sha256), ...made };
}

async function read(recordFile: string): Promise<StoredBundle | undefined> {
  try {
    const known = record.parse(JSON.parse(await readFile(recordFile, "utf8")));
    const file = zipFile(known.sha256);
    return sha256(await readFile(file)) === known.sha256 ? { path: file, ...known } : undefined;
  } catch {
    return undefined;
  }
}

const zipFile = (hash: string) => cacheDirectory("bundles", `${hash}.zip`);

let digest: Promise<string> | undefined;

/** SHA-256 over the builder's source files. */
function builderDigest(): Promise<string> {
  return (digest ??= (async () => {
    const files = (await readdir(__dirname)).filter((file) => file.endsWith(".ts")).sort();
    const contents = await Promise.all(files.map((file) => readFile(path.join(__dirname, file), "utf8")));
    return sha256(JSON.stringify(contents));
  })());
}

function sha256(content: Buffer | string): string {
  return createHash("sha256").update(content).digest("hex");
}
