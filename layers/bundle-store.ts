import { readFile } from "node:fs/promises";

import { version } from "../package.json";
import type { BundledPackage } from "./bundle";
import { cacheDirectory, readRecord, sha256, writeAtomically, writeRecord } from "./cache";
import { type Manifest, manifestFile, type PackageManifest, sbomFile } from "./manifest";
import { onDemand } from "./on-demand";
import { recipeDigest } from "./recipe";
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
 * an input, so a changed recipe never answers with an old zip. Manifest and SBOM lie beside the zip; the hashes of all three are
 * checked at each use, so what is damaged, or tells of other inputs with the same zip, is made again.
 */
export async function storedBundles(
  inputs: BundleInputs,
  make: () => Promise<readonly BundleContent[]>,
): Promise<readonly StoredBundle[]> {
  const builder = await recipeDigest();
  const recordFile = cacheDirectory("builds", `${sha256(JSON.stringify([builder, inputs]))}.json`);
  const known = await read(recordFile);
  if (known) return known;

  const [{ sbomOf }, { writeZip }] = await onDemand(() => Promise.all([import("./sbom"), import("./zip")]));
  const made: BundleRecord[] = [];
  const { content, ...origin } = inputs;
  for (const { name, entries, packages } of await make()) {
    const zip = writeZip(entries);
    const hash = sha256(zip);
    const unpackedSize = entries.reduce((total, entry) => total + entry.size, 0);
    const described = { name, sha256: hash, size: zip.length, unpackedSize };
    const manifest = { ...origin, ...described, builder: `${version}+${builder.slice(0, 12)}`, packages };
    const manifestText = `${JSON.stringify(manifest, null, 2)}\n`;
    const sbom = await sbomOf(manifest);
    const file = zipFile(hash);
    await writeAtomically(file, zip);
    await writeAtomically(manifestFile(file), manifestText);
    await writeAtomically(sbomFile(file), sbom);
    made.push({
      bundle: { ...described, packages: packages.map(({ name, version }) => ({ name, version })) },
      manifest: sha256(manifestText),
      sbom: sha256(sbom),
    });
  }
  // The record comes last: it never names a zip that is not there.
  await writeRecord(recordFile, made);
  return made.map(stored);
}

/** A bundle in the record of a build, with the hashes of its manifest and SBOM: other inputs may have given the same zip. */
interface BundleRecord {
  readonly bundle: Omit<StoredBundle, "path">;
  readonly manifest: string;
  readonly sbom: string;
}

const zipFile = (hash: string) => cacheDirectory("bundles", `${hash}.zip`);

const stored = ({ bundle }: BundleRecord): StoredBundle => ({ ...bundle, path: zipFile(bundle.sha256) });

async function read(recordFile: string): Promise<readonly StoredBundle[] | undefined> {
  const known = await readRecord<BundleRecord[]>(recordFile);
  const files = known?.flatMap(({ bundle, manifest, sbom }) => {
    const zip = zipFile(bundle.sha256);
    return [
      [zip, bundle.sha256],
      [manifestFile(zip), manifest],
      [sbomFile(zip), sbom],
    ] as const;
  });
  const intact = await Promise.all(
    (files ?? []).map(([file, hash]) =>
      readFile(file).then(
        (content) => sha256(content) === hash,
        () => false,
      ),
    ),
  );
  return intact.every(Boolean) ? known?.map(stored) : undefined;
}
