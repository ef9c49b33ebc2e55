import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { BuildError, reasonOf } from "./build-error";
import { cacheDirectory } from "./cache";

const run = promisify(execFile);

/** The uv that is installed if there is none, with the hashes of its wheels. */
const lock = path.join(__dirname, "requirements", "uv.lock");

/** The first uv whose `pip compile` writes `pylock.toml`. */
const minimum = [0, 7] as const;

/** Build requirements of source packages, with their hashes. */
export const buildRequirements = path.join(__dirname, "requirements", "build.lock");

/** The next step for a package that has no wheel and is not built here. */
export const ownWheel =
  "To bring a wheel of your own, build it on Linux with that processor (uv build --wheel), and either put it into a folder that the " +
  "requirements name (--find-links ./wheels), require the file itself (./wheels/<file>.whl), or put it on your index (UV_INDEX, " +
  "with UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD).";

let found: Promise<string> | undefined;

/**
 * Path of uv: the one on the PATH if it is new enough, otherwise one that any Python on this machine installs from PyPI
 * into the cache, with its hash checked.
 */
export function findUv(): Promise<string> {
  found ??= uvOnPath()
    .then((uv) => uv ?? installedUv())
    .catch((error: unknown) => {
      // Do not cache the failure: the next call may have a network.
      found = undefined;
      throw error;
    });
  return found;
}

/**
 * The output of `uv pip compile`.
 *
 * @param input its standard input.
 * @param building whether it may run the code of packages to read what their sources require.
 * @throws with uv's own message, without the user and password of an address.
 */
export function uvPipCompile(
  args: readonly string[],
  options: { cwd?: string; input?: string; building?: boolean } = {},
): Promise<string> {
  const all = [
    ...["pip", "compile", "--quiet", "--generate-hashes", "--build-constraints", buildRequirements],
    // Any Python will do. By default uv looks for the one that it resolves for, or downloads it.
    ...["--python", ">=3.8", "--no-python-downloads"],
    ...args,
  ];
  return uv(all, options);
}

/**
 * Builds the wheel of a source, an archive or a folder, with only the pinned build requirements.
 *
 * @param output folder for the wheel.
 * @throws with the last lines of uv and the build.
 */
export async function uvBuild(
  source: string,
  output: string,
  { python, cwd }: { readonly python: string; readonly cwd: string },
): Promise<void> {
  const args = ["build", "--wheel", "--out-dir", output, "--python", python, "--no-python-downloads"];
  try {
    await uv([...args, "--build-constraints", buildRequirements, "--require-hashes", source], { cwd, building: true });
  } catch (error) {
    const lines = reasonOf(error)
      .split("\n")
      .filter((line) => line.trim() !== "");
    throw new Error(lines.slice(-15).join("\n"));
  }
}

/** Environment variables that builds may see: none that holds a cloud's secret. */
const seenByBuilds = /^(PATH|HOME|USER|LANG|LC_.*|TMPDIR|XDG_.*|UV_.*|NETRC|SSL_.*|.*_PROXY|.*_CA_BUNDLE)$/i;

function environmentOfBuilds(): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => seenByBuilds.test(name))),
    // A fixed date for every file. No compiler, since its result would depend on the machine.
    ...{ SOURCE_DATE_EPOCH: "315532800", PYTHONHASHSEED: "0", TZ: "UTC", CC: "false", CXX: "false" },
  };
}

async function uv(
  args: readonly string[],
  { cwd, input = "", building = false }: { cwd?: string; input?: string; building?: boolean },
): Promise<string> {
  const env = building ? environmentOfBuilds() : process.env;
  const running = run(await findUv(), args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  // If uv ends before it has read its input, its own error message says why.
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
    // Another build may have finished first; its uv is the same.
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
