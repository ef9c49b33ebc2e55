import { access, readFile } from "node:fs/promises";

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
 * an input, so a changed recipe never answers with an old zip; and the zip's hash is checked at each use, so a damaged
 * one is made again. Manifest and SBOM lie beside the zip.
 */
export async function storedBundles(
  inputs: BundleInputs,
  make: () => Promise<readonly BundleContent[]>,
): Promise<readonly StoredBundle[]> {
  const builder = await recipeDigest();
  const recordFile = cacheDirectory("builds", `${sha256(JSON.stringify([builder, inputs]))}.json`);
  const known = await read(recordFile, inputs);
  if (known) return known;

  const [{ sbomOf }, { writeZip }] = await onDemand(() => Promise.all([import("./sbom"), import("./zip")]));
  const made: StoredBundle[] = [];
  const { content, ...origin } = inputs;
  for (const { name, entries, packages } of await make()) {
    const zip = writeZip(entries);
    const hash = sha256(zip);
    const unpackedSize = entries.reduce((total, entry) => total + entry.size, 0);
    const described = { name, sha256: hash, size: zip.length, unpackedSize };
    const manifest = { ...origin, ...described, builder: `${version}+${builder.slice(0, 12)}`, packages };
    const file = cacheDirectory("bundles", `${hash}.zip`);
    await writeAtomically(file, zip);
    await writeAtomically(manifestFile(file), `${JSON.stringify(manifest, null, 2)}\n`);
    await writeAtomically(sbomFile(file), await sbomOf(manifest));
    made.push({ ...described, packages: packages.map(({ name, version }) => ({ name, version })), path: file });
  }
  // The record comes last: it never names a zip that is not there.
  await writeRecord(
    recordFile,
    made.map(({ path, ...known }) => known),
  );
  return made;
}

async function read(recordFile: string, inputs: BundleInputs): Promise<readonly StoredBundle[] | undefined> {
  const known = await readRecord<Omit<StoredBundle, "path">[]>(recordFile);
  if (known === undefined) return undefined;
  const found = await Promise.all(
    known.map(async (bundle) => {
      const file = cacheDirectory("bundles", `${bundle.sha256}.zip`);
      const intact = await Promise.all([
        readFile(file).then((zip) => sha256(zip) === bundle.sha256),
        readFile(manifestFile(file), "utf8").then((text) => isOf(inputs, JSON.parse(text) as Manifest)),
        access(sbomFile(file)).then(() => true),
      ]).then(
        (parts) => parts.every(Boolean),
        () => false,
      );
      return intact ? [{ ...bundle, path: file }] : [];
    }),
  );
  return found.every(({ length }) => length > 0) ? found.flat() : undefined;
}

/** Other inputs may have given the same zip, and then its manifest is theirs. */
function isOf({ content, ...origin }: BundleInputs, manifest: Manifest): boolean {
  return Object.entries(origin).every(([key, value]) => manifest[key as keyof typeof origin] === value);
}
