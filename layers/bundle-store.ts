import { createHash, randomUUID } from "node:crypto";
import { readFile, rename, stat } from "node:fs/promises";

import { version } from "../package.json";
import type { BundledPackage } from "./bundle";
import { cacheDirectory, readRecord, sha256, writeAtomically, writeRecord } from "./cache";
import { type Manifest, manifestFile, type PackageManifest, sbomFile } from "./manifest";
import { onDemand } from "./on-demand";
import { recipeDigest } from "./recipe";
import { onlyOne } from "./shared-work";
import type { ZipEntry } from "./zip";

/** A zip in the cache, with its metadata. */
export interface StoredBundle {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly packages: readonly BundledPackage[];
}

/** The content of a bundle that has to be built. */
export interface BundleContent {
  readonly name: string;
  readonly entries: readonly ZipEntry[];
  readonly packages: readonly PackageManifest[];
  /** Warnings that do not stop the build, one line each. */
  readonly warnings?: readonly string[];
}

/** The inputs of a bundle besides the builder itself. */
export interface BundleInputs extends Pick<
  Manifest,
  "target" | "kind" | "lockSha256" | "pythonVersion" | "architecture" | "bytecode"
> {
  /** Any further inputs, as JSON. */
  readonly content?: unknown;
}

/**
 * Returns the bundles for `inputs` from the cache, or builds them with `make`. The builder's own source is an input
 * too, so that a changed builder does not reuse an old zip. Manifest and SBOM are stored beside the zip. Each use
 * verifies the hashes of these two, and that of the zip if its size or modification time has changed. A bundle that
 * fails the check is built again.
 *
 * @param verify whether to always verify the zip's hash. Default: no.
 * @param warn receives the warnings, for built and for cached bundles.
 */
export async function storedBundles(
  inputs: BundleInputs,
  make: () => Promise<readonly BundleContent[]>,
  {
    verify = false,
    warn = () => undefined,
  }: { readonly verify?: boolean; readonly warn?: (line: string) => void } = {},
): Promise<readonly StoredBundle[]> {
  const builder = await recipeDigest();
  const key = sha256(JSON.stringify([builder, inputs]));
  const recordFile = cacheDirectory("builds", `${key}.json`);
  const records =
    (await read(recordFile, verify)) ??
    (await onlyOne(
      key,
      async () => (await read(recordFile, verify)) ?? makeBundles(recordFile, inputs, builder, make),
    ));
  for (const line of records.flatMap(({ warnings }) => warnings)) warn(line);
  return records.map(stored);
}

async function makeBundles(
  recordFile: string,
  inputs: BundleInputs,
  builder: string,
  make: () => Promise<readonly BundleContent[]>,
): Promise<readonly BundleRecord[]> {
  const [{ sbomOf }, { zipChunks }] = await onDemand(() => Promise.all([import("./sbom"), import("./zip")]));
  const made: BundleRecord[] = [];
  const { content, ...origin } = inputs;
  for (const { name, entries, packages, warnings = [] } of await make()) {
    const { hash, size } = await storeZip(zipChunks(entries));
    const unpackedSize = entries.reduce((total, entry) => total + entry.size, 0);
    const described = { name, sha256: hash, size, unpackedSize };
    const manifest = { ...origin, ...described, builder: `${version}+${builder.slice(0, 12)}`, packages };
    const manifestText = `${JSON.stringify(manifest, null, 2)}\n`;
    const sbom = await sbomOf(manifest);
    const file = zipFile(hash);
    await writeAtomically(manifestFile(file), manifestText);
    await writeAtomically(sbomFile(file), sbom);
    made.push({
      bundle: { ...described, packages: packages.map(({ name, version }) => ({ name, version })) },
      manifest: sha256(manifestText),
      sbom: sha256(sbom),
      modified: (await stat(file)).mtimeMs,
      warnings,
    });
  }
  // Written last, so that a record never names a zip that does not exist.
  await writeRecord(recordFile, made);
  return made;
}

/**
 * A bundle in the record of a build. It has the hashes of the manifest and the SBOM because other inputs may give the
 * same zip.
 */
interface BundleRecord {
  readonly bundle: Omit<StoredBundle, "path">;
  readonly manifest: string;
  readonly sbom: string;
  /** Modification time of the zip when its hash was last verified. */
  readonly modified: number;
  readonly warnings: readonly string[];
}

/** Writes a zip under its hash, without loading all of it into memory. */
async function storeZip(chunks: Iterable<Buffer>): Promise<{ hash: string; size: number }> {
  const temporary = cacheDirectory("bundles", `${randomUUID()}.part`);
  const digest = createHash("sha256");
  let size = 0;
  function* counted() {
    for (const chunk of chunks) {
      digest.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  await writeAtomically(temporary, counted());
  const hash = digest.digest("hex");
  await rename(temporary, zipFile(hash));
  return { hash, size };
}

const zipFile = (hash: string) => cacheDirectory("bundles", `${hash}.zip`);

const stored = ({ bundle }: BundleRecord): StoredBundle => ({ ...bundle, path: zipFile(bundle.sha256) });

async function read(recordFile: string, verify: boolean): Promise<readonly BundleRecord[] | undefined> {
  const known = await readRecord<BundleRecord[]>(recordFile);
  if (known === undefined) return undefined;
  const seen = await Promise.all(known.map((record) => intact(record, verify)));
  if (seen.includes(undefined)) return undefined;
  // A zip that was copied has a new modification time and the same hash: record the time, so that the next use need not
  // hash it.
  const records = known.map((record, index) => ({ ...record, modified: seen[index] ?? record.modified }));
  if (records.some(({ modified }, index) => modified !== known[index]?.modified))
    await writeRecord(recordFile, records);
  return records;
}

/** Modification time of the zip if it, its manifest and its SBOM match the record; otherwise undefined. */
async function intact({ bundle, manifest, sbom, modified }: BundleRecord, verify: boolean) {
  const zip = zipFile(bundle.sha256);
  const has = (file: string, hash: string) =>
    readFile(file).then(
      (content) => sha256(content) === hash,
      () => false,
    );
  const found = await stat(zip).catch(() => undefined);
  if (found?.size !== bundle.size || !(await has(manifestFile(zip), manifest)) || !(await has(sbomFile(zip), sbom))) {
    return undefined;
  }
  const same = found.mtimeMs === modified && !verify;
  return same || (await has(zip, bundle.sha256)) ? found.mtimeMs : undefined;
}
