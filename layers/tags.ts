import type { Architecture } from "./bundle";

/** What a bundle is built for. */
export interface Platform {
  /** Major and minor version, e.g. `3.12`. */
  readonly pythonVersion: string;
  readonly architecture: Architecture;
}

/** Minor version of the glibc 2 that the functions' runtimes have where it is not the newest of them, by Python version. */
const olderGlibc: Readonly<Record<string, number>> = {
  // Lambda runs it on Amazon Linux 2, and all newer ones on Amazon Linux 2023 (Lambda developer guide, "Lambda runtimes").
  "3.11": 26,
};

/**
 * Minor version of the newest glibc 2 whose symbols a native library may ask for. Lambda's is the oldest of the three clouds'
 * runtimes, so it holds for all.
 */
export function newestGlibc({ pythonVersion }: Pick<Platform, "pythonVersion">): number {
  return olderGlibc[pythonVersion] ?? 34;
}

/** Architectures by the names that wheels give them. */
const machines = { x86_64: "x86_64", arm64: "aarch64" } as const;

/** The platform as uv names it. */
export function uvPlatform(platform: Platform): string {
  return `${machines[platform.architecture]}-manylinux_2_${newestGlibc(platform)}`;
}

/** Tags in a wheel's file name, each of them a set: `cp312-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64`. */
export interface WheelTags {
  readonly pythons: readonly string[];
  readonly abis: readonly string[];
  readonly platforms: readonly string[];
}

/** Undefined where the name is not that of a wheel. */
export function wheelTags(filename: string): WheelTags | undefined {
  const [, pythons, abis, platforms] = /-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(filename) ?? [];
  return pythons && abis && platforms
    ? { pythons: pythons.split("."), abis: abis.split("."), platforms: platforms.split(".") }
    : undefined;
}

/** The glibc minor version behind the names that PEP 600 replaced. */
const legacyManylinux: Record<string, number> = { manylinux1: 5, manylinux2010: 12, manylinux2014: 17 };

/**
 * How well a wheel fits a platform by its tags; 0 where it does not. Native beats pure, and of native ones the one for the
 * newest Python and the newest glibc that the platform has.
 */
export function specificity(filename: string, platform: Platform): number {
  const tags = wheelTags(filename);
  if (tags === undefined) return 0;
  const minor = Number(platform.pythonVersion.split(".")[1]);
  const interpreter = best(
    tags.pythons.flatMap((python) => tags.abis.map((abi) => interpreterScore(python, abi, minor))),
  );
  const system = best(tags.platforms.map((tag) => systemScore(tag, platform)));
  return interpreter > 0 && system > 0 ? interpreter * 100 + system : 0;
}

function interpreterScore(python: string, abi: string, minor: number): number {
  const [, implementation, digits] = /^(cp|py)3(\d*)$/.exec(python) ?? [];
  if (implementation === undefined) return 0;
  const wheelMinor = Number(digits || 0);
  if (wheelMinor > minor) return 0;
  if (implementation === "py") return abi === "none" ? 100 + wheelMinor : 0;
  if (abi === `cp3${minor}`) return wheelMinor === minor ? 1000 : 0;
  return abi === "abi3" ? 500 + wheelMinor : abi === "none" ? 300 + wheelMinor : 0;
}

function systemScore(tag: string, platform: Platform): number {
  if (tag === "any") return 1;
  const [, minor, legacy = "", machine] = /^(?:manylinux_2_(\d+)|(manylinux\d+))_(\w+)$/.exec(tag) ?? [];
  const needed = minor === undefined ? legacyManylinux[legacy] : Number(minor);
  return machine === machines[platform.architecture] && needed !== undefined && needed <= newestGlibc(platform)
    ? 10 + needed
    : 0;
}

function best(scores: readonly number[]): number {
  return Math.max(0, ...scores);
}
