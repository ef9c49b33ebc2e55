import { execFile, spawn } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import type { Target } from "../../layers/bundle";
import { isElf } from "../../layers/elf";
import { lockFile } from "../../layers/lock";
import type { Manifest } from "../../layers/manifest";
import { namespaceStyle } from "../../layers/namespace";
import { cutSymbols } from "../../layers/symbols";
import { type Platform, uvPlatform } from "../../layers/tags";
import { contentOf, readZip } from "../../layers/unzip";
import { findUv } from "../../layers/uv";

const run = promisify(execFile);

/** Folder of the packages in a bundle. */
export const packagesFolder: Readonly<Record<Exclude<Target, "gcp">, string>> = {
  aws: "python",
  azure: ".python_packages/lib/site-packages",
};

/** Unpacks a bundle with its file modes. */
export async function unpack(zip: string, folder: string): Promise<void> {
  for (const entry of await readZip(await readFile(zip))) {
    const file = path.join(folder, entry.name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, contentOf(entry), { mode: entry.executable ? 0o755 : 0o644 });
  }
}

/**
 * Installs a lock with `uv pip install --target`.
 *
 * @param fromSource names of packages without a wheel.
 */
export async function installByUv(
  requirements: string,
  target: Target,
  { fromSource = [], ...platform }: Platform & { readonly fromSource?: readonly string[] },
  folder: string,
) {
  const args = ["pip", "install", "--quiet", "--target", folder, "--no-deps", "--require-hashes"];
  await run(
    await findUv(),
    [
      ...[...args, "--only-binary", ":all:", "--link-mode", "copy"],
      ...fromSource.flatMap((name) => ["--no-binary", name]),
      ...["--python-version", platform.pythonVersion, "--python-platform", uvPlatform(platform)],
      ...["--requirement", lockFile(path.join(requirements, `${target}.in`))],
    ],
    { maxBuffer: 64 * 1024 * 1024 },
  );
}

/** Differences between the trees that neither the manifest nor a documented rule explains. */
export interface Difference {
  readonly file: string;
  readonly what: "missing" | "added" | "content" | "mode";
}

/** Files that installers write and no wheel contains. */
const installersOwn =
  /^(\.lock|[^/]+\.dist-info\/(INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|uv_build\.json|RECORD))$|__pycache__\//;

/**
 * Differences between a built tree and an installer's, except for the pruned files in the manifest, `RECORD`, and the
 * scripts that an installer generates from entry points.
 */
export async function differences(ours: string, theirs: string, manifest: Manifest): Promise<Difference[]> {
  const pruned = new Set(manifest.packages.flatMap(({ pruned }) => Object.values(pruned).flat()));
  const [our, their] = await Promise.all([filesBelow(ours), filesBelow(theirs)]);
  const libraries = await filesBelow(path.join(ours, "..", "lib"));
  const scripts = new Set(await entryPointScripts(theirs, their));
  const found: Difference[] = [];
  for (const file of their) {
    if (installersOwn.test(file) || pruned.has(file) || scripts.has(file)) continue;
    const moved = file.startsWith("lib/") && libraries.has(file.slice(4));
    if (!our.has(file) && !moved) found.push({ file, what: "missing" });
    else {
      const what = await otherwise(
        moved ? path.join(ours, "..", file) : path.join(ours, file),
        path.join(theirs, file),
      );
      if (what !== undefined) found.push({ file, what });
    }
  }
  for (const file of our) if (!their.has(file) && !installersOwn.test(file)) found.push({ file, what: "added" });
  return found;
}

async function otherwise(ours: string, theirs: string): Promise<Difference["what"] | undefined> {
  const [our, their] = await Promise.all([readFile(ours), readFile(theirs)]);
  const modes = await Promise.all([stat(ours), stat(theirs)]);
  if (modes.some(({ mode }) => (mode & 0o111) !== 0) && modes.some(({ mode }) => (mode & 0o111) === 0)) return "mode";
  if (our.equals(their)) return undefined;
  if (isElf(their) && cutSymbols(their)?.equals(our)) return undefined;
  // Of several namespace declarations, an installer keeps the last one.
  if (
    theirs.endsWith("/__init__.py") &&
    [our, their].every((source) => namespaceStyle(source.toString()) !== undefined)
  ) {
    return undefined;
  }
  const text = their.toString("latin1");
  // An installer writes the path of its own Python, which is not the function's.
  if (
    text.startsWith("#!") &&
    text.replace(/^.*\n('''.*\n' ''')?/, "") === our.toString("latin1").replace(/^.*\n/, "")
  ) {
    return undefined;
  }
  return "content";
}

async function entryPointScripts(folder: string, files: ReadonlySet<string>): Promise<string[]> {
  const lists = [...files].filter((file) => /^[^/]+\.dist-info\/entry_points\.txt$/.test(file));
  const texts = await Promise.all(lists.map((file) => readFile(path.join(folder, file), "utf8")));
  return texts.flatMap((text) =>
    [...text.matchAll(/^\[(?:console|gui)_scripts\]\s*$([^[]*)/gm)].flatMap(([, section = ""]) =>
      [...section.matchAll(/^\s*([^\s=]+)\s*=/gm)].map(([, name = ""]) => `bin/${name}`),
    ),
  );
}

/** Names of the modules in a tree. */
export async function modulesOf(folder: string): Promise<string[]> {
  const suffix = /(\/__init__)?(\.py|(\.cpython-\d+[^/]*|\.abi3)?\.so)$/;
  return [...(await filesBelow(folder))]
    .filter((file) => suffix.test(file))
    .map((file) => file.replace(suffix, "").split("/"))
    .filter((parts) => parts.every((part) => /^[A-Za-z_]\w*$/.test(part)) && !parts.includes("__main__"))
    .map((parts) => parts.join("."))
    .sort();
}

/**
 * Imports modules one after another; if a module ends the process, a new one continues.
 *
 * @returns the errors by module.
 */
export async function failedImports(
  python: string,
  folder: string,
  modules: readonly string[],
): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (let rest = modules; rest.length > 0;) {
    const { answers, end } = await importing(python, folder, rest);
    for (const [name, error] of answers) if (error !== null) failed.set(name, error);
    const [ended] = (rest = rest.slice(answers.length));
    if (ended === undefined) break;
    failed.set(ended, `ended the process (${end})`);
    rest = rest.slice(1);
  }
  return failed;
}

async function importing(python: string, folder: string, modules: readonly string[]) {
  const program = path.join(__dirname, "import_all.py");
  const libraries = [path.join(folder, "..", "lib"), path.join(folder, "lib")].join(":");
  const child = spawn(python, ["-I", "-S", "-W", "ignore", program, folder], {
    stdio: ["pipe", "pipe", "ignore"],
    cwd: folder,
    // In a separate session, since a module may end its process group.
    detached: true,
    env: { PATH: process.env.PATH, LD_LIBRARY_PATH: libraries, HOME: "/nonexistent", MPLCONFIGDIR: "/nonexistent" },
  });
  const ended = new Promise<string>((resolve) => {
    child.on("close", (code, signal) => {
      resolve(signal ?? `status ${code ?? ""}`);
    });
  });
  child.stdin.on("error", () => undefined).end(modules.join("\n"));
  const answers: [string, string | null][] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    answers.push(JSON.parse(line) as [string, string | null]);
  }
  return { answers, end: await ended };
}

/** Files below a folder, with forward slashes; none if the folder does not exist. */
async function filesBelow(folder: string): Promise<Set<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return new Set(
    entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))),
  );
}
