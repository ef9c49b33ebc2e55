import { BuildError } from "./build-error";
import { contentOf } from "./unzip";
import type { OpenedWheel } from "./wheel";
import type { ZipEntry } from "./zip";

/**
 * What no program reads at run time. Metadata, entry points and licences stay: `importlib.metadata.version` needs the
 * first, and everybody the last.
 */
const pruned: readonly RegExp[] = [
  /\.dist-info\/(RECORD|WHEEL|INSTALLER|REQUESTED|direct_url\.json|top_level\.txt|zip-safe)$/,
  /\.(pyi|c|h|pxd|pyx|pyo)$/,
  /(^|\/)py\.typed$/,
  /^(?!.*\.dist-info\/)(.*\/)?tests?\//,
  /(^|\/)(test_[^/]*|conftest)\.py$/,
  /(^|\/)__pycache__\//,
];

/** A file of a wheel, at its place in the directory of packages. */
export interface InstalledFile {
  /** Normalised name of the package that brings it; the first one where several bring the same. */
  readonly owner: string;
  readonly entry: ZipEntry;
}

/**
 * The files of all wheels as an installer would lay them out, without those that no program reads.
 *
 * @throws {BuildError} for two wheels that disagree about a path.
 */
export function mergeWheels(wheels: readonly OpenedWheel[]): InstalledFile[] {
  const merged = new Map<string, InstalledFile & { readonly wheel: string }>();
  const folders = new Map<string, string>();
  const names = new Set(wheels.flatMap(({ files }) => files.map(({ name }) => name)));
  for (const { name: owner, filename: wheel, files } of wheels) {
    for (const entry of files) {
      if (pruned.some((pattern) => pattern.test(entry.name))) continue;
      // Python reads bytecode outside `__pycache__` where there is no source.
      if (entry.name.endsWith(".pyc") && names.has(entry.name.slice(0, -1))) continue;
      const earlier = merged.get(entry.name);
      if (earlier && !sameContent(earlier.entry, entry)) throw conflict(earlier.wheel, wheel, entry.name);
      if (!earlier) merged.set(entry.name, { owner, entry, wheel });
      for (const folder of foldersOf(entry.name)) folders.set(folder, wheel);
    }
  }
  for (const { entry, wheel } of merged.values()) {
    const other = folders.get(entry.name);
    if (other !== undefined) throw conflict(wheel, other, entry.name);
  }
  return [...merged.values()].map(({ owner, entry }) => ({ owner, entry }));
}

function sameContent(a: ZipEntry, b: ZipEntry): boolean {
  return a.size === b.size && a.crc32 === b.crc32 && contentOf(a).equals(contentOf(b));
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
