import { readFile } from "node:fs/promises";
import path from "node:path";

import { dependencies } from "../package.json";
import { cacheDirectory, readRecord, sha256, writeRecord } from "./cache";

/** What a module does when it is imported, as `module_scan.py` reads it from its source. */
export interface ModuleScan {
  /** What runs at import, in order; less what neither imports nor decides about an import. */
  readonly body?: readonly Statement[];
  /** What runs in each function that imports something, nested ones on their own. */
  readonly functions?: readonly (readonly Statement[])[];
  /** Imports for type checkers alone. They say where the names are that `__getattr__` gives. */
  readonly typing?: readonly Statement[];
  /** Modules by the names that `__getattr__` may give from them, as the tables in the source say. */
  readonly lazy_names?: Readonly<Record<string, readonly string[]>>;
  /** Names that functions bind by `global`. */
  readonly globals?: readonly string[];
  /** Names that it gives other modules, by `module.name = value`. */
  readonly attributes?: readonly string[];
  /** Strings that may be names of modules, since something imports by name. */
  readonly references?: readonly string[];
  /** From which line on names may come up that no statement binds (`globals()[name] = ...`, another object in `sys.modules`). */
  readonly open?: number;
  /** Whether it makes modules of its own, in `sys.modules` or by a finder. */
  readonly makes_modules?: true;
  /** Full names of modules that it makes. */
  readonly made?: readonly string[];
  readonly getattr?: true;
  /** `extended` where a package joins its folders of all places (`pkgutil.extend_path`), else `changed` by its own rule. */
  readonly path?: "changed" | "extended";
  /** Line and message where this is no module of the parser's Python. */
  readonly error?: readonly [line: number, message: string];
}

export type Statement =
  | readonly ["import", line: number, module: string, bound: string | null]
  | readonly ["from", line: number, level: number, module: string, names: readonly (readonly [string, string | null])[]]
  /** `import_module("literal")`. */
  | readonly ["call", line: number, level: number, module: string]
  /** Names get a value; null where it is not known. */
  | readonly ["set", names: readonly string[], value: Expression | null]
  /** `__all__` gets further names, or new ones; null where they are not known. */
  | readonly ["all", names: readonly string[] | null, anew?: true]
  | readonly ["class", body: readonly Statement[]]
  | readonly ["if", test: Expression | null, then: readonly Statement[], otherwise: readonly Statement[]]
  | readonly [
      "try",
      body: readonly Statement[],
      handlers: readonly (readonly [caught: readonly string[], body: readonly Statement[]])[],
      otherwise: readonly Statement[],
      final: readonly Statement[],
    ]
  /** Null for the error that is being handled. */
  | readonly ["raise", line: number, error: string | null];

/** An expression as far as conditions around imports need it. */
export type Expression =
  | readonly ["constant", Scalar]
  | readonly ["name", string]
  | readonly ["tuple", readonly (readonly ["constant", Scalar])[]]
  | readonly ["not", Expression | null]
  | readonly ["and" | "or", readonly (Expression | null)[]]
  | readonly ["compare", operator: string, Expression | null, Expression | null]
  | readonly ["attribute", Expression | null, name: string]
  | readonly ["item" | "slice", Expression | null, number]
  /** `importlib.util.find_spec("literal")`. */
  | readonly ["found", module: string]
  | readonly ["starts", Expression | null, Expression | null]
  /** Something that is true and not None. */
  | readonly ["object"];

export type Scalar = null | boolean | number | string;

/** A module's file, by its path below a folder on `sys.path`. */
export interface ModuleSource {
  readonly name: string;
  readonly content: Buffer;
}

/** Scans by the paths of the modules' files. */
export type Scans = Readonly<Record<string, ModuleScan>>;

/** What is kept of a package: every file that it installs, and the scans of its modules. */
export interface PackageScan {
  readonly files: readonly string[];
  readonly scans: Scans;
}

/** Scans of some modules, each kept by its content: a changed file is read alone. */
export async function scanModules(sources: readonly ModuleSource[]): Promise<Scans> {
  const modules = sources.filter(({ name }) => name.endsWith(".py"));
  const scanner = await scannerDigest();
  const kept = await Promise.all(
    modules.map(async ({ name, content }) => {
      const file = recordFile(scanner, sha256(content));
      return { name, content, file, scan: await readRecord<ModuleScan>(file) };
    }),
  );
  const scanned = await scan(kept.filter((module) => module.scan === undefined));
  const scans: Record<string, ModuleScan> = {};
  for (const { name, file, scan: known } of kept) {
    const found = known ?? scanned[name] ?? {};
    if (known === undefined) await writeRecord(file, found);
    scans[name] = found;
  }
  return scans;
}

/** The scan of a whole package, where it was made before. */
export async function knownPackageScan(hash: string): Promise<PackageScan | undefined> {
  return readRecord<PackageScan>(recordFile(await scannerDigest(), hash));
}

/**
 * Scans a whole package and keeps what it found by the package's hash.
 *
 * @param files paths of all that it installs.
 * @param sources of the modules that are wanted.
 */
export async function scanPackage(
  hash: string,
  files: readonly string[],
  sources: readonly ModuleSource[],
): Promise<PackageScan> {
  const found = { files, scans: await scan(sources) };
  await writeRecord(recordFile(await scannerDigest(), hash), found);
  return found;
}

function recordFile(scanner: string, content: string): string {
  return cacheDirectory("imports", `${sha256(JSON.stringify([scanner, content]))}.json`);
}

const program = path.join(__dirname, "module_scan.py");
let digest: Promise<string> | undefined;

/** SHA-256 over what scans are made with: program and parser. */
function scannerDigest(): Promise<string> {
  return (digest ??= readFile(program, "utf8").then((text) => sha256(JSON.stringify([text, dependencies.pyodide]))));
}

type Scanner = (sources: readonly ModuleSource[]) => Scans;

let loading: Promise<Scanner> | undefined;

async function scan(sources: readonly ModuleSource[]): Promise<Scans> {
  if (sources.length === 0) return {};
  const scanner = await (loading ??= startScanner());
  return scanner(sources);
}

/** An interpreter of its own: what else runs where bytecode is compiled would change the bytes of that. */
async function startScanner(): Promise<Scanner> {
  const { loadPyodide } = await import("pyodide");
  // Where it would look otherwise follows from a stack trace, which source maps change.
  const python = await loadPyodide({ indexURL: path.dirname(require.resolve("pyodide/package.json")) });
  const text = `${await readFile(program, "utf8")}\nscan_all`;
  const scanAll = python.runPython(text) as (names: string[], sources: Uint8Array[]) => string;
  return (sources) => {
    const names = sources.map(({ name }) => name);
    return JSON.parse(
      scanAll(
        names,
        sources.map(({ content }) => new Uint8Array(content)),
      ),
    ) as Scans;
  };
}
