import type { PythonVersion } from "../contract/pythons";
import { dependencies, devDependencies } from "../package.json";
import { BuildError } from "./build-error";

/** A bytecode compiler: CPython as WebAssembly, from a pinned npm package. */
export interface BytecodeCompiler {
  /**
   * Name and version. It is part of the bundle's inputs, since other releases of the same Python compile to other
   * bytes.
   */
  readonly name: string;
  /** The name under which the npm package is installed. */
  readonly npmPackage: keyof typeof dependencies;
}

/**
 * A compiler for each Python, so that bytecode is the same on every machine and needs no installed interpreter. An
 * installed interpreter would not do: of 1,200 modules, CPython 3.13.0 compiles 372 to other bytes than 3.13.2, and
 * 3.12.1 compiles all of them to other bytes than 3.12.7.
 */
const packages: Readonly<Record<PythonVersion, keyof typeof dependencies>> = {
  "3.11": "pyodide-3.11",
  "3.12": "pyodide",
  "3.13": "pyodide-3.13",
  "3.14": "pyodide-3.14",
};

const isCompiled = (pythonVersion: string): pythonVersion is PythonVersion => pythonVersion in packages;

export const bytecodeVersions: readonly string[] = Object.keys(packages);

/** An installed package of this project depends on the default Python's compiler only; the others are optional. */
const versions: Readonly<Record<string, string>> = { ...devDependencies, ...dependencies };

/**
 * The compiler for a Python version; undefined if there is none.
 *
 * @throws {BuildError} if its npm package is not installed, naming the command that installs it.
 */
export function bytecodeCompiler(pythonVersion: string): BytecodeCompiler | undefined {
  if (!isCompiled(pythonVersion)) return undefined;
  const npmPackage = packages[pythonVersion];
  const version = versions[npmPackage] ?? "";
  try {
    require.resolve(`${npmPackage}/package.json`);
  } catch {
    throw new BuildError(
      `pythonVersion ${pythonVersion} needs its own CPython, which parses and compiles modules; run: ` +
        `npm install ${npmPackage}@${version}`,
    );
  }
  return { name: `pyodide ${version.replace(/^.*@/, "")}`, npmPackage };
}
