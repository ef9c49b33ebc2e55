import type { PythonVersion } from "../contract/pythons";
import { dependencies } from "../package.json";

/** What compiles bytecode: CPython as WebAssembly, from a pinned npm package. */
export interface BytecodeCompiler {
  /** Name and version, which count in what it compiles: other releases of one Python give other bytes. */
  readonly name: string;
  /** The npm package, by the name that it is installed under. */
  readonly npmPackage: string;
}

/**
 * One for each Python, so that the bytes are the same on every machine and no interpreter has to be installed. An
 * interpreter that is there would not do instead: of 1,200 modules, CPython 3.13.0 compiles 372 to other bytes than 3.13.2,
 * and 3.12.1 all of them to others than 3.12.7.
 */
const packages: Readonly<Record<PythonVersion, keyof typeof dependencies>> = {
  "3.11": "pyodide-3.11",
  "3.12": "pyodide",
  "3.13": "pyodide-3.13",
  "3.14": "pyodide-3.14",
};

const isCompiled = (pythonVersion: string): pythonVersion is PythonVersion => pythonVersion in packages;

export const bytecodeVersions: readonly string[] = Object.keys(packages);

/** The compiler for a Python version; undefined where there is none. */
export function bytecodeCompiler(pythonVersion: string): BytecodeCompiler | undefined {
  if (!isCompiled(pythonVersion)) return undefined;
  const npmPackage = packages[pythonVersion];
  return { name: `pyodide ${dependencies[npmPackage].replace(/^.*@/, "")}`, npmPackage };
}
