import { createHash } from "node:crypto";

import { applicationFiles, type SourceFile } from "./application-files";
import type { Architecture, Bundle, Target } from "./bundle";
import { type BundleContent, storedBundle } from "./bundle-store";
import { checkLimit, lambdaLimits } from "./limits";
import { type Lock, readLock } from "./lock";
import { mergeWheels } from "./merge";
import { type Platform, type Wheel, wheelsOf } from "./wheel-index";
import { fetchWheels } from "./wheel-store";
import { deflated, stored, type ZipEntry } from "./zip";

export interface BuildOptions {
  readonly targets: readonly Target[];
  readonly pythonVersion: string;
  /** Of the AWS layer; the other clouds run x86_64. */
  readonly architecture: Architecture;
  /** Told what takes time and what deserves a warning, a line each. */
  readonly progress: (line: string) => void;
}

/**
 * Builds the bundles of every target, or finds them built.
 *
 * @throws {BuildError} before anything is written where one cannot be built.
 */
export async function build(options: BuildOptions): Promise<Bundle[]> {
  const bundles = await Promise.all(options.targets.map((target) => builders[target](options)));
  return bundles.flat();
}

const builders: Record<Target, (options: BuildOptions) => Promise<Bundle[]>> = {
  /** A layer, whose packages Lambda finds under `python/`, and the function's own code. */
  aws: async (options) => {
    const { architecture, pythonVersion, progress } = options;
    const platform: Platform = { architecture, pythonVersion };
    const lock = await readLock("aws");
    const layer = await storedBundle(["layer", lock.sha256, pythonVersion, architecture], async () => {
      const { wheels, contents } = await obtain(lock, platform, progress);
      return dependencies(wheels, await mergeWheels(wheels, contents, { prefix: "python/", architecture }));
    });
    for (const warning of [
      checkLimit("dependencies", layer.size, lambdaLimits.zipped),
      checkLimit("dependencies", layer.unpackedSize, lambdaLimits.unpacked),
    ]) {
      if (warning !== undefined) progress(warning);
    }

    const files = await applicationFiles("aws");
    const { packages, ...application } = await storedBundle(["application", digest(files)], () =>
      Promise.resolve({ entries: deflatedFiles(files), packages: [] }),
    );
    return [
      { target: "aws", kind: "layer", name: "dependencies", ...layer, lockSha256: lock.sha256, ...platform },
      { target: "aws", kind: "application", name: "api", ...application },
    ];
  },

  /** One package: Flex Consumption looks for dependencies in `.python_packages`. */
  azure: async ({ pythonVersion, progress }) => {
    const platform: Platform = { architecture: "x86_64", pythonVersion };
    const lock = await readLock("azure");
    const files = await applicationFiles("azure");
    const bundle = await storedBundle(["package", lock.sha256, pythonVersion, digest(files)], async () => {
      const { wheels, contents } = await obtain(lock, platform, progress);
      const prefix = ".python_packages/lib/site-packages/";
      const merged = await mergeWheels(wheels, contents, { prefix, architecture: platform.architecture });
      return dependencies(wheels, [...merged, ...deflatedFiles(files)]);
    });
    return [{ target: "azure", kind: "package", name: "api", ...bundle, lockSha256: lock.sha256, ...platform }];
  },

  /** One source archive: the buildpack installs from its directory of wheels (`GOOGLE_VENDOR_PIP_DEPENDENCIES`). */
  gcp: async ({ pythonVersion, progress }) => {
    const platform: Platform = { architecture: "x86_64", pythonVersion };
    const lock = await readLock("gcp");
    const files = await applicationFiles("gcp");
    const bundle = await storedBundle(["source", lock.sha256, pythonVersion, digest(files)], async () => {
      const { wheels, contents } = await obtain(lock, platform, progress);
      // Unpacked for its checks alone: pip wants the wheels whole.
      await mergeWheels(wheels, contents, { prefix: "", architecture: platform.architecture });
      const pins = wheels.map(({ name, version, sha256 }) => `${name}==${version} --hash=sha256:${sha256}\n`).join("");
      return dependencies(wheels, [
        ...wheels.map(({ filename }, index) => stored(`wheels/${filename}`, contents[index] ?? Buffer.alloc(0))),
        deflated("requirements.txt", Buffer.from(pins)),
        ...deflatedFiles(files),
      ]);
    });
    return [{ target: "gcp", kind: "source", name: "api", ...bundle, lockSha256: lock.sha256, ...platform }];
  },
};

async function obtain(lock: Lock, platform: Platform, progress: BuildOptions["progress"]) {
  const wheels = await wheelsOf(lock, platform);
  const contents = await fetchWheels(wheels, (wheel) => {
    progress(`Fetching ${wheel.filename}`);
  });
  return { wheels, contents };
}

function dependencies(wheels: readonly Wheel[], entries: readonly ZipEntry[]): BundleContent {
  return { entries, packages: wheels.map(({ name, version }) => ({ name, version })) };
}

function deflatedFiles(files: readonly SourceFile[]): ZipEntry[] {
  return files.map(({ name, content }) => deflated(name, content));
}

function digest(files: readonly SourceFile[]): string {
  const hash = createHash("sha256");
  for (const { name, content } of files) hash.update(`${name}\0${content.length}\0`).update(content);
  return hash.digest("hex");
}
