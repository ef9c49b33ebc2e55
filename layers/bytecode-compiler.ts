import { dependencies } from "../package.json";

/**
 * What compiles bytecode, by the Python version that loads it: CPython as WebAssembly from a pinned npm package, so that the
 * bytes are the same on every machine and no interpreter has to be installed.
 */
const compilers: Readonly<Record<string, string>> = { "3.12": `pyodide ${dependencies.pyodide}` };

export const bytecodeVersions = Object.keys(compilers);

/** Name and version of the compiler for a Python version; undefined where there is none. */
export function bytecodeCompiler(pythonVersion: string): string | undefined {
  return compilers[pythonVersion];
}
