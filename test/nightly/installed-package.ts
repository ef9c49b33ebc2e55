import { execFile } from "node:child_process";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { relock } from "../../layers/relock";
import { openWheels } from "../../layers/contents";
import { applicationTree, packageTree } from "../../layers/importable";
import { type ImportProof, proveImports } from "../../layers/import-proof";
import { readLock } from "../../layers/lock-forms";
import { mergeWheels } from "../../layers/merge";
import type { Tree } from "../../layers/module-tree";
import { contentOf } from "../../layers/unzip";
import { wheelsOf } from "../../layers/wheel-index";
import type { PopularPackage } from "./popular-packages";

export const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;

/** A package with its requirements, as the builder installs it and as CPython imports it. */
export interface Installed {
  /** Folder for `sys.path`. */
  readonly folder: string;
  readonly tree: Tree;
  readonly program: string;
}

/** Installs a package with this project's builder. */
export async function install({ requirement, imports }: PopularPackage, root: string): Promise<Installed> {
  const requirements = path.join(root, "requirements.in");
  const folder = path.join(root, "packages");
  await mkdir(root, { recursive: true });
  await writeFile(requirements, `${requirement}\n`);
  await relock(requirements, { pythonVersion: platform.pythonVersion });
  const lock = await readLock("aws", requirements);
  const names = lock.packages.map(({ name }) => name);
  const tree = await packageTree(lock, platform, names, () => undefined);
  const wheels = await openWheels(await wheelsOf(lock, platform), lock, platform, () => undefined);
  for (const { entry } of mergeWheels(wheels, { prune: false }).files) {
    const file = path.join(folder, entry.name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, contentOf(entry));
  }
  return { folder, tree, program: programOf(imports) };
}

function programOf(imports: readonly string[]): string {
  const lines = imports.map((each) => {
    const [module = "", name] = each.split(":");
    return name === undefined ? `import ${module}` : `from ${module} import ${name}`;
  });
  return `${lines.join("\n")}\napp = 1\n`;
}

/** The proof's result for a program with these packages. */
export async function prove(program: string, packages: Tree): Promise<ImportProof> {
  return proveImports({
    platform,
    entryPoints: [{ module: "main", attribute: "app" }],
    application: await applicationTree([{ name: "main.py", content: Buffer.from(program) }], platform.pythonVersion),
    packages,
    provided: [],
  });
}

/** CPython's result. */
export interface RealImport {
  /** Undefined if the program runs. */
  readonly error?: {
    readonly type: string;
    readonly message: string;
    /** Function names in the traceback's frames; `<module>` for modules. */
    readonly frames: readonly string[];
  };
  /** Imported files, relative to the folder. */
  readonly loaded: readonly string[];
}

const runner = `
import json, sys, traceback
folder, program = sys.argv[1:]
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
error = None
try:
    exec(compile(program, "main.py", "exec"), {"__name__": "main"})
except BaseException as caught:
    cause = caught
    frames = []
    for each in (caught, caught.__cause__, caught.__context__):
        if each is not None:
            for frame in traceback.extract_tb(each.__traceback__):
                if "importlib" not in frame.filename and "<frozen" not in frame.filename:
                    frames.append(frame.name)
    error = {"type": [t.__name__ for t in type(caught).__mro__], "message": str(caught), "frames": frames}
loaded = []
for module in list(sys.modules.values()):
    file = getattr(module, "__file__", None)
    if isinstance(file, str) and file.startswith(folder + "/"):
        loaded.append(file[len(folder) + 1:])
sys.__stdout__.write("\\n" + json.dumps({"error": error, "loaded": sorted(set(loaded))}))
sys.__stdout__.flush()
import os
os._exit(0)
`;

/** Runs the program with CPython, with only the packages and the standard library. */
export async function reallyImport(python: string, { folder, program }: Installed): Promise<RealImport> {
  const { stdout } = await new Promise<{ stdout: string }>((resolve, reject) => {
    execFile(
      python,
      ["-I", "-S", "-W", "ignore", "-c", runner, folder, program],
      { maxBuffer: 64 * 1024 * 1024, env: { HOME: folder, PATH: process.env.PATH } },
      (error, out) => {
        if (error) reject(new Error(error.message));
        else resolve({ stdout: out });
      },
    );
  });
  const { error, loaded } = JSON.parse(stdout.slice(stdout.lastIndexOf("\n") + 1)) as {
    error: { type: string[]; message: string; frames: string[] } | null;
    loaded: string[];
  };
  return { loaded, ...(error && { error: { ...error, type: error.type.join(" ") } }) };
}

/** A package without one of its modules, which is a file or a folder. */
export async function without<Result>(
  { tree, folder, program }: Installed,
  removed: string,
  use: (mutated: Installed) => Promise<Result>,
): Promise<Result> {
  const gone = removed.endsWith("/__init__.py") ? removed.slice(0, -"__init__.py".length) : removed;
  const from = path.join(folder, gone);
  const aside = `${folder}.removed`;
  await rename(from.replace(/\/$/, ""), aside);
  try {
    const rest = [...tree].filter(([file]) => (gone.endsWith("/") ? !file.startsWith(gone) : file !== gone));
    return await use({ folder, program, tree: new Map(rest) });
  } finally {
    await rm(from, { recursive: true, force: true });
    await rename(aside, from.replace(/\/$/, ""));
  }
}
