import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import type { Bundle } from "../../layers/bundle";
import { readManifest } from "../../layers/manifest";
import { findPython } from "../../layers/python";
import { relock } from "../../layers/relock";
import { differences, failedImports, installByUv, modulesOf, packagesFolder, unpack } from "./equivalence";

const run = promisify(execFile);
const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;

/** Sets that are larger than what Lambda takes, or were tried there. */
const onAzure = new Set(["azure1", "dbt", "msgraph", "numba", "playwright", "skimage", "tables", "tbb"]);

interface Outcome {
  readonly name: string;
  readonly result: string;
  readonly built?: { readonly bundles: readonly Bundle[]; readonly seconds: number; readonly megabytes: number };
  readonly modules?: number;
}

/**
 * Builds each set of requirements as a user would, lays it beside the tree of `uv pip install --target`, and imports every
 * module that can be imported from that one.
 */
async function main(): Promise<void> {
  const folder = path.join(__dirname, "sets");
  const all = readdirSync(folder).map((file) => path.basename(file, ".in"));
  const wanted = process.argv.slice(2);
  const python = await findPython(platform.pythonVersion);
  if (!python.exact) throw new Error("there is no Python 3.12 here to import with: uv python install 3.12");
  let failed = 0;
  for (const name of wanted.length > 0 ? wanted : all) {
    const outcome = await tried(name, path.join(folder, `${name}.in`), python.executable).catch(
      (error: unknown): Outcome => ({ name, result: reason(error) }),
    );
    if (outcome.result !== "equal") failed += 1;
    const bundle = outcome.built?.bundles.find(({ kind }) => kind !== "application");
    const megabytes = (bytes = 0) => (bytes / 1e6).toFixed(1);
    const row = [
      outcome.name,
      ...[megabytes(bundle?.size), megabytes(bundle?.unpackedSize)],
      ...[outcome.built?.seconds.toFixed(1) ?? "", outcome.built?.megabytes.toFixed(0) ?? ""],
      ...[String(outcome.modules ?? ""), outcome.result],
    ];
    process.stdout.write(`| ${row.join(" | ")} |\n`);
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

async function tried(name: string, requirements: string, python: string): Promise<Outcome> {
  const target = onAzure.has(name) ? "azure" : "aws";
  const work = mkdtempSync(path.join(tmpdir(), `nightly-${name}-`));
  try {
    copyFileSync(requirements, path.join(work, `${target}.in`));
    await relock(path.join(work, `${target}.in`));
    const { stdout } = await run(
      process.execPath,
      ["--require", "tsx/cjs", path.join(__dirname, "build-set.ts"), target, work],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    const built = JSON.parse(stdout) as NonNullable<Outcome["built"]>;
    const bundle = built.bundles.find(({ kind }) => kind !== "application");
    if (bundle === undefined) throw new Error("nothing was built");

    const [tree, theirs] = [path.join(work, "built"), path.join(work, "installed")];
    const ours = path.join(tree, packagesFolder[target]);
    mkdirSync(theirs);
    await Promise.all([unpack(bundle.path, tree), installByUv(work, target, platform, theirs)]);
    const manifest = await readManifest(bundle.path);
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
    // What failed beside all others may work alone, and the other way round.
    for (const module of failures.keys()) {
      const alone = await Promise.all([theirs, ours].map((tree) => failedImports(python, tree, [module])));
      if (alone[0]?.size === alone[1]?.size) failures.delete(module);
    }
    const problems = [
      ...different.map(({ file, what }) => `${what}: ${file}`),
      ...[...failures].map(([module, error]) => `import ${module}: ${error}`),
    ];
    const result = problems.length === 0 ? "equal" : `${problems.length} problems: ${problems.slice(0, 5).join("; ")}`;
    return { name, built, modules: importable.length, result };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What was said last is the cause. */
function reason(error: unknown): string {
  const text = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  return text.trim().split("\n").slice(-6).join(" ").slice(-600);
}

process.stdout.write(
  "| set | zip, MB | unpacked, MB | seconds | memory, MB | modules imported | result |\n" +
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |\n",
);
main().catch((error: unknown) => {
  process.stderr.write(`${reason(error)}\n`);
  process.exitCode = 1;
});
