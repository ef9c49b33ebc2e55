import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import type { Bundle, Target } from "../../layers/bundle";
import { readManifest } from "../../layers/manifest";
import { relock } from "../../layers/relock";
import { differences, failedImports, installByUv, modulesOf, packagesFolder, unpack } from "./equivalence";

const run = promisify(execFile);
const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;

/** The output of `build-set.ts`. */
interface Built {
  readonly bundles: readonly Bundle[];
  readonly seconds: number;
  readonly megabytes: number;
}

/** The result for a set of requirements. */
export interface Compared {
  readonly bundle: Bundle;
  /** Duration of the build. */
  readonly seconds: number;
  /** Peak memory of the build. */
  readonly megabytes: number;
  /** Number of importable modules in the installer's tree. */
  readonly modules: number;
  /** Differences of the built tree; empty if it differs only as the manifest says. */
  readonly problems: readonly string[];
}

/**
 * Builds requirements like a user, compares the tree with that of `uv pip install --target`, and imports every module
 * that can be imported from that tree.
 *
 * @param python a CPython of the target version.
 */
export async function compareSet(
  target: Exclude<Target, "gcp">,
  requirements: string,
  python: string,
): Promise<Compared> {
  const work = mkdtempSync(path.join(tmpdir(), "compared-"));
  try {
    copyFileSync(requirements, path.join(work, `${target}.in`));
    await relock(path.join(work, `${target}.in`));
    const { stdout } = await run(
      process.execPath,
      [
        "--require",
        path.join(__dirname, "..", "..", "run-typescript.js"),
        path.join(__dirname, "build-set.ts"),
        target,
        work,
      ],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    const built = JSON.parse(stdout) as Built;
    const bundle = built.bundles.find(({ kind }) => kind !== "application");
    if (bundle === undefined) throw new Error("nothing was built");

    const [tree, theirs] = [path.join(work, "built"), path.join(work, "installed")];
    const ours = path.join(tree, packagesFolder[target]);
    mkdirSync(theirs);
    const manifest = await readManifest(bundle.path);
    const fromSource = manifest.packages.filter(({ source }) => source !== undefined).map(({ name }) => name);
    await Promise.all([unpack(bundle.path, tree), installByUv(work, target, { ...platform, fromSource }, theirs)]);
    const different = await differences(ours, theirs, manifest);

    const pruned = new Set(
      manifest.packages
        .flatMap(({ pruned }) => Object.values(pruned).flat())
        .map((file) => file.replace(/(\/__init__)?\.\w+$/, "").replaceAll("/", ".")),
    );
    const modules = (await modulesOf(theirs)).filter((module) => !pruned.has(module));
    const without = await failedImports(python, theirs, modules);
    const importable = modules.filter((module) => !without.has(module));
    const failures = await failedImports(python, ours, importable);
    // A module that fails after the others may work alone, and vice versa.
    for (const module of failures.keys()) {
      const alone = await Promise.all([theirs, ours].map((tree) => failedImports(python, tree, [module])));
      if (alone[0]?.size === alone[1]?.size) failures.delete(module);
    }
    const problems = [
      ...different.map(({ file, what }) => `${what}: ${file}`),
      ...[...failures].map(([module, error]) => `import ${module}: ${error}`),
    ];
    const { seconds, megabytes } = built;
    return { bundle, seconds, megabytes, modules: importable.length, problems };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
