import type { Manifest, PackageManifest } from "./manifest";

/** A package that differs between two bundles. */
export interface PackageChange {
  readonly name: string;
  /** Absent if the package was added. */
  readonly before?: string;
  /** Absent if the package was removed. */
  readonly after?: string;
  /** Bytes that the package adds to the zip. */
  readonly growth: number;
}

/** The difference between two bundles. */
export interface Comparison {
  readonly packages: readonly PackageChange[];
  /** Bytes that the zip grows by. */
  readonly growth: number;
  readonly unpackedGrowth: number;
}

/**
 * Compares bundles package by package. A package that was rebuilt from another wheel of the same version counts as
 * changed.
 */
export function compare(before: Manifest, after: Manifest): Comparison {
  const [old, now] = [byName(before), byName(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return {
    packages: names.flatMap((name) => {
      const [was, is] = [old.get(name), now.get(name)];
      if (was?.sha256 === is?.sha256 && was?.size === is?.size) return [];
      return { name, before: was?.version, after: is?.version, growth: (is?.size ?? 0) - (was?.size ?? 0) };
    }),
    growth: after.size - before.size,
    unpackedGrowth: after.unpackedSize - before.unpackedSize,
  };
}

function byName({ packages }: Manifest): Map<string, PackageManifest> {
  return new Map(packages.map((each) => [each.name, each]));
}
