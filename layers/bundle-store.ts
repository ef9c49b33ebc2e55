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
  readonly packages: readonly PackageManifest[];
  /** What is built all the same but may surprise, a line each. */
  readonly warnings?: readonly string[];
}

/** What bundles depend on besides the builder itself. */
export interface BundleInputs extends Pick<
  Manifest,
  "target" | "kind" | "lockSha256" | "pythonVersion" | "architecture" | "bytecode"
> {
  /** Whatever else goes into them, as JSON. */
  readonly content?: unknown;
}

/**
 * The bundles that follow from `inputs`, made by `make` where they are not in the cache. The builder's own source counts as
 * an input, so a changed recipe never answers with an old zip. Manifest and SBOM lie beside the zip. At each use the hashes of
 * these two are checked, and that of the zip where its size or its time of change is not what it was, so what is damaged, or tells
 * of other inputs with the same zip, is made again.
 *
 * @param verify whether the zip's hash is checked in any case. Default: no.
 * @param warn told what may surprise, whether the bundles are made or found.
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
  // The record comes last: it never names a zip that is not there.
  await writeRecord(recordFile, made);
  return made;
}

/** A bundle in the record of a build, with the hashes of its manifest and SBOM: other inputs may have given the same zip. */
interface BundleRecord {
  readonly bundle: Omit<StoredBundle, "path">;
  readonly manifest: string;
  readonly sbom: string;
  /** When the zip was last seen to be whole, by its time of change. */
  readonly modified: number;
  readonly warnings: readonly string[];
}

/** Writes a zip under its hash, without having the whole of it in memory. */
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
  // A zip that was copied or written again is as good; next time that is known.
  const records = known.map((record, index) => ({ ...record, modified: seen[index] ?? record.modified }));
  if (records.some(({ modified }, index) => modified !== known[index]?.modified))
    await writeRecord(recordFile, records);
  return records;
}

/** When the zip was last changed, where it, its manifest and its SBOM are what the record says; undefined else. */
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
