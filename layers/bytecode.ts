import { availableParallelism } from "node:os";

import { bytecodeCompiler } from "./bytecode-compiler";
import { cacheDirectory, readBlob, sha256, writeBlob } from "./cache";
import type { InstalledFile, MergedWheels } from "./merge";
import { closeScanners } from "./module-scan";
import { recipeDigest } from "./recipe";
import { contentOf, readZip } from "./unzip";
import { Workers } from "./workers";
import { compressed, stored, writeZip, type ZipEntry } from "./zip";

/**
 * Modules that a worker compiles per message: enough to outweigh the message's cost, few enough to spread one large
 * package over the workers.
 */
const batch = 200;

/**
 * Modules that justify another worker: its interpreter needs 120 MB, and as long to start as to compile a tenth of
 * them.
 */
const worthwhile = 1000;

interface Sources {
  /** The npm package of the compiler. */
  readonly compiler: string;
  readonly modules: readonly { readonly name: string; readonly source: Uint8Array }[];
  readonly level: number;
}
/** Undefined for a file that this Python cannot compile. */
type Compiled = readonly ({ readonly content: Uint8Array; readonly data: Uint8Array } | undefined)[];

/**
 * Bytecode of every module, at the path where Python looks for it, so that a function starts without compiling. It is
 * `unchecked-hash` bytecode (PEP 552): a layer's source does not change, and its dates are constant.
 *
 * @throws for a Python without a compiler.
 */
export async function bytecodeOf({ files, wheels }: MergedWheels, pythonVersion: string): Promise<InstalledFile[]> {
  const compiler = bytecodeCompiler(pythonVersion);
  if (compiler === undefined) throw new Error(`there is no bytecode compiler for Python ${pythonVersion}`);
  const modules = new Map<string, ZipEntry[]>();
  for (const { owner, entry } of files) {
    if (entry.name.endsWith(".py")) modules.set(owner, [...(modules.get(owner) ?? []), entry]);
  }
  const recipe = await recipeDigest();
  const count = files.filter(({ entry }) => entry.name.endsWith(".py")).length;
  const workers = new Workers<Sources, Compiled>(
    "bytecode-worker.mjs",
    Math.min(availableParallelism(), Math.ceil(count / worthwhile)),
  );
  const compilation = { ...compiler, workers, suffix: `cpython-${pythonVersion.replace(".", "")}` };
  try {
    const packages = wheels.flatMap(({ wheel: { name, sha256: hash } }) => {
      const sources = modules.get(name);
      modules.delete(name);
      return sources === undefined ? [] : { owner: name, hash, sources };
    });
    // The largest package first, since it takes longest.
    packages.sort((a, b) => b.sources.length - a.sources.length);
    const bytecode = await Promise.all(
      packages.map(async ({ owner, hash, sources }) => {
        const entries = await compiledOnce([recipe, compiler.name, hash], sources, compilation);
        return entries.map((entry) => ({ owner, entry }));
      }),
    );
    return bytecode.flat();
  } finally {
    await workers.close();
  }
}

interface Compilation {
  readonly npmPackage: string;
  readonly workers: Workers<Sources, Compiled>;
  /** Suffix of the bytecode files, e.g. `cpython-312`. */
  readonly suffix: string;
}

const running = new Map<string, Promise<ZipEntry[]>>();

/** Cached by the wheel's hash and the list of modules: a changed pin compiles only that package. */
function compiledOnce(
  by: readonly string[],
  sources: readonly ZipEntry[],
  compilation: Compilation,
): Promise<ZipEntry[]> {
  const key = sha256(JSON.stringify([by, sources.map(({ name }) => name)]));
  const compiling = running.get(key) ?? compiled(sources, cacheDirectory("bytecode", `${key}.zip`), compilation);
  running.set(key, compiling);
  return compiling.finally(() => running.delete(key));
}

async function compiled(sources: readonly ZipEntry[], file: string, compilation: Compilation): Promise<ZipEntry[]> {
  const known = await readBlob(file);
  if (known !== undefined) return readZip(known);

  const batches = Array.from({ length: Math.ceil(sources.length / batch) }, (_, index) =>
    sources.slice(index * batch, (index + 1) * batch),
  );
  const entries = await Promise.all(batches.map((each) => compiledBatch(each, compilation)));
  await writeBlob(file, writeZip(entries.flat()));
  return entries.flat();
}

async function compiledBatch(
  sources: readonly ZipEntry[],
  { npmPackage, workers, suffix }: Compilation,
): Promise<ZipEntry[]> {
  await closeScanners();
  const answers = await workers.run(() => ({
    compiler: npmPackage,
    modules: sources.map((entry) => ({ name: entry.name, source: new Uint8Array(contentOf(entry)) })),
    level: 9,
  }));
  return answers.flatMap((bytecode, index) => {
    const name = cachedName(sources[index]?.name ?? "", suffix);
    if (bytecode === undefined) return [];
    const [content, data] = [Buffer.from(bytecode.content), Buffer.from(bytecode.data)];
    return data.length < content.length ? compressed(name, content, data) : stored(name, content);
  });
}

/** The path where Python looks for a module's bytecode: `a/__pycache__/b.cpython-312.pyc` for `a/b.py`. */
function cachedName(source: string, suffix: string): string {
  return source.replace(/([^/]+)\.py$/, `__pycache__/$1.${suffix}.pyc`);
}
