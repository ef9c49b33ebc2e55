import type { Architecture } from "./bundle";

/** What a bundle is built for. */
export interface Platform {
  /** Major and minor version, e.g. `3.12`. */
  readonly pythonVersion: string;
  readonly architecture: Architecture;
}

interface Glibc {
  /** Of glibc 2: the newest whose symbols a native library may ask for. */
  readonly minor: number;
  /** The oldest platform of uv's that has it; uv knows some of them only. */
  readonly uvPlatform: string;
}

/** Lambda runs Python 3.12 and newer on Amazon Linux 2023 (Lambda developer guide, "Lambda runtimes"). */
const amazonLinux2023: Glibc = { minor: 34, uvPlatform: "manylinux_2_34" };

/** What runs another. */
const otherGlibcs: Readonly<Record<string, Glibc>> = {
  // Amazon Linux 2.
  "3.11": { minor: 26, uvPlatform: "manylinux_2_28" },
};

/** The glibc of a Python's runtime. Lambda's is the oldest of the three clouds', so it holds for all. */
const glibcOf = ({ pythonVersion }: Pick<Platform, "pythonVersion">) => otherGlibcs[pythonVersion] ?? amazonLinux2023;

/** Minor version of the newest glibc 2 whose symbols a native library may ask for. */
export function newestGlibc(platform: Pick<Platform, "pythonVersion">): number {
  return glibcOf(platform).minor;
}

/** Architectures by the names that wheels give them. */
const machines = { x86_64: "x86_64", arm64: "aarch64" } as const;

/** The platform as uv names it. */
export function uvPlatform(platform: Platform): string {
  return `${machines[platform.architecture]}-${glibcOf(platform).uvPlatform}`;
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

/** Order of a wheel among those of one release with equal tags: the one with the highest build tag wins, and one without loses. */
export function compareBuilds(a: string, b: string): number {
  const [first, second] = [buildTag(a), buildTag(b)];
  return first.number - second.number || (first.rest < second.rest ? -1 : Number(first.rest > second.rest));
}

function buildTag(filename: string): { readonly number: number; readonly rest: string } {
  const [, digits, rest = ""] = /^[^-]+-[^-]+-(\d+)([^-]*)-[^-]+-[^-]+-[^-]+\.whl$/.exec(filename) ?? [];
  return { number: digits === undefined ? -1 : Number(digits), rest };
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
  // As `uv build` names it, for the glibc that its machine has: the libraries inside tell which one they need.
  if (tag === `linux_${machines[platform.architecture]}`) return 2;
  const [, minor, legacy = "", machine] = /^(?:manylinux_2_(\d+)|(manylinux\d+))_(\w+)$/.exec(tag) ?? [];
  const needed = minor === undefined ? legacyManylinux[legacy] : Number(minor);
  return machine === machines[platform.architecture] && needed !== undefined && needed <= newestGlibc(platform)
    ? 10 + needed
    : 0;
}

function best(scores: readonly number[]): number {
  return Math.max(0, ...scores);
}
