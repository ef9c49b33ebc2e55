import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, it, vi } from "vitest";

import { readApplication } from "../../contract/application";
import { applicationFiles } from "../../layers/application-files";
import { reasonOf } from "../../layers/build-error";
import type { Bundle, LayerBundle } from "../../layers/bundle";
import { cacheDirectory, sha256 } from "../../layers/cache";
import { readLock } from "../../layers/lock-forms";
import { readManifest } from "../../layers/manifest";
import { relock } from "../../layers/relock";
import { contentOf, readZip } from "../../layers/unzip";
import { findUv } from "../../layers/uv";
import { makeWheel, type TestWheel } from "./wheels";
import { useWorkspace } from "./workspace";

const workspace = useWorkspace();

interface SourceContent {
  readonly name: string;
  /** Tags of the built wheel. */
  readonly tags?: string;
  readonly requires?: readonly string[];
  readonly code?: string;
}

/**
 * Files of a source that is its own build backend, so no other package is needed. Its module records the build's
 * environment.
 */
function source({ name, tags = "py3-none-any", requires = [], code = "" }: SourceContent): Record<string, string> {
  const module = name.replaceAll("-", "_");
  return {
    "PKG-INFO": `Metadata-Version: 2.2\nName: ${name}\nVersion: 1.0\n`,
    "pyproject.toml": [
      ...[
        "[project]",
        `name = "${name}"`,
        'version = "1.0"',
        "[build-system]",
        `requires = ${JSON.stringify(requires)}`,
      ],
      ...['build-backend = "backend"', 'backend-path = ["."]', ""],
    ].join("\n"),
    "code.txt": code,
    "backend.py": `
import os, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "${module}-1.0-${tags}.whl"
    open("left-behind.txt", "w").close()
    seen = {key: os.environ.get(key) for key in ("SOURCE_DATE_EPOCH", "CC", "AWS_SECRET_ACCESS_KEY")}
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("${module}.py", f"seen = {seen}\\n" + open("code.txt").read())
        wheel.writestr("${module}-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: ${name}\\nVersion: 1.0\\n")
        wheel.writestr("${module}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: ${tags}\\n")
        wheel.writestr("${module}-1.0.dist-info/RECORD", "")
    return name

build_editable = build_wheel
`,
  };
}

async function write(folder: string, files: Record<string, string>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
}

/** Publishes a source archive on the index. */
async function publishSource(content: SourceContent): Promise<TestWheel> {
  const root = mkdtempSync(path.join(workspace.folder, "sdist-"));
  const folder = `${content.name.replaceAll("-", "_")}-1.0`;
  await write(path.join(root, folder), source(content));
  execFileSync("tar", ["czf", `${folder}.tar.gz`, folder], { cwd: root });
  const bytes = await readFile(path.join(root, `${folder}.tar.gz`));
  rmSync(root, { recursive: true });
  const filename = `${folder}.tar.gz`;
  const sdist = {
    ...{ name: content.name, version: "1.0", filename, url: filename, sha256: sha256(bytes) },
    ...{ size: bytes.length, content: bytes },
  };
  workspace.index.add(sdist);
  return sdist;
}

const layerOf = (bundles: readonly Bundle[]) => {
  const layer = bundles.find((bundle): bundle is LayerBundle => bundle.kind === "layer");
  if (layer === undefined) throw new Error("there is no layer");
  return layer;
};

async function filesOf(zip: string): Promise<Record<string, string>> {
  const entries = await readZip(await readFile(zip));
  return Object.fromEntries(entries.map((entry) => [entry.name, contentOf(entry).toString("utf8")]));
}

describe("a package that publishes only its source", () => {
  it("is built in isolation and without a compiler, reproducibly, and the manifest names its source", async () => {
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "a secret");
    const sdist = await publishSource({ name: "from-source", code: "value = 1\n" });
    workspace.index.publish({ name: "usual", requires: ["from-source"] });
    await workspace.require(["usual"]);
    await expect(readFile(path.join(workspace.folder, "aws.lock"), "utf8")).resolves.toContain(
      `from-source==1.0 \\\n    --hash=sha256:${sdist.sha256}\n`,
    );
    const first = layerOf(await workspace.build());
    expect((await filesOf(first.path))["python/from_source.py"]).toBe(
      "seen = {'SOURCE_DATE_EPOCH': '315532800', 'CC': 'false', 'AWS_SECRET_ACCESS_KEY': None}\nvalue = 1\n",
    );
    const { packages } = await readManifest(first.path);
    expect(packages.find(({ name }) => name === "from-source")).toMatchObject({
      wheel: "from_source-1.0-py3-none-any.whl",
      source: { filename: "from_source-1.0.tar.gz", sha256: sdist.sha256 },
    });
    expect(packages.find(({ name }) => name === "usual")).not.toHaveProperty("source");
    const built = packages.find(({ name }) => name === "from-source")?.sha256;

    await rm(cacheDirectory(), { recursive: true });
    const again = layerOf(await workspace.build());
    expect(again.sha256).toBe(first.sha256);
    // A zip stores times in units of two seconds; the wheel is the same as well.
    expect((await readManifest(again.path)).packages.find(({ name }) => name === "from-source")?.sha256).toBe(built);
    expect(workspace.progress.filter((line) => line.startsWith("Building"))).toEqual(
      Array.from({ length: 2 }, () => "Building from-source 1.0 from from_source-1.0.tar.gz"),
    );
  });

  it("is rejected when it is locked and when it is built, if the description forbids it", async () => {
    await publishSource({ name: "forbidden" });
    const requirements = path.join(workspace.folder, "aws.in");
    await writeFile(requirements, "forbidden\n");
    await expect(relock(requirements, { sdists: false })).rejects.toThrow(
      /forbidden has no usable wheels|all versions of forbidden.*layers\.sdists = false/s,
    );
    await workspace.require(["forbidden"]);
    const application = readApplication(path.join(__dirname, "..", ".."), "application");
    await expect(
      workspace.build({ application: { ...application, layers: { ...application.layers, sdists: false } } }),
    ).rejects.toThrow(
      /forbidden 1\.0 has no wheel.*forbidden-1\.0\.tar\.gz, and layers\.sdists = false in the description/s,
    );
  });

  it("is rejected if its build gives a wheel for one platform, with alternatives and next steps", async () => {
    await publishSource({ name: "native", tags: "cp312-cp312-linux_x86_64" });
    workspace.index.publish(
      { name: "native", version: "0.9" },
      { name: "native", version: "1.0", tags: "cp313-cp313-manylinux_2_17_x86_64" },
      { name: "native", version: "1.0", tags: "cp312-cp312-manylinux_2_17_aarch64" },
    );
    await workspace.require(["native==1.0"]);
    const message = await workspace.build().catch(reasonOf);
    expect(message).toContain("native 1.0 has no wheel for Python 3.12 on x86_64 with glibc 2.34 or older");
    expect(message).toContain("native-1.0-cp312-cp312-linux_x86_64.whl, which is for this machine");
    expect(message).toContain("native 0.9 has one. Of 1.0 there are some for Python 3.13, arm64.");
    expect(message).toMatch(/--find-links \.\/wheels.*\.\/wheels\/<file>\.whl.*UV_INDEX_<NAME>_PASSWORD/s);
  });

  it("is built only with hash-pinned build requirements", async () => {
    workspace.index.publish({ name: "setuptools", version: "84.2.1" }, { name: "unknown-backend" });
    await publishSource({ name: "tampered-tools", requires: ["setuptools"] });
    await workspace.require(["tampered-tools"]);
    await expect(workspace.build()).rejects.toThrow(/tampered-tools 1\.0 has no wheel.*[Hh]ash mismatch/s);
    await publishSource({ name: "other-tools", requires: ["unknown-backend"] });
    await workspace.require(["other-tools"]);
    await expect(workspace.build()).rejects.toThrow(/other-tools 1\.0 has no wheel.*unknown-backend/s);
  });
});

describe("a user's own wheel", () => {
  const ours = () => makeWheel({ name: "ours", files: { "ours/own.py": "" } });

  it.each([
    ["a folder that the requirements name", ["--find-links ./wheels", "ours"]],
    ["a file that the requirements name", ["./wheels/ours-1.0-py3-none-any.whl"]],
  ])("may be in %s, which is no part of the code", async (_, requirements) => {
    // The index has another wheel of the same version.
    workspace.index.publish({ name: "ours" });
    const wheel = ours();
    await write(path.join(workspace.folder, "wheels"), {});
    await writeFile(path.join(workspace.folder, "wheels", wheel.filename), wheel.content);
    await workspace.require(requirements);
    await rm(cacheDirectory(), { recursive: true, force: true });
    const layer = layerOf(await workspace.build());
    expect(layer.packages).toEqual([{ name: "ours", version: "1.0" }]);
    if (requirements.length === 1) expect(Object.keys(await filesOf(layer.path))).toContain("python/ours/own.py");

    const fn = '[tool.multicloud.functions.api]\nhandler = "shop:handler"\nrequirements = "aws.in"\n';
    await write(workspace.folder, {
      "shop.py": "",
      "pyproject.toml": `[project]\nname = "shop"\nversion = "1"\n${fn}`,
    });
    const files = await applicationFiles(readApplication(workspace.folder, "."), "aws");
    expect(files.map(({ name }) => name)).toEqual(["shop.py"]);
  });

  it("may be on a private index in the project's settings, with user and password from the environment", async () => {
    workspace.index.publish({ name: "ours" });
    workspace.index.login = "ada:s@cret";
    vi.stubEnv("UV_NO_CONFIG", undefined);
    vi.stubEnv("UV_DEFAULT_INDEX", undefined);
    const index = `[[tool.uv.index]]\nname = "our-own"\nurl = "${workspace.index.url}"\ndefault = true\n`;
    await write(workspace.folder, { "pyproject.toml": `[project]\nname = "shop"\nversion = "1"\n${index}` });
    await expect(workspace.require(["ours"])).rejects.toThrow(/401|credentials|could not be resolved/);
    vi.stubEnv("UV_INDEX_OUR_OWN_USERNAME", "ada");
    vi.stubEnv("UV_INDEX_OUR_OWN_PASSWORD", "s@cret");
    await workspace.require(["ours"]);
    expect(layerOf(await workspace.build()).packages).toEqual([{ name: "ours", version: "1.0" }]);
    await expect(readFile(path.join(workspace.folder, "aws.lock"), "utf8")).resolves.not.toMatch(/127|cret/);
  });

  it("for another platform is rejected", async () => {
    const wheel = makeWheel({ name: "ours", tags: "cp312-cp312-manylinux_2_17_aarch64" });
    await write(workspace.folder, { "aws.in": `./${wheel.filename}\n` });
    await writeFile(path.join(workspace.folder, wheel.filename), wheel.content);
    await relock(path.join(workspace.folder, "aws.in"));
    await expect(workspace.build()).rejects.toThrow(/ours-1\.0-.*aarch64\.whl is no wheel for Python 3\.12 on x86_64/);
  });
});

describe("a package of the project", () => {
  it.each(["./libs/greet", "-e ./libs/greet", "greet @ ./libs/greet"])(
    "is built from its folder, by %s, and again when its content changes",
    async (requirement) => {
      workspace.index.publish({ name: "usual" });
      const folder = path.join(workspace.folder, "libs", "greet");
      await write(folder, source({ name: "greet", code: "value = 1\n" }));
      await workspace.require([requirement, "usual"]);
      const first = layerOf(await workspace.build());
      expect(first.packages.map(({ name }) => name)).toEqual(["greet", "usual"]);
      expect((await filesOf(first.path))["python/greet.py"]).toContain("value = 1");
      expect(await readdir(folder)).not.toContain("left-behind.txt");

      await writeFile(path.join(folder, "code.txt"), "value = 2\n");
      await writeFile(path.join(folder, ".hidden"), "");
      const second = layerOf(await workspace.build());
      expect((await filesOf(second.path))["python/greet.py"]).toContain("value = 2");
      expect(second.lockSha256).not.toBe(first.lockSha256);
    },
  );

  it("without a version is rejected", async () => {
    const folder = path.join(workspace.folder, "libs", "greet");
    await write(folder, source({ name: "greet" }));
    await workspace.require(["./libs/greet"]);
    await writeFile(path.join(folder, "pyproject.toml"), '[project]\nname = "greet"\ndynamic = ["version"]\n');
    await expect(workspace.build()).rejects.toThrow(
      /libs\/greet, whose pyproject\.toml does not tell its package.*version/s,
    );
    await rm(folder, { recursive: true });
    await expect(workspace.build()).rejects.toThrow(/libs\/greet, which is not there; expected a folder/);
  });

  it("may be a member of uv's workspace, as may the application", async () => {
    workspace.index.publish({ name: "usual" });
    const root = path.join(workspace.folder, "workspace");
    const member = (name: string, dependencies: readonly string[], rest = "") =>
      `[project]\nname = "${name}"\nversion = "1.0"\nrequires-python = ">=3.11"\n` +
      `dependencies = ${JSON.stringify(dependencies)}\n${rest}`;
    const sources = "[tool.uv.sources]\ngreet = { workspace = true }\nplain = { workspace = true }\n";
    await write(root, {
      "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*", "services/*"]\n',
      ...Object.fromEntries(
        Object.entries(source({ name: "greet", code: "value = 1\n" })).map(([name, text]) => [
          `libs/greet/${name}`,
          text,
        ]),
      ),
      // Not a package, since it has no build system: only its dependencies are installed.
      "libs/plain/pyproject.toml": member("plain", ["usual"], "[tool.uv]\npackage = false\n"),
      "services/shop/pyproject.toml": member(
        "shop",
        ["greet", "plain"],
        `${sources}[tool.multicloud.functions.api]\nhandler = "shop:handler"\nrequirements = "pyproject.toml"\n`,
      ),
      "services/shop/shop.py": "import greet\n\n\ndef handler(event, context):\n    return {}\n",
    });
    await promisify(execFile)(await findUv(), ["lock", "--quiet", "--no-python-downloads"], { cwd: root });
    const lock = await readLock("aws", path.join(root, "services", "shop", "pyproject.toml"));
    expect(lock.packages.map(({ name, required, neededBy }) => ({ name, required, neededBy }))).toEqual([
      { name: "greet", required: true, neededBy: [] },
      { name: "usual", required: true, neededBy: [] },
    ]);
    const application = readApplication(root, "services/shop");
    const layer = layerOf(await workspace.build({ application, requirements: undefined }));
    expect(layer.packages.map(({ name }) => name)).toEqual(["greet", "usual"]);
  });
});
