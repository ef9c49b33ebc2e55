import { openWheels } from "./contents";
import { providedModules } from "./distributions";
import type { Importable } from "./import-proof";
import type { FunctionImports } from "./imports";
import type { Lock } from "./lock";
import { knownPackageScan, type ModuleSource, type PackageScan, scanModules, scanPackage } from "./module-scan";
import type { Tree, TreeFile } from "./module-tree";
import { runtimeImports, runtimeModules } from "./runtime-modules";
import type { Platform } from "./tags";
import { contentOf } from "./unzip";
import type { OpenedWheel } from "./wheel";
import { type Wheel, wheelsOf } from "./wheel-index";

/** The files that a function can import. */
export async function importable(checked: FunctionImports, progress: (line: string) => void): Promise<Importable> {
  const { target, platform, entryPoints, application, lock, provided = new Map<string, string>() } = checked;
  const names = functionPackages(checked).filter((name) => !provided.has(name));
  const [own, packages] = await Promise.all([
    applicationTree(application, platform.pythonVersion),
    packageTree(lock, platform, names, progress),
  ]);
  return {
    ...{ platform, entryPoints, application: own, packages, runtimeImports: runtimeImports[target] },
    provided: [...runtimeModules[target], ...[...provided.keys()].flatMap(providedModules)],
  };
}

/** Normalised names of a function's packages. */
export function functionPackages({ lock, layers, functionLayers }: FunctionImports): string[] {
  if (layers === undefined) return lock.packages.map(({ name }) => name);
  return layers.filter(({ name }) => functionLayers?.includes(name) ?? true).flatMap(({ packages }) => packages);
}

/** The application's files with the scans of its modules. */
export async function applicationTree(files: readonly ModuleSource[], pythonVersion: string): Promise<Tree> {
  const scans = await scanModules(files, pythonVersion);
  return new Map(files.map(({ name }): [string, TreeFile] => [name, { scan: scans[name] }]));
}

/**
 * The files of a lock's packages as they are installed, with the scans of their modules. A package is scanned once;
 * afterwards neither its wheel nor an index is needed. Pruned files are included: no code refers to them.
 */
export async function packageTree(
  lock: Lock,
  platform: Platform,
  names: readonly string[],
  progress: (line: string) => void,
): Promise<Tree> {
  const wheels = (await wheelsOf(lock, platform, { progress })).filter(({ name }) => names.includes(name));
  const known = await Promise.all(wheels.map(async ({ sha256 }) => knownPackageScan(sha256, platform.pythonVersion)));
  const unknown = wheels.filter((_, index) => known[index] === undefined);
  const opened = await openWheels(unknown, lock, platform, progress);
  const tree = new Map<string, TreeFile>();
  for (const [index, wheel] of wheels.entries()) {
    const { files, scans } = known[index] ?? (await scanWheel(wheel, opened, platform.pythonVersion));
    const owner = { name: wheel.name, version: wheel.version };
    for (const file of files) if (!tree.has(file)) tree.set(file, { owner, scan: scans[file] });
  }
  return tree;
}

/** Tests are listed, but not scanned: code that serves requests does not import them. */
const test = /(^|\/)(tests\/|conftest\.py$)/;

async function scanWheel(
  { sha256 }: Wheel,
  opened: readonly OpenedWheel[],
  pythonVersion: string,
): Promise<PackageScan> {
  const { files = [], foreign = [] } = opened.find((wheel) => wheel.sha256 === sha256) ?? {};
  const modules = files.filter(({ name }) => name.endsWith(".py") && !test.test(name));
  return scanPackage(
    sha256,
    [...files.map(({ name }) => name), ...foreign],
    modules.map((entry) => ({ name: entry.name, content: contentOf(entry) })),
    pythonVersion,
  );
}
