import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { BuildError, reasonOf } from "./build-error";
import { cacheDirectory, readRecord, sha256, writeAtomically, writeRecord } from "./cache";
import { sourceFiles } from "./local-package";
import { once } from "./once";
import { findPython } from "./python";
import { recipeDigest } from "./recipe";
import { onlyOne } from "./shared-work";
import { contentOf, readZip } from "./unzip";
import { buildRequirements, uvBuild } from "./uv";
import type { Wheel } from "./wheel-index";
import { deflated, writeZip } from "./zip";

/** The source of a package without a wheel. */
export interface Source {
  /** Normalised name (PEP 503). */
  readonly name: string;
  readonly version: string;
  /** File name of the archive, or the folder as messages name it. */
  readonly filename: string;
  /** Absolute path of the archive or folder. */
  readonly path: string;
  /** SHA-256 in hexadecimal, as in the lock. */
  readonly sha256: string;
}

/** The source's wheel cannot be built here. */
export class UnbuildableSource extends BuildError {}

const building = new Map<string, Promise<Wheel>>();

/**
 * Builds the wheel of a pure Python source once. The build is isolated, uses pinned build requirements, no compiler and
 * a fixed date, so that every machine builds the same bytes.
 *
 * @param folder where uv looks for its configuration.
 * @throws {UnbuildableSource} if it needs a compiler, or build requirements that are not pinned.
 */
export async function builtWheel(
  source: Source,
  { pythonVersion, folder }: { readonly pythonVersion: string; readonly folder: string },
  progress: (line: string) => void,
): Promise<Wheel> {
  const [recipe, requirements] = await Promise.all([recipeDigest(), readFile(buildRequirements, "utf8")]);
  const key = sha256(JSON.stringify([recipe, requirements, source.name, source.version, source.sha256, pythonVersion]));
  const record = cacheDirectory("built", `${key}.json`);
  return once(building, key, async () => {
    const kept = async () => {
      const known = await readRecord<BuiltWheel>(record);
      const file = known && wheelFile(known.sha256);
      return file !== undefined && (await stat(file).catch(() => undefined)) !== undefined ? known : undefined;
    };
    const { filename, sha256: hash } =
      (await kept()) ??
      (await onlyOne(key, async () => {
        const known = await kept();
        if (known !== undefined) return known;
        progress(`Building ${source.name} ${source.version} from ${source.filename}`);
        const made = await make(source, pythonVersion, folder);
        await writeRecord(record, made);
        return made;
      }));
    return {
      ...{ name: source.name, version: source.version, filename, sha256: hash },
      url: pathToFileURL(wheelFile(hash)).href,
      size: (await stat(wheelFile(hash))).size,
      source: { filename: source.filename, sha256: source.sha256 },
    };
  }).finally(() => building.delete(key));
}

interface BuiltWheel {
  readonly filename: string;
  /** Hash of the wheel, in hexadecimal. */
  readonly sha256: string;
}

/** The path where ./wheel-store looks for it. */
const wheelFile = (hash: string) => cacheDirectory("wheels", `${hash}.whl`);

async function make(source: Source, pythonVersion: string, folder: string): Promise<BuiltWheel> {
  const workplace = await mkdtemp(path.join(os.tmpdir(), "source-build-"));
  try {
    const [input, output] = [path.join(workplace, source.filename.replace(/.*[/\\]/, "")), path.join(workplace, "out")];
    await copy(source.path, input);
    const python = await findPython(pythonVersion);
    await uvBuild(input, output, { python: python.executable, cwd: folder });
    const [filename, ...others] = (await readdir(output)).filter((name) => name.endsWith(".whl"));
    if (filename === undefined || others.length > 0) throw new Error("the build made no wheel, or more than one");
    if (!/-none-any\.whl$/.test(filename)) {
      throw new Error(`the build made ${filename}, which is for this machine: only pure Python sources are built`);
    }
    const content = await normalised(await readFile(path.join(output, filename)));
    const hash = sha256(content);
    await writeAtomically(wheelFile(hash), content);
    return { filename, sha256: hash };
  } catch (error) {
    throw new UnbuildableSource(reasonOf(error).replaceAll(`${workplace}${path.sep}`, ""));
  } finally {
    await rm(workplace, { recursive: true, force: true });
  }
}

/**
 * Copies a source before the build, since a build writes files beside it. Of a folder, only the hashed files are
 * copied.
 */
async function copy(from: string, to: string): Promise<void> {
  if (!(await stat(from)).isDirectory()) return cp(from, to);
  await mkdir(to);
  for (const name of sourceFiles(from)) await cp(path.join(from, name), path.join(to, name), { dereference: true });
}

/**
 * Rewrites a wheel with sorted files, a fixed date and our own compressor, since the zlib of one Python compresses
 * differently from another's.
 */
async function normalised(wheel: Buffer): Promise<Buffer> {
  const entries = await readZip(wheel);
  return writeZip(
    await Promise.all(
      entries.map(async (entry) => ({
        ...(await deflated(entry.name, contentOf(entry))),
        executable: entry.executable,
      })),
    ),
  );
}
