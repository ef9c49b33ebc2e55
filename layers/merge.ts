import { BuildError } from "./build-error";
import { type NamespaceStyle, namespaceStyle } from "./namespace";
import { type Pruned, prunedFiles, type PruneOptions } from "./pruning";
import { contentOf } from "./unzip";
import type { OpenedWheel } from "./wheel";
import type { ZipEntry } from "./zip";

/** A file of a wheel and its path in the folder of packages. */
export interface InstalledFile {
  /** Normalised name of the package that installs it; the first one if several do. */
  readonly owner: string;
  readonly entry: ZipEntry;
}

/** The installed form of a wheel. */
export interface InstalledWheel {
  readonly wheel: OpenedWheel;
  /** Paths of all its files in the folder of packages, including those that another package installs too. */
  readonly paths: readonly string[];
  readonly pruned: Pruned;
}

export interface MergedWheels {
  readonly files: readonly InstalledFile[];
  readonly wheels: readonly InstalledWheel[];
}

/**
 * The files of all wheels, as an installer would place them, without pruned files.
 *
 * @throws {BuildError} for two wheels that install different files at one path.
 */
export function mergeWheels(wheels: readonly OpenedWheel[], options?: PruneOptions): MergedWheels {
  const prunedOf = prunedFiles(wheels, options);
  const merged = new Map<string, InstalledFile & { readonly wheel: string }>();
  const folders = new Map<string, string>();
  const installed = wheels.map((wheel) => {
    const pruned = prunedOf.get(wheel) ?? {};
    const absent = new Set(Object.values(pruned).flat());
    const files = wheel.files.filter(({ name }) => !absent.has(name));
    for (const entry of files) {
      const earlier = merged.get(entry.name);
      const file = { owner: wheel.name, entry, wheel: wheel.filename };
      if (earlier === undefined) merged.set(entry.name, file);
      else if (!sameContent(earlier.entry, entry)) {
        const chosen = chosenNamespace(earlier.entry, entry);
        if (chosen === undefined) throw conflict(earlier.wheel, wheel.filename, entry.name);
        merged.set(entry.name, chosen === entry ? file : earlier);
      }
      for (const folder of foldersOf(entry.name)) folders.set(folder, wheel.filename);
    }
    return { wheel, paths: files.map(({ name }) => name), pruned };
  });
  for (const { entry, wheel } of merged.values()) {
    const other = folders.get(entry.name);
    if (other !== undefined) throw conflict(wheel, other, entry.name);
  }
  return { files: [...merged.values()].map(({ owner, entry }) => ({ owner, entry })), wheels: installed };
}

function sameContent(a: ZipEntry, b: ZipEntry): boolean {
  return a.size === b.size && a.crc32 === b.crc32 && contentOf(a).equals(contentOf(b));
}

/** Ordered by dependencies: the first needs no other package. */
const namespaceStyles: readonly NamespaceStyle[] = ["pkgutil", "setuptools", "nothing"];

/**
 * Of two `__init__.py` that only declare a namespace, the one that works for both; undefined if one of them does more.
 */
function chosenNamespace(...entries: readonly ZipEntry[]): ZipEntry | undefined {
  if (entries.some(({ name }) => !/(^|\/)__init__\.py$/.test(name))) return undefined;
  const ranks = entries.map((entry) => {
    const style = namespaceStyle(contentOf(entry).toString("utf8"));
    return style === undefined ? -1 : namespaceStyles.indexOf(style);
  });
  return ranks.includes(-1) ? undefined : entries[ranks.indexOf(Math.min(...ranks))];
}

function conflict(first: string, second: string, name: string): BuildError {
  return new BuildError(
    `${first} and ${second} both install ${name}, with different content; drop one of them from the requirements`,
  );
}

function foldersOf(name: string): string[] {
  const parts = name.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
