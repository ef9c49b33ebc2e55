import { readFile } from "node:fs/promises";
import path from "node:path";

import { type BytecodeCompiler, bytecodeCompiler } from "./bytecode-compiler";
import { cacheDirectory, readRecord, sha256, writeRecord } from "./cache";
import { Workers } from "./workers";

/** The imports and names of a module, as `module_scan.py` reads them from its source. */
export interface ModuleScan {
  /** Statements that run at import, in order, as far as they import something or affect an import. */
  readonly body?: readonly Statement[];
  /** Statements of each function that imports something; nested functions are listed separately. */
  readonly functions?: readonly (readonly Statement[])[];
  /** Imports for type checkers only. They show which modules define the names that `__getattr__` returns. */
  readonly typing?: readonly Statement[];
  /** Modules whose names `__getattr__` may return, from tables in the source. */
  readonly lazy_names?: Readonly<Record<string, readonly string[]>>;
  /** Names that functions bind with `global`. */
  readonly globals?: readonly string[];
  /** Attributes that it sets on other modules (`module.name = value`). */
  readonly attributes?: readonly string[];
  /** Strings that may be module names, if the module imports by name. */
  readonly references?: readonly string[];
  /**
   * First line after which names may exist that no statement binds (`globals()[name] = ...`, a replaced module in
   * `sys.modules`).
   */
  readonly open?: number;
  /** Whether it creates modules, in `sys.modules` or with a finder. */
  readonly makes_modules?: true;
  /** Full names of modules that it creates. */
  readonly made?: readonly string[];
  readonly getattr?: true;
  /**
   * `extended` if a package joins its folders on `sys.path` (`pkgutil.extend_path`), `changed` if it sets its own
   * search path.
   */
  readonly path?: "changed" | "extended";
  /** Line and message of a syntax error. */
  readonly error?: readonly [line: number, message: string];
}

export type Statement =
  | readonly ["import", line: number, module: string, bound: string | null]
  | readonly ["from", line: number, level: number, module: string, names: readonly (readonly [string, string | null])[]]
  /** `import_module("literal")`. */
  | readonly ["call", line: number, level: number, module: string]
  /** Names get a value; null if it is unknown. */
  | readonly ["set", names: readonly string[], value: Expression | null]
  /** Names are added to `__all__`, or replace it; null if they are unknown. */
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
  /** Null for the exception that is being handled. */
  | readonly ["raise", line: number, error: string | null];

/** An expression, as far as conditions around imports need it. */
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
  /** Some value that is truthy and not None. */
  | readonly ["object"];

export type Scalar = null | boolean | number | string;

/** A module's file, by its path relative to a folder on `sys.path`. */
export interface ModuleSource {
  readonly name: string;
  readonly content: Buffer;
}

/** Scans by path of the module's file. */
export type Scans = Readonly<Record<string, ModuleScan>>;

/** The cached scan of a package: all files that it installs, and the scans of its modules. */
export interface PackageScan {
  readonly files: readonly string[];
  readonly scans: Scans;
}

/**
 * Scans modules. Each scan is cached by the module's content, so that only changed files are read.
 *
 * @param pythonVersion whose syntax they have.
 */
export async function scanModules(sources: readonly ModuleSource[], pythonVersion: string): Promise<Scans> {
  const modules = sources.filter(({ name }) => name.endsWith(".py"));
  const parser = parserOf(pythonVersion);
  const scanner = await scannerDigest(parser);
  const kept = await Promise.all(
    modules.map(async ({ name, content }) => {
      const file = recordFile(scanner, sha256(content));
      return { name, content, file, scan: await readRecord<ModuleScan>(file) };
    }),
  );
  const scanned = await scan(
    kept.filter((module) => module.scan === undefined),
    parser,
  );
  const scans: Record<string, ModuleScan> = {};
  for (const { name, file, scan: known } of kept) {
    const found = known ?? scanned[name] ?? {};
    if (known === undefined) await writeRecord(file, found);
    scans[name] = found;
  }
  return scans;
}

/** The scan of a whole package, if it is cached. */
export async function knownPackageScan(hash: string, pythonVersion: string): Promise<PackageScan | undefined> {
  return readRecord<PackageScan>(recordFile(await scannerDigest(parserOf(pythonVersion)), hash));
}

/**
 * Scans a whole package and caches the result by the package's hash.
 *
 * @param files paths of all installed files.
 * @param sources of the modules to scan.
 */
export async function scanPackage(
  hash: string,
  files: readonly string[],
  sources: readonly ModuleSource[],
  pythonVersion: string,
): Promise<PackageScan> {
  const parser = parserOf(pythonVersion);
  const found = { files, scans: await scan(sources, parser) };
  await writeRecord(recordFile(await scannerDigest(parser), hash), found);
  return found;
}

function recordFile(scanner: string, content: string): string {
  return cacheDirectory("imports", `${sha256(JSON.stringify([scanner, content]))}.json`);
}

/** A Python has syntax that an older one does not parse. */
function parserOf(pythonVersion: string): BytecodeCompiler {
  const parser = bytecodeCompiler(pythonVersion) ?? bytecodeCompiler("3.12");
  if (parser === undefined) throw new Error(`there is no parser for Python ${pythonVersion}`);
  return parser;
}

let program: Promise<string> | undefined;

/** SHA-256 of the scanner: its program and its parser. */
async function scannerDigest({ name }: BytecodeCompiler): Promise<string> {
  const text = await (program ??= readFile(path.join(__dirname, "module_scan.py"), "utf8"));
  return sha256(JSON.stringify([text, name]));
}

interface Sources {
  /** The npm package of the interpreter. */
  readonly parser: string;
  readonly modules: readonly { readonly name: string; readonly source: Uint8Array }[];
}

/** A thread for each parser: two releases of pyodide cannot be loaded into one. */
const scanners = new Map<string, Workers<Sources, Scans>>();

/** Frees the 120 MB of each scanner's interpreter that is idle; the next scan starts it again. */
export async function closeScanners(): Promise<void> {
  await Promise.all([...scanners.values()].map((scanner) => scanner.closeIdle()));
}

async function scan(sources: readonly ModuleSource[], { npmPackage: parser }: BytecodeCompiler): Promise<Scans> {
  if (sources.length === 0) return {};
  const scanner = scanners.get(parser) ?? new Workers<Sources, Scans>("scan-worker.mjs", 1);
  scanners.set(parser, scanner);
  return scanner.run(() => ({
    parser,
    modules: sources.map(({ name, content }) => ({ name, source: new Uint8Array(content) })),
  }));
}
