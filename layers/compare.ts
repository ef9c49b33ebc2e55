import type { Manifest, PackageManifest } from "./manifest";

/** One package that two bundles do not have in common. */
export interface PackageChange {
  readonly name: string;
  /** Absent where the package is new. */
  readonly before?: string;
  /** Absent where the package is gone. */
  readonly after?: string;
  /** Bytes that the zip grows by for it. */
  readonly growth: number;
}

/** What one bundle has that another has not. */
export interface Comparison {
  readonly packages: readonly PackageChange[];
  /** Bytes that the zip grows by. */
  readonly growth: number;
  readonly unpackedGrowth: number;
}

/** Compares bundles in terms of packages; one that is rebuilt from another wheel is a change of its own. */
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
