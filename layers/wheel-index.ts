import { BuildError, reasonOf } from "./build-error";
import { cacheDirectory, readRecord, sha256, writeRecord } from "./cache";
import { type Lock, type LockedPackage, normalisedName } from "./lock";
import { compareBuilds, newestGlibc, type Platform, specificity, uvPlatform } from "./tags";
import { uvPipCompile, withoutWheels } from "./uv";

/** One wheel of an index. */
export interface Wheel {
  /** Normalised, as PEP 503 says. */
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly url: string;
  readonly sha256: string;
  /** Bytes of the file, where the index says so. */
  readonly size?: number;
}

/**
 * The wheels of a lock for a platform, each package's most specific one, sorted by package. A package whose marker leaves
 * the platform out has none.
 *
 * uv asks the user's own index for the addresses, which stay in the cache: the lock holds none. A package that was asked
 * for once is not asked for again, unless `fresh` says that what is known no longer answers.
 *
 * @throws {BuildError} for a package without a wheel for the platform, or with hashes that the lock does not accept.
 */
export async function wheelsOf(lock: Lock, platform: Platform, { fresh = false } = {}): Promise<Wheel[]> {
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
      wheels: fresh ? undefined : await readRecord<Wheel[]>(knownFile(locked, platform)),
    })),
  );
  const unknown = known.filter(({ wheels }) => wheels === undefined).map(({ locked }) => locked);
  const answers = unknown.length === 0 ? [] : await ask(lock, unknown, platform);
  await Promise.all(unknown.map((locked) => writeRecord(knownFile(locked, platform), offered(locked, answers))));
  return known
    .flatMap(({ locked, wheels }) => choose(locked, wheels ?? offered(locked, answers), platform) ?? [])
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function minorOf(pythonVersion: string): number {
  return Number(pythonVersion.split(".")[1]);
}

/** Undefined where uv offers nothing, because the package's marker leaves the platform out. */
function choose({ name, version, hashes, statement }: LockedPackage, wheels: readonly Wheel[], platform: Platform) {
  if (wheels.length === 0) {
    if (statement.includes(";")) return undefined;
    throw new BuildError(
      `the index gave no wheel of ${name} ${version}, perhaps one of the same version in another spelling; run: ` +
        `npm run layer -- lock`,
    );
  }
  const fitting = wheels.filter(({ filename }) => specificity(filename, platform) > 0);
  if (fitting.length === 0) {
    throw new BuildError(
      `${name} ${version} has no wheel for Python ${platform.pythonVersion} on ${platform.architecture} with glibc ` +
        `2.${newestGlibc(platform)} or older (offered: ${wheels.map(({ filename }) => filename).join(", ")}); ` +
        `require a version that has one, then run: npm run layer -- lock`,
    );
  }
  // A release may gain wheels after it was locked; those are none of ours.
  const [best] = fitting
    .filter((wheel) => hashes.has(wheel.sha256))
    .sort(
      (a, b) =>
        specificity(b.filename, platform) - specificity(a.filename, platform) || compareBuilds(b.filename, a.filename),
    );
  if (best === undefined) {
    const found = fitting.map((wheel) => `${wheel.filename} with sha256 ${wheel.sha256}`).join(", ");
    throw new BuildError(
      `${name} ${version}: the index offers ${found}, the lock accepts none of it; if you trust the index, run: ` +
        `npm run layer -- lock`,
    );
  }
  return best;
}

function offered({ name, version }: LockedPackage, answers: readonly Wheel[]): Wheel[] {
  return answers.filter((wheel) => wheel.name === name && wheel.version === version);
}

/** Known by everything that the answer depends on, so that a changed pin asks for one package only. */
function knownFile({ statement }: LockedPackage, platform: Platform): string {
  const key = sha256(JSON.stringify([statement, platform.pythonVersion, uvPlatform(platform)]));
  return cacheDirectory("addresses", `${key}.json`);
}

/** What the index offers of some locked packages. */
async function ask(lock: Lock, packages: readonly LockedPackage[], platform: Platform): Promise<Wheel[]> {
  try {
    return await wheelsIn(
      await uvPipCompile(
        [
          ...["-", "--no-deps", "--no-header", "--format", "pylock.toml"],
          ...["--python-version", platform.pythonVersion, "--python-platform", uvPlatform(platform)],
        ],
        { input: `${packages.map(({ statement }) => statement).join("\n")}\n` },
      ),
    );
  } catch (error) {
    throw new BuildError(
      `the package index gave no wheels for Python ${platform.pythonVersion} on ${platform.architecture} for the lock ` +
        `of ${lock.target}:\n${reasonOf(error)}\n` +
        `Check the index and the network. ${withoutWheels} Then run: npm run layer -- lock`,
    );
  }
}

/** The wheels of a pylock.toml (PEP 751). */
async function wheelsIn(pylock: string): Promise<Wheel[]> {
  const [{ parse }, { z }] = await Promise.all([import("smol-toml"), import("zod")]);
  const file = z.object({
    url: z.string(),
    name: z.string().optional(),
    size: z.number().optional(),
    hashes: z.object({ sha256: z.string() }),
  });
  const schema = z.object({
    packages: z
      .array(z.object({ name: z.string(), version: z.string(), wheels: z.array(file).default([]) }))
      .default([]),
  });
  return schema.parse(parse(pylock)).packages.flatMap(({ name, version, wheels }) =>
    wheels.map(({ url, size, hashes, ...file }) => ({
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
