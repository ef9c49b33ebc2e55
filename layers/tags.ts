import type { Architecture } from "./bundle";

/** The platform of a bundle. */
export interface Platform {
  /** Major and minor version, e.g. `3.12`. */
  readonly pythonVersion: string;
  readonly architecture: Architecture;
}

interface Glibc {
  /** Minor version of glibc 2: the newest whose symbols a native library may need. */
  readonly minor: number;
  /** The oldest of uv's platforms with that glibc; uv knows only some of them. */
  readonly uvPlatform: string;
}

/** Lambda runs Python 3.12 and newer on Amazon Linux 2023 (Lambda developer guide, "Lambda runtimes"). */
const amazonLinux2023: Glibc = { minor: 34, uvPlatform: "manylinux_2_34" };

/** Python versions on another operating system. */
const otherGlibcs: Readonly<Record<string, Glibc>> = {
  // Amazon Linux 2.
  "3.11": { minor: 26, uvPlatform: "manylinux_2_28" },
};

/** The glibc of a Python version's runtime. Lambda's is the oldest of the three clouds', so the others have it too. */
const glibcOf = ({ pythonVersion }: Pick<Platform, "pythonVersion">) => otherGlibcs[pythonVersion] ?? amazonLinux2023;

/** Minor version of the newest glibc 2 whose symbols a native library may need. */
export function newestGlibc(platform: Pick<Platform, "pythonVersion">): number {
  return glibcOf(platform).minor;
}

/** Architectures by their names in wheels. */
const machines = { x86_64: "x86_64", arm64: "aarch64" } as const;

/** uv's name of the platform. */
export function uvPlatform(platform: Platform): string {
  return `${machines[platform.architecture]}-${glibcOf(platform).uvPlatform}`;
}

/** The tags in a wheel's file name, each of them a set: `cp312-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64`. */
export interface WheelTags {
  readonly pythons: readonly string[];
  readonly abis: readonly string[];
  readonly platforms: readonly string[];
}

/** Undefined if the name is not that of a wheel. */
export function wheelTags(filename: string): WheelTags | undefined {
  const [, pythons, abis, platforms] = /-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(filename) ?? [];
  return pythons && abis && platforms
    ? { pythons: pythons.split("."), abis: abis.split("."), platforms: platforms.split(".") }
    : undefined;
}

/** Compares wheels of one release with equal tags: the highest build tag wins, a wheel without one loses. */
export function compareBuilds(a: string, b: string): number {
  const [first, second] = [buildTag(a), buildTag(b)];
  return first.number - second.number || (first.rest < second.rest ? -1 : Number(first.rest > second.rest));
}

function buildTag(filename: string): { readonly number: number; readonly rest: string } {
  const [, digits, rest = ""] = /^[^-]+-[^-]+-(\d+)([^-]*)-[^-]+-[^-]+-[^-]+\.whl$/.exec(filename) ?? [];
  return { number: digits === undefined ? -1 : Number(digits), rest };
}

/** The glibc minor version of the platform names that PEP 600 replaced. */
const legacyManylinux: Record<string, number> = { manylinux1: 5, manylinux2010: 12, manylinux2014: 17 };

/**
 * How well a wheel's tags fit a platform; 0 if they do not. A native wheel beats a pure one; among native wheels, the
 * newest Python and the newest glibc that the platform supports win.
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
  // `uv build` writes this tag, whatever the glibc of its machine; the libraries inside say which glibc they need.
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
