import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { pythonVersions } from "../contract/pythons";
import { BuildError, reasonOf, shownPath } from "./build-error";
import { cacheDirectory, readRecord, sha256, writeRecord } from "./cache";
import { configuredIndexes } from "./index-credentials";
import { type Lock, type LockedPackage, normalisedName } from "./lock";
import { compareBuilds, newestGlibc, type Platform, specificity, uvPlatform } from "./tags";
import { buildRequirements, ownWheel, uvPipCompile } from "./uv";

/** A wheel on an index. */
export interface Wheel {
  /** Normalised name (PEP 503). */
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly url: string;
  readonly sha256: string;
  /** Bytes of the file, if the index says so. */
  readonly size?: number;
  /** Name of its index in uv's configuration files, if it has one. */
  readonly index?: string;
  /**
   * The source that it was built from, for a package without a published wheel; the lock has the hash of this source.
   */
  readonly source?: SourceOfWheel;
}

/** The source that a wheel was built from. */
export interface SourceOfWheel {
  /** File name of the archive, or path of the folder. */
  readonly filename: string;
  readonly sha256: string;
}

/**
 * The wheels of a lock for a platform, the most specific one of each package, sorted by package. A package whose marker
 * excludes the platform has none. A package without a fitting wheel has one that is built from its source, if the lock
 * allows that.
 *
 * uv asks the user's own index for the addresses. They are cached and never go into the lock. A package is asked for
 * only once, unless `fresh` says that the cached addresses no longer work.
 *
 * @throws {BuildError} for a package that has no wheel for the platform and cannot be built, or whose hashes the lock
 * does not accept.
 */
export async function wheelsOf(
  lock: Lock,
  platform: Platform,
  { fresh = false, progress = () => undefined }: { fresh?: boolean; progress?: (line: string) => void } = {},
): Promise<Wheel[]> {
  if (minorOf(platform.pythonVersion) < minorOf(lock.pythonVersion)) {
    throw new BuildError(
      `the lock of ${lock.target} serves Python ${lock.pythonVersion} and newer, the bundle is for ${platform.pythonVersion}; ` +
        `run: npm run layer -- lock --target ${lock.target} --python-version ${platform.pythonVersion}`,
    );
  }
  if (lock.newestPython !== undefined && minorOf(platform.pythonVersion) > minorOf(lock.newestPython)) {
    throw new BuildError(
      `the lock of ${lock.target} serves Python ${lock.newestPython} and older, the bundle is for ${platform.pythonVersion}; ` +
        `accept newer versions in requires-python and lock again, or deploy with pythonVersion ${lock.newestPython}`,
    );
  }
  const known = await Promise.all(
    lock.packages.map(async (locked) => ({
      locked,
      files: fresh ? undefined : await readRecord<Wheel[]>(knownFile(locked, lock, platform)),
    })),
  );
  const unknown = known
    .filter(({ locked, files }) => files === undefined && locked.local === undefined)
    .map(({ locked }) => locked);
  const answers = unknown.length === 0 ? [] : await ask(lock, unknown, platform);
  await Promise.all(unknown.map((locked) => writeRecord(knownFile(locked, lock, platform), offered(locked, answers))));
  const chosen = await Promise.all(
    known.map(({ locked, files }) =>
      locked.local === undefined
        ? choose(locked, files ?? offered(locked, answers), { lock, platform, progress })
        : ownPackage(locked, locked.local, { lock, platform, progress }),
    ),
  );
  return chosen.flatMap((wheel) => wheel ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function minorOf(pythonVersion: string): number {
  return Number(pythonVersion.split(".")[1]);
}

/** The inputs for choosing a package's wheel. */
interface Choice {
  readonly lock: Lock;
  readonly platform: Platform;
  readonly progress: (line: string) => void;
}

const isWheel = ({ filename }: Wheel) => filename.endsWith(".whl");

/** Undefined if uv returns nothing because the package's marker excludes the platform. */
async function choose(locked: LockedPackage, files: readonly Wheel[], choice: Choice): Promise<Wheel | undefined> {
  const { name, version, hashes, statement } = locked;
  const { platform } = choice;
  if (files.length === 0) {
    if (statement.includes(";")) return undefined;
    throw new BuildError(
      `the index gave no wheel of ${name} ${version}, perhaps one of the same version in another spelling; run: ` +
        `npm run layer -- lock`,
    );
  }
  const fitting = files.filter((file) => isWheel(file) && specificity(file.filename, platform) > 0);
  // Wheels that were added to a release after it was locked are not used.
  const [best] = fitting
    .filter((wheel) => hashes.has(wheel.sha256))
    .sort(
      (a, b) =>
        specificity(b.filename, platform) - specificity(a.filename, platform) || compareBuilds(b.filename, a.filename),
    );
  if (best !== undefined) return best;
  const sdist = files.find((file) => !isWheel(file));
  if (sdist !== undefined && hashes.has(sdist.sha256)) return fromSource(locked, sdist, choice);
  if (fitting.length > 0 || sdist !== undefined) {
    const offer = (fitting.length > 0 ? fitting : files).map((file) => `${file.filename} with sha256 ${file.sha256}`);
    throw new BuildError(
      `${name} ${version}: the index offers ${offer.join(", ")}, the lock accepts none of it; if you trust the index, run: ` +
        `npm run layer -- lock`,
    );
  }
  throw new BuildError(await missing(locked, `offered: ${files.map(({ filename }) => filename).join(", ")}`, choice));
}

/** The wheel of a package that publishes only its source. */
async function fromSource(locked: LockedPackage, sdist: Wheel, choice: Choice): Promise<Wheel> {
  const { lock, platform, progress } = choice;
  if (lock.sdists === false) {
    const why = `there is ${sdist.filename}, and layers.sdists = false in the description forbids building it`;
    throw new BuildError(await missing(locked, why, choice));
  }
  const [{ builtWheel, UnbuildableSource }, { fetchedFile }] = await Promise.all([
    import("./source-build"),
    import("./wheel-store"),
  ]);
  const file = await fetchedFile(sdist, () => {
    progress(`Fetching ${sdist.filename}`);
  });
  const { name, version, filename, sha256: hash } = sdist;
  try {
    const options = { pythonVersion: platform.pythonVersion, folder: lock.folder ?? "." };
    return await builtWheel({ name, version, filename, path: file, sha256: hash }, options, progress);
  } catch (error) {
    if (!(error instanceof UnbuildableSource)) throw error;
    throw new BuildError(
      await missing(locked, `${filename} could not be built as a pure Python source:\n${error.message}\n`, choice),
    );
  }
}

/** The wheel of a local package: the file itself, or built from its source. */
async function ownPackage(locked: LockedPackage, local: string, choice: Choice): Promise<Wheel | undefined> {
  const { name, version, statement } = locked;
  const { lock, platform, progress } = choice;
  if (statement.includes(";") && !(await isWanted(locked, local, choice))) return undefined;
  const [hash = ""] = locked.hashes;
  const filename = path.basename(local);
  if (filename.endsWith(".whl")) {
    if (specificity(filename, platform) > 0) {
      return { name, version, filename, url: pathToFileURL(local).href, sha256: hash };
    }
    throw new BuildError(
      `${shownPath(local)} is no wheel for ${describedPlatform(platform)}; bring one that is, or leave it out by a marker`,
    );
  }
  const { builtWheel, UnbuildableSource } = await import("./source-build");
  try {
    const options = { pythonVersion: platform.pythonVersion, folder: lock.folder ?? "." };
    const source = { name, version, filename, path: local, sha256: hash };
    return await builtWheel(source, options, progress);
  } catch (error) {
    if (!(error instanceof UnbuildableSource)) throw error;
    throw new BuildError(
      `${shownPath(local)} could not be built into a wheel:\n${error.message}\n` +
        `Built are packages of Python alone, with ${await buildTools()}; bring a wheel of it instead (uv build --wheel) and require that file`,
    );
  }
}

/** Whether the marker of a local package holds for a platform. */
async function isWanted({ name, statement }: LockedPackage, local: string, { lock, platform }: Choice) {
  const [, marker = ""] = /; (.*?)(?: \\\n|$)/.exec(statement) ?? [];
  const input = `${name} @ ${pathToFileURL(local).href} ; ${marker}\n`;
  const pins = await uvPipCompile(["-", "--no-deps", "--no-header", "--no-annotate", ...wanted(platform)], {
    ...{ input, cwd: lock.folder, building: true },
  });
  return pins.trim() !== "";
}

/** Names and versions of the available build tools. */
async function buildTools(): Promise<string> {
  const pins = await readFile(buildRequirements, "utf8");
  return [...pins.matchAll(/^([\w.-]+)==(\S+)/gm)].map(([, name, version]) => `${name} ${version}`).join(", ");
}

const describedPlatform = (platform: Platform) =>
  `Python ${platform.pythonVersion} on ${platform.architecture} with glibc 2.${newestGlibc(platform)} or older`;

/** The message about a package without a wheel for a platform: why, the alternatives, and the next steps. */
async function missing({ name, version }: LockedPackage, why: string, { lock, platform }: Choice): Promise<string> {
  const there = await alternatives(lock, name, version, platform);
  return (
    `${name} ${version} has no wheel for ${describedPlatform(platform)} (${why}). ` +
    `${there} ${ownWheel} Then run: npm run layer -- lock`
  );
}

/** Which wheels exist: of another version, for other Pythons, and for the other processor. */
async function alternatives(lock: Lock, name: string, version: string, platform: Platform): Promise<string> {
  const has = async (requirement: string, other: Platform) => {
    const pins = await uvPipCompile(
      ["-", "--no-deps", "--no-header", "--no-annotate", "--only-binary", ":all:", ...indexes(lock), ...wanted(other)],
      { input: `${requirement}\n`, cwd: lock.folder },
    ).catch(() => "");
    return /==([^\s;\\]+)/.exec(pins)?.[1];
  };
  const pythons = pythonVersions.filter((each) => each !== platform.pythonVersion);
  const architecture = platform.architecture === "arm64" ? "x86_64" : "arm64";
  const [newest, elsewhere, ...found] = await Promise.all([
    has(name, platform),
    has(`${name}==${version}`, { ...platform, architecture }),
    ...pythons.map((pythonVersion) => has(`${name}==${version}`, { ...platform, pythonVersion })),
  ]);
  const others = [
    ...pythons.filter((_, index) => found[index] !== undefined).map((each) => `Python ${each}`),
    ...(elsewhere === undefined ? [] : [architecture]),
  ];
  return [
    newest === undefined ? `No version of ${name} has one.` : `${name} ${newest} has one.`,
    others.length === 0
      ? `Of ${version} there is none on Linux for another Python or processor either.`
      : `Of ${version} there are some for ${others.join(", ")}.`,
  ].join(" ");
}

function offered({ name, version }: LockedPackage, answers: readonly Wheel[]): Wheel[] {
  return answers.filter((file) => file.name === name && file.version === version);
}

/** Cached by all inputs of the answer, so that a changed pin asks for one package only. */
function knownFile({ statement }: LockedPackage, { indexOptions = [] }: Lock, platform: Platform): string {
  const options = indexOptions.length === 0 ? [] : [indexOptions];
  const key = sha256(JSON.stringify([statement, platform.pythonVersion, uvPlatform(platform), ...options]));
  return cacheDirectory("addresses", `${key}.json`);
}

const wanted = (platform: Platform) => [
  ...["--python-version", platform.pythonVersion, "--python-platform", uvPlatform(platform)],
];

const indexes = ({ indexOptions = [] }: Lock) => indexOptions;

/** Asks the index for the files of locked packages. */
async function ask(lock: Lock, packages: readonly LockedPackage[], platform: Platform): Promise<Wheel[]> {
  try {
    const files = await filesIn(
      await uvPipCompile(
        ["-", "--no-deps", "--no-header", "--format", "pylock.toml", ...indexes(lock), ...wanted(platform)],
        { input: `${packages.map(({ statement }) => statement).join("\n")}\n`, cwd: lock.folder },
      ),
    );
    const named = configuredIndexes(lock.folder ?? ".");
    return files.map((file) => {
      const index = named.find(({ address }) => address.origin === new URL(file.url).origin)?.name;
      return index === undefined ? file : { ...file, index };
    });
  } catch (error) {
    throw new BuildError(
      `the package index gave nothing for Python ${platform.pythonVersion} on ${platform.architecture} for the lock ` +
        `of ${lock.target}:\n${reasonOf(error)}\n` +
        `Check the index and the network, then build again; where the index changed, run: npm run layer -- lock`,
    );
  }
}

/** The wheels and source archives in a pylock.toml (PEP 751). */
async function filesIn(pylock: string): Promise<Wheel[]> {
  const [{ parse }, { z }] = await Promise.all([import("smol-toml"), import("zod")]);
  const file = z.object({
    url: z.string(),
    name: z.string().optional(),
    size: z.number().optional(),
    hashes: z.object({ sha256: z.string() }),
  });
  const schema = z.object({
    packages: z
      .array(
        z.object({
          name: z.string(),
          version: z.string().optional(),
          wheels: z.array(file).default([]),
          sdist: file.optional(),
        }),
      )
      .default([]),
  });
  return schema.parse(parse(pylock)).packages.flatMap(({ name, version = "", wheels, sdist }) =>
    [...wheels, ...(sdist === undefined ? [] : [sdist])].map(({ url, size, hashes, ...file }) => ({
      name: normalisedName(name),
      version,
      filename: file.name ?? fileName(url),
      url,
      sha256: hashes.sha256,
      size,
    })),
  );
}

function fileName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "");
}
