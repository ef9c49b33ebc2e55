import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { pythonVersions } from "../../contract/pythons";
import { cacheDirectory } from "../../layers/cache";
import { readManifest } from "../../layers/manifest";
import { contentOf, readZip } from "../../layers/unzip";
import { findPython } from "../../layers/python";
import { Workers } from "../../layers/workers";
import { useWorkspace } from "./workspace";

const run = promisify(execFile);
const workspace = useWorkspace();

async function layer(options: Parameters<typeof workspace.build>[0] = {}) {
  const [bundle] = await workspace.build({ bytecode: true, ...options });
  if (bundle === undefined) throw new Error("no layer was built");
  const entries = await readZip(await readFile(bundle.path));
  return { ...bundle, names: entries.map(({ name }) => name), entries };
}

const bytecodeCache = () => readdir(cacheDirectory("bytecode"));

describe("bytecode in a layer", () => {
  it("is beside every module, and listed in the manifest", async () => {
    workspace.index.publish({
      name: "plain",
      files: { "plain/deep/module.py": "x = 1\n", "plain/template.py": "{{ x }}=\n" },
    });
    await workspace.require(["plain"]);
    const { names, path: zip } = await layer();
    expect(names.filter((name) => name.endsWith(".pyc"))).toEqual([
      "python/plain/__pycache__/__init__.cpython-312.pyc",
      "python/plain/deep/__pycache__/module.cpython-312.pyc",
    ]);
    expect(names).toContain("python/plain/template.py");
    const manifest = await readManifest(zip);
    expect(manifest.bytecode).toMatch(/^pyodide \d/);
    expect(manifest.packages.reduce((total, { unpackedSize }) => total + unpackedSize, 0)).toBe(manifest.unpackedSize);
  });

  it.each(pythonVersions)("is imported by CPython %s without reading the source", async (pythonVersion) => {
    const python = await findPython(pythonVersion);
    workspace.index.publish({ name: "loaded", files: { "loaded/module.py": "def where():\n    return __file__\n" } });
    await workspace.require(["loaded"]);
    const { entries, names } = await layer({ pythonVersion });
    const bytecode = `cpython-${pythonVersion.replace(".", "")}.pyc`;
    expect(names).toContain(`python/loaded/__pycache__/module.${bytecode}`);
    if (!python.exact) {
      console.warn(`there is no Python ${pythonVersion} here, which alone loads this bytecode`);
      return;
    }
    const folder = path.join(workspace.folder, "unpacked");
    for (const entry of entries) {
      const file = path.join(folder, entry.name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, contentOf(entry));
    }
    const source = path.join(folder, "python", "loaded", "module.py");
    await writeFile(source, "raise SystemExit('the source was compiled')\n");
    const program = "import loaded.module as m; print(m.where(), m.where.__code__.co_filename)";
    const { stdout } = await run(python.executable, ["-B", "-c", program], {
      env: { PYTHONPATH: path.join(folder, "python") },
    });
    expect(stdout.trim()).toBe(`${source} ${source}`);
  });

  it("has the same bytes whatever was compiled before, and after a damaged cache", async () => {
    const names = ["one", "two", "three"];
    const body = (name: string) =>
      `NAMES = {"a", "b", "${name}"}\ndef f(a, b=("x", 1.5)):\n    return a in {"a", "b", "c"}\n`;
    workspace.index.publish(...names.map((name) => ({ name, files: { [`${name}/body.py`]: body(name) } })));
    await workspace.require(names);
    const { sha256 } = await layer();

    await rm(cacheDirectory("builds"), { recursive: true });
    for (const file of await bytecodeCache()) await writeFile(path.join(cacheDirectory("bytecode"), file), "damaged");
    expect((await layer()).sha256).toBe(sha256);

    // A separate process, which has compiled nothing yet.
    const args = [
      "--require",
      "./run-typescript.js",
      "cli/layer.ts",
      "build",
      "-t",
      "aws",
      "--json",
      "--requirements",
      workspace.folder,
    ];
    const { stdout } = await run(process.execPath, args, {
      cwd: path.join(__dirname, "..", ".."),
      env: { ...workspace.environment(), XDG_CACHE_HOME: path.join(workspace.folder, "another") },
    });
    expect(stdout).toContain(sha256);
  });

  it("has the same bytes whatever strings the interpreter has interned", async () => {
    const member = (index: number) =>
      `def f${index}(x):\n    return ${index} if x in {"CONTENT_TYPE", "ACCEPT"} else x\n`;
    const source = member(1) + member(2);
    const before = "CONTENT_TYPE = 1\n";
    const compiled = async (...sources: string[]) => {
      const workers = new Workers<object, readonly { readonly content: Uint8Array }[]>("bytecode-worker.mjs", 1);
      try {
        const modules = sources.map((text) => ({ name: "module.py", source: new TextEncoder().encode(text) }));
        return (await workers.run(() => ({ compiler: "pyodide", modules, level: 1 }))).at(-1)?.content;
      } finally {
        await workers.close();
      }
    };
    expect(await compiled(before, source)).toEqual(await compiled(source));
  });

  it("is compiled again only for a changed package", async () => {
    workspace.index.publish({ name: "moving" }, { name: "moving", version: "2.0" }, { name: "staying" });
    await workspace.require(["moving==1.0", "staying"]);
    await layer();
    const before = await bytecodeCache();
    expect(before).toHaveLength(2);
    await workspace.require(["moving==2.0", "staying"]);
    await layer();
    expect((await bytecodeCache()).filter((file) => !before.includes(file))).toHaveLength(1);
  });

  it("is left out only for a module that is nested too deeply to compile", async () => {
    const deep = `x = ${"(".repeat(90)}${"[-".repeat(5000)}1${"]".repeat(5000)}${")".repeat(90)}\n`;
    workspace.index.publish({
      name: "deep",
      files: { "deep/a.py": deep, "deep/b.py": "x = 1\n", "deep/c.py": "'\\d'\n" },
    });
    await workspace.require(["deep"]);
    const { names } = await layer();
    expect(names.filter((name) => name.endsWith(".pyc"))).toEqual([
      "python/deep/__pycache__/__init__.cpython-312.pyc",
      "python/deep/__pycache__/b.cpython-312.pyc",
      "python/deep/__pycache__/c.cpython-312.pyc",
    ]);
  });

  it("is left out, with a warning, for a Python without a compiler", async () => {
    workspace.index.publish({ name: "newer" });
    await workspace.require(["newer"]);
    const { names, path: zip } = await layer({ pythonVersion: "3.15" });
    expect(names.filter((name) => name.endsWith(".pyc"))).toEqual([]);
    expect(workspace.progress).toContainEqual(
      expect.stringMatching(/No bytecode for Python 3\.15, only for 3\.11, 3\.12, 3\.13, 3\.14/),
    );
    expect((await readManifest(zip)).bytecode).toBeUndefined();
  });

  it("is left out on request, which gives another layer", async () => {
    workspace.index.publish({ name: "unwanted" });
    await workspace.require(["unwanted"]);
    const without = await layer({ bytecode: false });
    expect(without.names.filter((name) => name.endsWith(".pyc"))).toEqual([]);
    expect((await layer()).sha256).not.toBe(without.sha256);
  });
});
