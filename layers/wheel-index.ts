import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

import { parse } from "smol-toml";
import { z } from "zod";

import { BuildError } from "./build-error";
import type { Architecture } from "./bundle";
import { cacheDirectory, writeAtomically } from "./cache";
import { type Lock, normalisedName } from "./lock";
import { findUv } from "./uv";

const run = promisify(execFile);

/** What a bundle is built for. */
export interface Platform {
  readonly pythonVersion: string;
  readonly architecture: Architecture;
}

/**
 * Newest glibc symbol version that the functions' runtimes have: Lambda's Python 3.12 runs on Amazon Linux 2023, whose
 * glibc is 2.34; those of Azure Functions and Cloud Run are newer.
 */
export const glibc = { major: 2, minor: 34 } as const;

/** One wheel that a lock accepts for a platform. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly url: string;
  readonly sha256: string;
  /** Bytes of the file, where the index says so. */
  readonly size?: number;
}

const pylock = z.object({
  packages: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      wheels: z
        .array(
          z.object({
            url: z.string(),
            name: z.string().optional(),
            size: z.number().optional(),
            hashes: z.object({ sha256: z.string() }),
          }),
        )
        .optional(),
    }),
  ),
});

const machines = { x86_64: "x86_64", arm64: "aarch64" } as const;

/**
 * The wheels of a lock for a platform, each package's most specific one, sorted by package.
 *
 * uv asks the user's own index for the addresses, which stay in the cache: the lock holds none.
 *
 * @throws {BuildError} for a package without a wheel for the platform, or with a hash that the lock does not accept.
 */
export async function wheelsOf(lock: Lock, platform: Platform): Promise<Wheel[]> {
  const packages = pylock.parse(parse(await addresses(lock, platform))).packages;
  return packages
    .map(({ name, version, wheels = [] }) => {
      const accepted = lock.hashes.get(normalisedName(name)) ?? new Set<string>();
      const candidates = wheels
        .map((wheel) => ({ ...wheel, filename: wheel.name ?? fileName(wheel.url) }))
        .filter(({ filename }) => specificity(filename, platform) > 0)
        .sort((a, b) => specificity(b.filename, platform) - specificity(a.filename, platform));
      const [best] = candidates;
      if (best === undefined)
        throw noWheel(
          name,
          version,
          wheels.map((wheel) => wheel.name ?? fileName(wheel.url)),
          platform,
        );
      if (!accepted.has(best.hashes.sha256)) {
        throw new BuildError(
          `${name} ${version}: the index offers ${best.filename} with sha256 ${best.hashes.sha256}, which the lock does ` +
            `not accept; if the release really changed, run: npm run layer -- lock`,
        );
      }
      return { name, version, filename: best.filename, url: best.url, sha256: best.hashes.sha256, size: best.size };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function noWheel(
  name: string,
  version: string,
  offered: string[],
  { pythonVersion, architecture }: Platform,
): BuildError {
  return new BuildError(
    `${name} ${version} has no wheel for Python ${pythonVersion} on ${architecture} with glibc ${glibc.major}.${glibc.minor} ` +
      `or older (offered: ${offered.join(", ") || "none"}); require a version that has one, then run: npm run layer -- lock`,
  );
}

/** What uv says of the lock's files, kept by lock and platform: a lock that was built once needs no index. */
async function addresses(lock: Lock, { pythonVersion, architecture }: Platform): Promise<string> {
  const key = createHash("sha256").update(`${lock.sha256} ${pythonVersion} ${architecture}`).digest("hex");
  const file = cacheDirectory("addresses", `${key}.toml`);
  try {
    return await readFile(file, "utf8");
  } catch {
    // Not asked yet.
  }
  const text = await ask(lock, pythonVersion, `${machines[architecture]}-manylinux_${glibc.major}_${glibc.minor}`);
  await writeAtomically(file, text);
  return text;
}

async function ask(lock: Lock, pythonVersion: string, platform: string): Promise<string> {
  try {
    const { stdout } = await run(
      await findUv(),
      [
        ...["pip", "compile", lock.path, "--no-deps", "--no-header", "--quiet", "--format", "pylock.toml"],
        ...["--generate-hashes", "--only-binary", ":all:"],
        ...["--python-version", pythonVersion, "--python-platform", platform],
      ],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    return stdout;
  } catch (error) {
    const reason = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new BuildError(`the package index did not give the wheels of ${lock.path}:\n${reason}`);
  }
}

function fileName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "");
}

/**
 * How well a wheel fits a platform by its file name's tags; 0 where it does not. Native beats pure, and of native ones the
 * one for the newest Python and the newest glibc that the platform has.
 */
export function specificity(filename: string, { pythonVersion, architecture }: Platform): number {
  const tags = /-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(filename);
  if (tags === null) return 0;
  const [, pythons = "", abis = "", platforms = ""] = tags;
  const minor = Number(pythonVersion.split(".")[1]);
  const best = (scores: number[]) => Math.max(0, ...scores);

  const interpreter = best(
    pythons.split(".").flatMap((python) =>
      abis.split(".").map((abi) => {
        const cpython = /^cp3(\d+)$/.exec(python)?.[1];
        if (cpython !== undefined && abi === `cp3${minor}` && Number(cpython) === minor) return 1000;
        if (cpython !== undefined && abi === "abi3" && Number(cpython) <= minor) return 500 + Number(cpython);
        if (cpython !== undefined && abi === "none" && Number(cpython) <= minor) return 300 + Number(cpython);
        const python3 = /^py3(\d*)$/.exec(python)?.[1];
        return python3 !== undefined && abi === "none" && Number(python3 || 0) <= minor
          ? 100 + Number(python3 || 0)
          : 0;
      }),
    ),
  );
  const system = best(
    platforms.split(".").map((platform) => {
      if (platform === "any") return 1;
      const legacy = { manylinux1: 5, manylinux2010: 12, manylinux2014: 17 };
      const manylinux = /^(?:manylinux_2_(\d+)|(manylinux1|manylinux2010|manylinux2014))_(\w+)$/.exec(platform);
      if (manylinux?.[3] !== machines[architecture]) return 0;
      const needed = manylinux[1] === undefined ? legacy[manylinux[2] as keyof typeof legacy] : Number(manylinux[1]);
      return needed <= glibc.minor ? 10 + needed : 0;
    }),
  );
  return interpreter > 0 && system > 0 ? interpreter * 100 + system : 0;
}
