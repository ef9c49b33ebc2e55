import { testNames } from "./references";
import type { OpenedWheel } from "./wheel";

/** Reasons to leave a file of a wheel out, by the key in the manifest, with the text that is printed. */
export const pruneReasons = {
  tests: "tests that no kept file imports or names",
  stubs: "types for type checkers; no source of the wheel reads stubs",
  "c-sources": "sources and headers for a C compiler; no source of the wheel names them",
  bytecode: "bytecode of a module with source: it is compiled again",
  "installer-records": "records that only an installer reads",
  "other-machine": "executable or library of another processor or system",
} as const;
export type PruneReason = keyof typeof pruneReasons;

export const pruneReasonNames = Object.keys(pruneReasons) as PruneReason[];

/** Paths in the folder of packages that are left out, by reason. */
export type Pruned = Partial<Record<PruneReason, readonly string[]>>;

export interface PruneOptions {
  /** Whether to leave out files that no program reads. Default: yes. */
  readonly prune?: boolean;
  /**
   * Paths in the folder of packages to keep in any case; `*` matches any characters except a slash, `**` any
   * characters. E.g. `pandas/tests/**`.
   */
  readonly keep?: readonly string[];
}

/** By package, files that its code finds by computed names, so that no source names them. */
const exceptions: Readonly<Record<string, RegExp>> = {
  // Templates of the code that Cython generates.
  cython: /^Cython\/(Utility|Includes)\//,
  // Headers for the compilers that CuPy ships.
  cupy: /^cupy\/_core\/include\//,
  triton: /^triton\/backends\//,
  pyopencl: /^pyopencl\/cl\//,
};

/** Sources that name tests without loading them. */
const harmless: ReadonlySet<string> = new Set([
  // Compares file names with the folder's to find the origin of a warning.
  "pandas/util/_exceptions.py",
]);

/** Prunable files that the remaining sources of a wheel name. */
interface Named {
  readonly stubs: boolean;
  readonly files: ReadonlySet<string>;
}

/** Tests whether a file may be left out, by reason; the first match counts. */
const rules: readonly (readonly [PruneReason, (path: string, named: Named) => boolean])[] = [
  [
    "installer-records",
    (path) =>
      /^[^/]+\.dist-info\/(RECORD(\.jws|\.p7s)?|WHEEL|INSTALLER|REQUESTED|direct_url\.json|zip-safe)$/.test(path),
  ],
  ["stubs", (path, { stubs }) => path.endsWith(".pyi") && !stubs],
  ["stubs", (path) => /(^|\/)py\.typed$/.test(path)],
  ["c-sources", (path, { files }) => /\.(c|h|pxd|pyx)$/.test(path) && !files.has(lastOf(path))],
];

/**
 * Decides which files of the wheels are left out, and why. Tests are kept if a kept file of any wheel refers to them.
 */
export function prunedFiles(
  wheels: readonly OpenedWheel[],
  { prune = true, keep = [] }: PruneOptions = {},
): ReadonlyMap<OpenedWheel, Pruned> {
  const patterns = keep.map(asPattern);
  const isKept = (path: string) => patterns.some((pattern) => pattern.test(path));
  const names = new Set(wheels.flatMap(({ files }) => files.map(({ name }) => name)));
  const tests = prune ? unreachableTests(wheels, isKept) : new Set<string>();
  const isTest = (path: string) => testsAbove(path).some((folder) => tests.has(folder));

  return new Map(
    wheels.map((wheel) => {
      const named = namedBy(wheel, isTest);
      const reasonFor = (path: string): PruneReason | undefined => {
        // Python reads bytecode outside `__pycache__` if there is no source.
        if (/(^|\/)__pycache__\//.test(path)) return "bytecode";
        if (/\.py[co]$/.test(path) && names.has(path.slice(0, -1))) return "bytecode";
        if (/^[^/]+\.dist-info\/RECORD$/.test(path)) return "installer-records";
        if (!prune || isKept(path) || exceptions[wheel.name]?.test(path)) return undefined;
        return isTest(path) ? "tests" : rules.find(([, fits]) => fits(path, named))?.[0];
      };
      const pruned: Partial<Record<PruneReason, string[]>> = {};
      for (const path of wheel.foreign) (pruned["other-machine"] ??= []).push(path);
      for (const { name } of wheel.files) {
        const reason = reasonFor(name);
        if (reason !== undefined) (pruned[reason] ??= []).push(name);
      }
      for (const paths of Object.values(pruned)) paths.sort();
      return [wheel, pruned];
    }),
  );
}

function namedBy({ mentions }: OpenedWheel, isTest: (path: string) => boolean): Named {
  const named = [...mentions].flatMap(([file, named]) => (isTest(file) ? [] : named));
  return { stubs: named.some(({ stubs }) => stubs), files: new Set(named.flatMap(({ files }) => files)) };
}

/** Test folders and `conftest` modules that no kept file refers to. Whatever a kept test refers to is kept too. */
function unreachableTests(wheels: readonly OpenedWheel[], keeps: (path: string) => boolean): Set<string> {
  const unreachable = new Set<string>();
  const references = new Map<string, readonly string[]>();
  const files = wheels.flatMap((wheel) => wheel.files.map(({ name }) => name));
  for (const name of files) for (const folder of testsAbove(name)) unreachable.add(folder);
  for (const { mentions } of wheels) {
    for (const [file, { tests }] of mentions) if (!harmless.has(file)) references.set(file, tests);
  }
  for (const name of files) if (keeps(name)) for (const folder of testsAbove(name)) unreachable.delete(folder);

  for (let before = -1; before !== unreachable.size;) {
    before = unreachable.size;
    for (const [file, paths] of references) {
      if (testsAbove(file).some((folder) => unreachable.has(folder))) continue;
      references.delete(file);
      for (const path of paths) for (const folder of testsAbove(`${path}/`)) unreachable.delete(folder);
    }
  }
  return unreachable;
}

/** The test folders of a path, and the path of a `conftest` module without its extension. */
function testsAbove(path: string): string[] {
  if (/^[^/]+\.dist-info\//.test(path)) return [];
  const parts = path.replace(/(?<=(^|\/)conftest)\.py$/, "/").split("/");
  return parts.slice(0, -1).flatMap((part, index) => (isTestName(part) ? parts.slice(0, index + 1).join("/") : []));
}

function isTestName(part: string): boolean {
  return testNames.some((name) => name === part);
}

function asPattern(glob: string): RegExp {
  const text = glob.replace(/\*\*|\*|[^*]+/g, (part) =>
    part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"),
  );
  return new RegExp(`^${text}$`);
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
