import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { once } from "./once";
import { findUv } from "./uv";
import { onceInCache } from "./archive";

const run = promisify(execFile);

/** A Python interpreter on this machine. */
export interface Python {
  /** Absolute path. */
  readonly executable: string;
  /** Major and minor version, e.g. `3.12`. */
  readonly version: string;
  /** Whether that is the requested version; if not, layers have to be built for `version`. */
  readonly exact: boolean;
}

/** The oldest Python that the clouds' runtime packages support, from `Requires-Python` of awslambdaric. */
const oldest = "3.10";

const found = new Map<string, Promise<Python>>();

/**
 * The interpreter for a deployed version such as `3.12`, including those of uv and pyenv; otherwise another interpreter
 * on this machine, otherwise one that uv downloads.
 *
 * @throws if there is no Python and none can be downloaded.
 */
export async function findPython(version: string): Promise<Python> {
  return once(found, version, async () => (await installedPython(version)) ?? fetchPython(version));
}

/** Like `findPython`, but returns undefined instead of downloading Python. */
export async function installedPython(version: string): Promise<Python | undefined> {
  const uv = await findUv();
  const env = { ...process.env, PATH: [...(await pyenvFolders(version)), process.env.PATH].join(path.delimiter) };
  for (const request of [version, `>=${oldest}`]) {
    const executable = await run(uv, ["python", "find", "--no-project", "--no-python-downloads", request], {
      env,
    }).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
    if (executable === undefined) continue;
    const { stdout } = await run(executable, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    return { executable, version: stdout.trim(), exact: stdout.trim() === version };
  }
  return undefined;
}

async function fetchPython(version: string): Promise<Python> {
  process.stderr.write(`There is no Python ${oldest} or newer here; uv fetches Python ${version}\n`);
  let reason = "uv does not find the Python that it fetched";
  try {
    await run(await findUv(), ["python", "install", "--no-bin", version]);
    const python = await installedPython(version);
    if (python !== undefined) return python;
  } catch (error) {
    reason = (error as { stderr?: string }).stderr?.trim() || String(error);
  }
  throw new Error(
    `there is no Python ${oldest} or newer on this machine, and Python ${version} could not be fetched: ${reason}; ` +
      `install it (https://www.python.org/downloads/), then run this again`,
  );
}

/**
 * The folders of pyenv's interpreters of a version. The PATH has only pyenv's shims, and a shim of an unselected
 * version fails, which ends uv's search.
 */
async function pyenvFolders(version: string): Promise<string[]> {
  const versions = path.join(process.env.PYENV_ROOT ?? path.join(os.homedir(), ".pyenv"), "versions");
  const names = await readdir(versions).catch(() => []);
  return names.filter((name) => name.startsWith(`${version}.`)).map((name) => path.join(versions, name, "bin"));
}

/**
 * The interpreter of a virtual environment that contains only what `install` names. Created once, and kept in the
 * cache.
 *
 * @param key distinguishes environments with different content, e.g. the hash of a lock.
 * @param install arguments of `uv pip install`; none for an empty environment.
 */
export async function pythonEnvironment(python: Python, key: string, install: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(`${python.executable}\n${key}`).digest("hex").slice(0, 16);
  const environment = await onceInCache("python", `${python.version}-${hash}`, async (directory) => {
    const uv = await findUv();
    const interpreter = path.join(directory, "bin", "python");
    await run(uv, [
      "venv",
      "--no-project",
      "--relocatable",
      "--allow-existing",
      "--python",
      python.executable,
      directory,
    ]);
    if (install.length > 0) await run(uv, ["pip", "install", "--python", interpreter, ...install]);
  });
  return path.join(environment, "bin", "python");
}
