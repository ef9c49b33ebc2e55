import type { SourceFile } from "./application-files";
import type { BundleContent } from "./bundle-store";
import { BuildError } from "./build-error";
import { bytecodeOf } from "./bytecode";
import { checkPrediction } from "./limits";
import type { Lock } from "./lock";
import { type InstalledFile, type InstalledWheel, mergeWheels } from "./merge";
import type { PackageManifest } from "./manifest";
import type { PruneOptions } from "./pruning";
import { recordOf } from "./record";
import type { PlannedLayer } from "./strategy";
import { surprisesOf } from "./surprises";
import { withoutSymbols } from "./symbols";
import type { Platform } from "./tags";
import { openWheel, type OpenedWheel } from "./wheel";
import { type Wheel, wheelsOf } from "./wheel-index";
import { UnreachableWheel, withWheels } from "./wheel-store";
import { bytesOf, checkEntryCount, deflated, stored, type ZipEntry } from "./zip";

type Progress = (line: string) => void;

/** What to install, and for which platform. */
export interface Installation extends Platform, PruneOptions {
  /** Name of the bytecode compiler; undefined for no bytecode. */
  readonly bytecode: string | undefined;
  /** Normalised names of the packages whose native libraries keep their symbols. */
  readonly keepSymbols: readonly string[];
}

/** The content of each planned layer. Packages of the lock that are in no layer are left out. */
export async function layerContents(
  lock: Lock,
  platform: Installation,
  plan: readonly PlannedLayer[],
  progress: Progress,
): Promise<BundleContent[]> {
  const wanted = new Set(plan.flatMap(({ packages }) => packages));
  const wheels = (await wheelsOf(lock, platform, { progress })).filter(({ name }) => wanted.has(name));
  for (const layer of plan) checkNotEmpty(layer, wheels, lock, platform);
  checkPrediction(wheels);
  const opened = await openWheels(wheels, lock, platform, progress);
  // All layers are merged together because Lambda unpacks them into the same folder.
  const tree = await installed(opened, platform);
  return plan.map(({ name, packages }) => ({
    name,
    warnings: surprisesOf(
      tree.wheels.filter(({ wheel }) => packages.includes(wheel.name)),
      platform.pythonVersion,
    ),
    entries: tree.files
      .filter(({ owner }) => packages.includes(owner))
      .map((file) => below(sharedLibrary.test(file.entry.name) ? "" : "python/", file)),
    packages: described(
      tree.wheels.filter(({ wheel }) => packages.includes(wheel.name)),
      lock,
      ownedBy(tree.files),
    ),
  }));
}

/** @throws {BuildError} for a layer without a package, which Lambda rejects. */
function checkNotEmpty(
  { name, packages }: PlannedLayer,
  wheels: readonly Wheel[],
  lock: Lock,
  platform: Platform,
): void {
  if (wheels.some((wheel) => packages.includes(wheel.name))) return;
  const statements = lock.packages.filter((locked) => packages.includes(locked.name));
  const markers = statements.map((locked) => locked.statement.split(/ *\\?\n/)[0] ?? "").join(", ");
  throw new BuildError(
    `layer ${name} would be empty: ` +
      (statements.length === 0
        ? `no package is left for it; leave some to our own layer, or use layerStrategy full`
        : `nothing in it is for Python ${platform.pythonVersion} on ${platform.architecture} (${markers}); build for another ` +
          `Python, or change the markers`),
  );
}

/**
 * Libraries that wheels install for the whole environment (`*.data/data/lib`). They go into the layer's `lib`, which is
 * on Lambda's library path; `python/lib` is not.
 */
const sharedLibrary = /^lib\/[^/]+\.so(\.\d+)*$/;

/** The application without dependencies, for a cloud with layers. */
export async function applicationContent(name: string, files: readonly SourceFile[]): Promise<BundleContent> {
  return { name, entries: await compressed(files), packages: [] };
}

/** Application and dependencies, in the layout of Azure Functions. */
export async function packageContent(
  name: string,
  lock: Lock,
  platform: Installation,
  files: readonly SourceFile[],
  progress: Progress,
): Promise<BundleContent> {
  const opened = await openWheels(await wheelsOf(lock, platform, { progress }), lock, platform, progress);
  const tree = await installed(opened, platform);
  const dependencies = tree.files.map((file) => below(".python_packages/lib/site-packages/", file));
  return {
    name,
    entries: [...dependencies, ...(await compressed(files))],
    warnings: surprisesOf(tree.wheels, platform.pythonVersion),
    packages: described(tree.wheels, lock, ownedBy(tree.files)),
  };
}

/** Application and whole wheels, for the buildpack of Cloud Run functions. */
export async function sourceContent(
  name: string,
  lock: Lock,
  platform: Platform,
  files: readonly SourceFile[],
  progress: Progress,
): Promise<BundleContent> {
  const opened = await openWheels(await wheelsOf(lock, platform, { progress }), lock, platform, progress);
  // Called for its checks only: pip would silently overwrite what is an error here.
  mergeWheels(opened);
  const requirements = opened.map(({ name, version, sha256 }) => `${name}==${version} --hash=sha256:${sha256}\n`);
  return {
    name,
    entries: [
      ...opened.map(vendored),
      await deflated("requirements.txt", Buffer.from(requirements.join(""))),
      // The application's own, of another tool, would be installed in its place.
      ...(await compressed(files.filter((file) => file.name !== "requirements.txt"))),
    ],
    packages: described(
      opened.map((wheel) => ({ wheel, pruned: {} })),
      lock,
      (wheel) => [vendored(wheel)],
    ),
  };
}

function vendored({ filename, content }: OpenedWheel): ZipEntry {
  return stored(`wheels/${filename}`, bytesOf(content));
}

/**
 * Sizes of wheels for which the index gives none, in the order of the wheels; wheels that are not in the cache are
 * fetched.
 */
export async function wheelSizes(
  wheels: readonly Wheel[],
  lock: Lock,
  platform: Platform,
  progress: Progress,
): Promise<number[]> {
  const opened = await openWheels(wheels, lock, platform, progress);
  return opened.map(({ content }) => content.length);
}

/** Fetches and opens wheels. If a wheel's address no longer works, the index is asked again. */
export async function openWheels(wheels: readonly Wheel[], lock: Lock, platform: Platform, progress: Progress) {
  const fetchAndOpen = (wanted: readonly Wheel[]) =>
    withWheels(
      wanted,
      ({ filename }) => {
        progress(`Fetching ${filename}`);
      },
      (wheel, content, file) => openWheel(wheel, content, platform, file),
    );
  try {
    return await fetchAndOpen(wheels);
  } catch (error) {
    if (!(error instanceof UnreachableWheel)) throw error;
    // The index may have moved the files since it was asked.
    const names = new Set(wheels.map(({ name }) => name));
    const moved = (await wheelsOf(lock, platform, { fresh: true, progress })).filter(({ name }) => names.has(name));
    if (moved.every(({ url }, index) => url === wheels[index]?.url)) throw error;
    return fetchAndOpen(moved);
  }
}

/** The files of all wheels, as they are installed. */
async function installed(wheels: readonly OpenedWheel[], { bytecode, keepSymbols, ...options }: Installation) {
  const merged = mergeWheels(wheels, options);
  const modules = bytecode === undefined ? 0 : merged.files.filter(({ entry }) => entry.name.endsWith(".py")).length;
  checkEntryCount(merged.files.length + modules);
  // One step after the other: each uses all processors and much memory.
  const files = await withoutSymbols(merged.files, keepSymbols);
  const compiled = bytecode === undefined ? [] : await bytecodeOf(merged, options.pythonVersion);
  const records = await Promise.all(merged.wheels.map(recordOf));
  return { files: [...files, ...compiled, ...records.flat()], wheels: merged.wheels };
}

function below(prefix: string, { entry }: InstalledFile): ZipEntry {
  return { ...entry, name: `${prefix}${entry.name}` };
}

function compressed(files: readonly SourceFile[]): Promise<ZipEntry[]> {
  return Promise.all(files.map(({ name, content }) => deflated(name, content)));
}

/** The packages as the manifest describes them, each with its entries. */
function described(
  wheels: readonly Pick<InstalledWheel, "wheel" | "pruned">[],
  lock: Lock,
  entriesOf: (wheel: OpenedWheel) => readonly ZipEntry[],
): PackageManifest[] {
  return wheels.map(({ wheel, pruned }) => {
    const { name, version, licence, filename, sha256, source } = wheel;
    const entries = entriesOf(wheel);
    const requires = lock.packages.filter(({ neededBy }) => neededBy.includes(name)).map((required) => required.name);
    return {
      ...{ name, version, licence, wheel: filename, sha256, ...(source && { source }) },
      size: entries.reduce((total, { data }) => total + data.length, 0),
      unpackedSize: entries.reduce((total, { size }) => total + size, 0),
      requires: [...new Set(requires)].sort(),
      pruned,
    };
  });
}

function ownedBy(files: readonly InstalledFile[]) {
  return ({ name }: OpenedWheel) => files.filter(({ owner }) => owner === name).map(({ entry }) => entry);
}
