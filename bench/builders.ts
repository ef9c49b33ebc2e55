import { execFile, type ExecFileOptions } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import type { Architecture } from "../layers/bundle";
import { findUv } from "../layers/uv";
import { findPython, pythonEnvironment } from "../layers/python";
import { version } from "../package.json";

const run = promisify(execFile);
const checkout = path.join(__dirname, "..");

export const pythonVersion = "3.12";

export interface BuildRequest {
  /** Folder with `aws.in` and `aws.lock`. */
  readonly requirements: string;
  readonly architecture: Architecture;
  /** Folder for the builder's caches. */
  readonly cache: string;
  /** File for the peak memory of the largest process, in kilobytes. Default: not measured. */
  readonly memory?: string;
}

/** A tool that builds a layer's zip from a lock. */
export interface Builder {
  readonly name: string;
  /** Version that the tool reports; installs it if necessary. */
  readonly version: () => Promise<string>;
  /** Returns the path of the zip. */
  readonly build: (request: BuildRequest) => Promise<string>;
}

/** Those of this project come first. */
export const builders: readonly Builder[] = [
  ours("npm run layer, no bytecode", ["--no-bytecode"]),
  ours("npm run layer", []),
  recipe(
    "pip and zip -9",
    async () => (await run("python3", ["-m", "pip", "--version"])).stdout.replace(/ from .*\n/, ""),
    // The recipe of the first layer: install, delete, zip.
    `python3 -m pip install --quiet --disable-pip-version-check --no-deps --target python --platform "$PIP_PLATFORM" \\
       --python-version ${pythonVersion} --only-binary=:all: --requirement requirements.txt
     find python -type d \\( -name tests -o -name test -o -name __pycache__ \\) -prune -exec rm -rf {} +
     find python \\( -name '*.pyc' -o -name '*.c' -o -name '*.h' -o -name '*.txt' -o -name '*.md' \\) -delete
     zip -q -r9 layer.zip python`,
  ),
  recipe(
    "uv and zip -9, sorted",
    uvVersion,
    // A careful script: all files, sorted, without timestamps.
    `"$UV" pip install --quiet --no-deps --target python --python-platform "$UV_PLATFORM" \\
       --python-version ${pythonVersion} --only-binary :all: --requirement requirements.txt
     find python -exec touch -h -d 1980-01-01T00:00:00Z {} +
     find python -type f -not -name .lock | LC_ALL=C sort | TZ=UTC zip -q -X -D -9 layer.zip -@`,
  ),
  lambdaBuilder("pip"),
  lambdaBuilder("uv"),
];

/** `uv pip install` with bytecode, zipped by a careful script: close to the content of our layer. */
export const uvWithBytecode = recipe(
  "uv with bytecode, and zip -9",
  uvVersion,
  `"$UV" pip install --quiet --no-deps --target python --python "$PYTHON" --compile-bytecode --only-binary :all: \\
     --requirement requirements.txt
   find python -exec touch -h -d 1980-01-01T00:00:00Z {} +
   find python -type f -not -name .lock | LC_ALL=C sort | TZ=UTC zip -q -X -D -9 layer.zip -@`,
);

/** Runs a command, and optionally measures its memory. */
async function launch({ memory }: BuildRequest, command: readonly string[], options: ExecFileOptions): Promise<string> {
  const [program = "", ...args] =
    memory === undefined ? command : ["/usr/bin/time", "--format", "%M", "--output", memory, ...command];
  return (await run(program, args, { ...options, encoding: "utf8" })).stdout;
}

/** This project's builder as a command, including its process start. */
export function ours(name: string, flags: readonly string[]): Builder {
  return {
    name,
    version: () => Promise.resolve(version),
    build: async (request) => {
      const { requirements, architecture, cache } = request;
      const command = [
        process.execPath,
        "--require",
        "./run-typescript.js",
        "cli/layer.ts",
        "build",
        "--json",
        "--target",
        "aws",
      ];
      const stdout = await launch(
        request,
        [...command, "--requirements", requirements, "--architecture", architecture, ...flags],
        { cwd: checkout, env: { ...(await environment(cache)), XDG_CACHE_HOME: cache } },
      );
      const { bundles } = JSON.parse(stdout) as { bundles: { kind: string; path: string }[] };
      return bundles.find(({ kind }) => kind === "layer")?.path ?? "";
    },
  };
}

function recipe(name: string, toolVersion: Builder["version"], script: string): Builder {
  return {
    name,
    version: toolVersion,
    build: async (request) => {
      const { requirements, architecture, cache } = request;
      const work = workplace(requirements, cache);
      const { executable } = await findPython(pythonVersion);
      await launch(request, ["sh", "-ec", script], {
        cwd: work,
        env: { ...(await environment(cache)), ...platforms[architecture], PYTHON: executable },
      });
      return path.join(work, "layer.zip");
    },
  };
}

/** SAM's builder. It creates a folder, which SAM zips at deployment. */
function lambdaBuilder(manager: "pip" | "uv"): Builder {
  const folder = path.join(__dirname, "aws-lambda-builders");
  const lock = path.join(folder, "tool.lock");
  const interpreter = async () =>
    pythonEnvironment(await findPython(pythonVersion), readFileSync(lock, "utf8"), [
      "--require-hashes",
      "--requirement",
      lock,
    ]);
  return {
    name: `aws-lambda-builders, ${manager}, and zip -9`,
    version: async () => {
      const program = "import importlib.metadata as m; print(m.version('aws-lambda-builders'))";
      return (await run(await interpreter(), ["-c", program])).stdout.trim();
    },
    build: async ({ requirements, architecture, cache }) => {
      const python = await interpreter();
      const source = workplace(requirements, cache);
      const work = workplace(requirements, cache);
      const [content, scratch] = [path.join(work, "python"), path.join(work, "scratch")];
      for (const made of [content, scratch]) mkdirSync(made);
      const env = await environment(cache, path.dirname(python));
      await run(python, [path.join(folder, "build.py"), manager, architecture, source, content, scratch], { env });
      await run("zip", ["-q", "-r9", "layer.zip", "python"], { cwd: work });
      return path.join(work, "layer.zip");
    },
  };
}

/** The platform in the terms of pip and uv. */
const platforms: Record<Architecture, NodeJS.ProcessEnv> = {
  x86_64: { PIP_PLATFORM: "manylinux2014_x86_64", UV_PLATFORM: "x86_64-manylinux_2_28" },
  arm64: { PIP_PLATFORM: "manylinux2014_aarch64", UV_PLATFORM: "aarch64-manylinux_2_28" },
};

/** A new folder with the lock under the name that the other tools expect. */
function workplace(requirements: string, cache: string): string {
  const work = mkdtempSync(path.join(cache, "work-"));
  copyFileSync(path.join(requirements, "aws.lock"), path.join(work, "requirements.txt"));
  return work;
}

/** Environment with all caches in `cache` and all tools on the PATH, as their installation is no part of a build. */
async function environment(cache: string, ...bin: readonly string[]): Promise<NodeJS.ProcessEnv> {
  const uv = await findUv();
  return {
    ...process.env,
    PATH: [...bin, ...(path.isAbsolute(uv) ? [path.dirname(uv)] : []), process.env.PATH].join(path.delimiter),
    PIP_CACHE_DIR: path.join(cache, "pip"),
    UV: uv,
    UV_CACHE_DIR: path.join(cache, "uv"),
    UV_LINK_MODE: "copy",
  };
}

async function uvVersion(): Promise<string> {
  return (await run(await findUv(), ["--version"])).stdout.trim();
}
