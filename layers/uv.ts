import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { BuildError, reasonOf } from "./build-error";
import { cacheDirectory } from "./cache";

const run = promisify(execFile);

/** The uv that is installed where there is none, with its wheels' hashes. */
const lock = path.join(__dirname, "requirements", "uv.lock");

/** The first uv whose `pip compile` writes `pylock.toml`. */
const minimum = [0, 7] as const;

/** The way on for a package that publishes no wheel, which the builder never makes itself. */
export const withoutWheels =
  "For a package without a wheel: require a version that has one, or build one on such a platform (uv build --wheel), put it " +
  "into a folder or an index, and name that in UV_FIND_LINKS or UV_INDEX.";

let found: Promise<string> | undefined;

/**
 * Path of a uv: the one on the PATH where it is new enough, else one that is installed into the cache from PyPI with
 * whatever Python there is, its hash checked.
 */
export function findUv(): Promise<string> {
  found ??= uvOnPath()
    .then((uv) => uv ?? installedUv())
    .catch((error: unknown) => {
      // The next one may have a network.
      found = undefined;
      throw error;
    });
  return found;
}

/**
 * What `uv pip compile` prints.
 *
 * @param input its standard input.
 * @throws with uv's own words, less user and password of an address.
 */
export async function uvPipCompile(
  args: readonly string[],
  { cwd, input = "" }: { cwd?: string; input?: string } = {},
): Promise<string> {
  const uv = await findUv();
  const running = run(
    uv,
    [
      ...["pip", "compile", "--quiet", "--only-binary", ":all:", "--generate-hashes"],
      // Nothing is built, so any Python does: uv would look for the one that it resolves for, or even fetch it.
      ...["--python", ">=3.8", "--no-python-downloads"],
      ...args,
    ],
    { cwd, maxBuffer: 64 * 1024 * 1024 },
  );
  // A uv that ends before it has read everything says why by itself.
  running.child.stdin?.on("error", () => undefined).end(input);
  try {
    return (await running).stdout;
  } catch (error) {
    const { stderr = "", signal, code } = error as { stderr?: string; signal?: string | null; code?: number | string };
    const words = stderr.trim().replace(/(?<=:\/\/)[^\s/]*@/g, "");
    throw new Error(words || `uv ended with ${signal ?? `exit code ${code}`} and said nothing`);
  }
}

async function uvOnPath(): Promise<string | undefined> {
  try {
    const { stdout } = await run("uv", ["--version"]);
    const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout)?.slice(1) ?? []).map(Number);
    return major > minimum[0] || (major === minimum[0] && minor >= minimum[1]) ? "uv" : undefined;
  } catch {
    return undefined;
  }
}

async function installedUv(): Promise<string> {
  const version = /^uv==(\S+)/m.exec(await readFile(lock, "utf8"))?.[1] ?? "";
  const directory = cacheDirectory("uv", version);
  const uv = path.join(directory, "bin", "uv");
  try {
    await access(uv);
    return uv;
  } catch {
    // Not installed yet.
  }

  process.stderr.write(`Installing uv ${version} into the cache\n`);
  const staging = `${directory}.${randomUUID()}.tmp`;
  await mkdir(staging, { recursive: true });
  try {
    await run("python3", [
      ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"],
      ...["--require-hashes", "--target", path.join(staging, "uv"), "--requirement", lock],
    ]);
    // Another build may have been faster; its uv is the same.
    await rename(path.join(staging, "uv"), directory).catch(() => access(uv));
  } catch (error) {
    throw new BuildError(
      `uv ${version} could not be installed with python3 -m pip; install uv (https://docs.astral.sh/uv) or Python 3 ` +
        `with pip, then try again\n${reasonOf(error)}`,
    );
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return uv;
}
