import path from "node:path";

import { cacheDirectory, readBlob, sha256, writeBlob } from "./cache";
import type { InstalledFile } from "./merge";
import { recipeDigest } from "./recipe";
import { contentOf, readZip } from "./unzip";
import { deflated, writeZip, type ZipEntry } from "./zip";

/**
 * Bytecode of every module among the files, at the place where Python looks for it, so that a function starts without
 * compiling anything. It is `unchecked-hash` bytecode (PEP 552): nobody changes a layer's source, and dates tell nothing there.
 *
 * @param compiler as `bytecodeCompiler` of ./bytecode-compiler names it.
 */
export async function bytecodeOf(files: readonly InstalledFile[], compiler: string): Promise<InstalledFile[]> {
  const modules = files.filter(({ entry }) => entry.name.endsWith(".py"));
  const recipe = await recipeDigest();
  const bytecode: InstalledFile[] = [];
  for (const owner of new Set(modules.map((file) => file.owner))) {
    const sources = modules.filter((file) => file.owner === owner).map(({ entry }) => entry);
    for (const entry of await compiledOnce([recipe, compiler], sources)) bytecode.push({ owner, entry });
  }
  return bytecode;
}

interface Module {
  readonly name: string;
  readonly content: Buffer;
}

const running = new Map<string, Promise<ZipEntry[]>>();

/** Kept by the sources' content, a package at a time: a changed pin compiles that package alone. */
function compiledOnce(by: readonly string[], sources: readonly ZipEntry[]): Promise<ZipEntry[]> {
  const modules = sources.map((entry) => ({ name: entry.name, content: contentOf(entry) }));
  const key = sha256(JSON.stringify([by, modules.map(({ name, content }) => [name, sha256(content)])]));
  const compiling = running.get(key) ?? compiled(modules, cacheDirectory("bytecode", `${key}.zip`));
  running.set(key, compiling);
  return compiling;
}

async function compiled(modules: readonly Module[], file: string): Promise<ZipEntry[]> {
  const known = await readBlob(file);
  if (known !== undefined) return readZip(known);

  const compile = await loadCompiler();
  const entries = await Promise.all(
    modules.flatMap(({ name, content }) => {
      const bytecode = compile(name, content);
      return bytecode === undefined ? [] : deflated(cachedName(name), bytecode);
    }),
  );
  await writeBlob(file, writeZip(entries));
  return entries;
}

/** Where Python looks for the bytecode of a module: `a/__pycache__/b.cpython-312.pyc` for `a/b.py`. */
function cachedName(source: string): string {
  return source.replace(/([^/]+)\.py$/, "__pycache__/$1.cpython-312.pyc");
}

/** Undefined for what is no module of this Python, such as a template. */
type Compile = (name: string, source: Buffer) => Buffer | undefined;

let loading: Promise<Compile> | undefined;

function loadCompiler(): Promise<Compile> {
  return (loading ??= startCompiler());
}

/** A path relative to the layer, since an import puts the real one into its place. */
const program = `
import importlib.util, marshal

def compiled(name, source):
    source = source.to_bytes()
    try:
        code = compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    unchecked_hash = (0b01).to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + unchecked_hash + importlib.util.source_hash(source) + marshal.dumps(code)

compiled
`;

async function startCompiler(): Promise<Compile> {
  const { loadPyodide } = await import("pyodide");
  // Where it would look otherwise follows from a stack trace, which source maps change.
  const python = await loadPyodide({ indexURL: path.dirname(require.resolve("pyodide/package.json")) });
  const compiled = python.runPython(program) as (name: string, source: Uint8Array) => PythonBytes | undefined;
  return (name, source) => {
    const bytes = compiled(name, new Uint8Array(source));
    if (bytes === undefined) return undefined;
    try {
      return Buffer.from(bytes.toJs());
    } finally {
      bytes.destroy();
    }
  };
}

/** A Python object of the compiler's, which lives until it is destroyed. */
interface PythonBytes {
  toJs(): Uint8Array;
  destroy(): void;
}
