import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, it, vi } from "vitest";

import { reasonOf } from "../../layers/build-error";
import type { Bundle } from "../../layers/bundle";
import { cacheDirectory } from "../../layers/cache";
import { requirementsHeader } from "../../layers/lock";
import { relock } from "../../layers/relock";
import { contentOf, readZip } from "../../layers/unzip";
import { withWheels } from "../../layers/wheel-store";
import { makeLibrary, type TestWheel } from "./wheels";
import { type Application, readApplication } from "../../contract/application";
import { clouds } from "../../contract/clouds";
import { cached, useWorkspace } from "./workspace";

const workspace = useWorkspace();
const handlers = { aws: { protocol: "handler", module: "main", attribute: "handler" } } as const;

async function names({ path: file }: Pick<Bundle, "path">): Promise<string[]> {
  return (await readZip(await readFile(file))).map(({ name }) => name);
}

/** An application with one function and these files; modules other than `main` are excluded on Azure. */
async function applicationOf(files: Readonly<Record<string, string>>, { module = "main" } = {}): Promise<Application> {
  const folder = path.join(workspace.folder, "app");
  const exclude = module === "main" ? "" : `[tool.multicloud]\nexclude = { azure = ["${module}.py"] }\n`;
  const description = `[project]\nname = "app"\nversion = "1"\n${exclude}[tool.multicloud.functions.api]\nhandler = "${module}:app"\n`;
  const all = { ...files, "pyproject.toml": `${description}requirements = "api.in"\n`, "api.in": "" };
  for (const [name, content] of Object.entries(all)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
  return readApplication(workspace.folder, "app");
}

const layerOf = (bundles: Bundle[]) => {
  const layer = bundles.find(({ kind }) => kind === "layer");
  if (layer?.kind !== "layer") throw new Error("no layer was built");
  return layer;
};

/** A wheel with its address on the index. */
const served = (wheel: TestWheel) => ({
  ...wheel,
  url: new URL(`${workspace.index.files}${wheel.filename}`, workspace.index.url).href,
});

describe("a Lambda layer", () => {
  it("contains what the wheels install below python/, and lists it", async () => {
    workspace.index.publish(
      { name: "alpha", version: "1.2", requires: ["beta"] },
      {
        name: "beta",
        version: "2.0",
        files: {
          "beta-2.0.data/purelib/beta/pure.py": "1",
          "beta-2.0.data/platlib/beta/plat.py": "2",
          "beta-2.0.data/scripts/beta": "#!python",
          "beta-2.0.data/headers/beta.hpp": "",
          "beta/py.typed": "",
          "beta/stubs.pyi": "",
          "beta/tests/test_it.py": "",
          "beta/test_beside.py": "",
          "beta/größe.txt": "m",
          "beta-2.0.dist-info/licenses/LICENSE": "free",
          "beta-2.0.dist-info/entry_points.txt": "[console_scripts]\n",
        },
      },
    );
    await workspace.require(["alpha"]);
    const layer = layerOf(await workspace.build());
    expect(await names(layer)).toEqual([
      "python/alpha-1.2.dist-info/METADATA",
      "python/alpha-1.2.dist-info/RECORD",
      "python/alpha/__init__.py",
      "python/beta-2.0.dist-info/METADATA",
      "python/beta-2.0.dist-info/RECORD",
      "python/beta-2.0.dist-info/entry_points.txt",
      "python/beta-2.0.dist-info/licenses/LICENSE",
      "python/beta/__init__.py",
      "python/beta/größe.txt",
      "python/beta/plat.py",
      "python/beta/pure.py",
      "python/beta/test_beside.py",
      "python/bin/beta",
      "python/include/beta/beta.hpp",
    ]);
    expect(layer).toMatchObject({
      target: "aws",
      name: "dependencies",
      pythonVersion: "3.12",
      architecture: "x86_64",
      packages: [
        { name: "alpha", version: "1.2" },
        { name: "beta", version: "2.0" },
      ],
    });
    expect((await readFile(layer.path)).length).toBe(layer.size);
  });

  it("tells Python which files and modules a package has, and runs its scripts", async () => {
    workspace.index.publish({
      name: "told",
      files: {
        "told/core.py": "",
        "told/with,comma.txt": "",
        "told/tests/a.py": "",
        "told-1.0.data/scripts/told": "#!python\nimport told\nprint(told.version)\n",
      },
    });
    await workspace.require(["told"]);
    const { path: zip } = layerOf(await workspace.build());
    const unpacked = path.join(workspace.folder, "told");
    execFileSync("unzip", ["-q", zip, "-d", unpacked]);
    const program =
      "import importlib.metadata as m; print(sorted(map(str, m.files('told')))); print(m.packages_distributions())";
    const env = { ...process.env, PYTHONPATH: path.join(unpacked, "python") };
    const told = execFileSync("python3", ["-S", "-c", program], { env, encoding: "utf8" });
    expect(told).toBe(
      "['bin/told', 'told-1.0.dist-info/METADATA', 'told-1.0.dist-info/RECORD', 'told/__init__.py', 'told/core.py', " +
        "'told/with,comma.txt']\n{'told': ['told']}\n",
    );
    expect(execFileSync(path.join(unpacked, "python", "bin", "told"), { env, encoding: "utf8" })).toBe("1.0\n");
  });

  it("has shared libraries where Lambda looks for them", async () => {
    workspace.index.publish({
      name: "threads",
      files: {
        "threads-1.0.data/data/lib/libthreads.so.2": makeLibrary(),
        "threads-1.0.data/data/share/threads/a.json": "{}",
      },
    });
    await workspace.require(["threads"]);
    const found = await names(layerOf(await workspace.build()));
    expect(found).toEqual(expect.arrayContaining(["lib/libthreads.so.2", "python/share/threads/a.json"]));
  });

  it("gives functions with different groups every package that they import, with strategy split", async () => {
    workspace.index.publish(
      { name: "web", requires: ["common"] },
      { name: "auth", requires: ["common"] },
      { name: "common" },
    );
    await workspace.require(["web", "auth"]);
    const application = readApplication(path.join(__dirname, "..", ".."), "application");
    const [fn] = application.functions;
    if (fn === undefined) throw new Error("the application has no function");
    const functions = ["web", "auth"].map((name) => ({ ...fn, name, layers: [name], entryPoints: handlers }));
    const groups = new Map(["web", "auth"].map((name) => [name, [name]]));
    const built = await workspace.build({
      application: { ...application, functions },
      strategy: { kind: "split", groups },
    });
    const code = built.find((bundle) => bundle.kind === "application");
    expect(code?.layers).toEqual({ web: ["web", "shared"], auth: ["auth", "shared"] });
    for (const [other, name] of [
      ["auth", "web"],
      ["web", "auth"],
    ]) {
      const unpacked = path.join(workspace.folder, `layers-of-${name}`);
      for (const { path: zip, ...layer } of built) {
        if (layer.kind === "layer" && layer.functions.includes(name ?? ""))
          execFileSync("unzip", ["-q", zip, "-d", unpacked]);
      }
      const program = `import importlib.util, common, ${name}; print(importlib.util.find_spec("${other}"))`;
      const env = { ...process.env, PYTHONPATH: path.join(unpacked, "python") };
      expect(execFileSync("python3", ["-S", "-c", program], { env, encoding: "utf8" })).toBe("None\n");
    }
  });

  it("publishes no large package again when a small one changes, with strategy auto", async () => {
    const large = { name: "large", files: { "large/data.bin": randomBytes(1024 ** 2 + 1024) } };
    const layers = async (version: string) => {
      workspace.index.publish(large, { name: "small", version });
      await workspace.require(["large", `small==${version}`]);
      const built = await workspace.build({ strategy: { kind: "auto" } });
      return built.flatMap((bundle) => (bundle.kind === "layer" ? [[bundle.name, bundle.sha256]] : []));
    };
    const [first, second] = [await layers("1.0"), await layers("1.1")];
    expect(first.map(([name]) => name)).toEqual(["medium-packages", "small-packages"]);
    expect(second[0]).toEqual(first[0]);
    expect(second[1]).not.toEqual(first[1]);
  });

  it("puts packages into the same layers whether or not the index tells sizes, with strategy auto", async () => {
    workspace.index.publish(
      { name: "big", files: { "big/data.bin": randomBytes(1024 ** 2 + 1024) } },
      { name: "little" },
    );
    await workspace.require(["big", "little"]);
    const layers = async () => {
      const built = await workspace.build({ strategy: { kind: "auto" } });
      return built.flatMap((bundle) => (bundle.kind === "layer" ? [[bundle.name, bundle.sha256]] : []));
    };
    const told = await layers();
    workspace.index.tellsSizes = false;
    for (const kind of ["builds", "addresses"]) await rm(cacheDirectory(kind), { recursive: true });
    vi.stubEnv("UV_CACHE_DIR", path.join(workspace.folder, "uv"));
    expect(await layers()).toEqual(told);
    expect(told).toHaveLength(2);
  });

  it("is shared by functions with other requirements but the same packages, with strategy auto", async () => {
    workspace.index.publish(
      { name: "huge", files: { "huge/data.bin": randomBytes(1024 ** 2 + 1024) } },
      { name: "web" },
      { name: "work" },
    );
    const folder = path.join(workspace.folder, "app");
    await mkdir(folder);
    const functions = ["web", "work"].map(
      (name) =>
        `[tool.multicloud.functions.${name}]\nhandler = "main:handler"\nrequirements = "${name}.in"\nroutes = ["/${name}"]\n`,
    );
    await writeFile(path.join(folder, "main.py"), "def handler(event, context):\n    return None\n");
    await writeFile(
      path.join(folder, "pyproject.toml"),
      `[project]\nname = "app"\nversion = "1"\n${functions.join("")}`,
    );
    for (const name of ["web", "work"]) {
      await writeFile(path.join(folder, `${name}.in`), `huge\n${name}\n`);
      await relock(path.join(folder, `${name}.in`));
    }
    const built = await workspace.build({
      application: readApplication(workspace.folder, "app"),
      requirements: undefined,
      strategy: { kind: "auto" },
    });
    expect(built.flatMap((bundle) => (bundle.kind === "layer" ? [[bundle.name, bundle.functions]] : []))).toEqual([
      ["medium-packages", ["web", "work"]],
      ["small-packages", ["web"]],
      ["small-packages-work", ["work"]],
    ]);
    expect(built.find(({ kind }) => kind === "application")).toMatchObject({
      layers: { web: ["medium-packages", "small-packages"], work: ["medium-packages", "small-packages-work"] },
    });
  });

  it("warns of modules that hide Python's own and of files that Python never reads, also for a cached layer", async () => {
    workspace.index.publish(
      { name: "enum34", files: { "enum/__init__.py": "", "enumerated/enum.py": "" } },
      { name: "patcher", files: { "patcher.pth": "import patcher", "patcher-nspkg.pth": "import sys" } },
    );
    await workspace.require(["enum34", "patcher"]);
    const warnings: string[] = [];
    const warn = (line: string) => warnings.push(line);
    await workspace.build({ warn });
    const expected: unknown[] = [
      expect.stringMatching(/enum34 1\.0 brings the module enum, which takes the place of Python 3\.12's own/),
      expect.stringMatching(/patcher 1\.0 brings patcher\.pth, which Python reads in its own site-packages only/),
    ];
    expect(warnings).toEqual(expected);
    await workspace.build({ warn });
    expect(warnings).toEqual([...expected, ...expected]);
  });

  it("joins a namespace package that two wheels share", async () => {
    workspace.index.publish(
      { name: "space-one", files: { "space/one.py": "1", "space/same.txt": "equal" } },
      { name: "space-two", files: { "space/two.py": "2", "space/same.txt": "equal" } },
    );
    await workspace.require(["space-one", "space-two"]);
    const files = await names(layerOf(await workspace.build()));
    expect(files.filter((name) => name.startsWith("python/space/"))).toEqual([
      "python/space/one.py",
      "python/space/same.txt",
      "python/space/two.py",
    ]);
  });

  it("has the wheel of its architecture, and differs for each", async () => {
    for (const [tag, machine] of [
      ["x86_64", 0x3e],
      ["aarch64", 0xb7],
    ] as const) {
      workspace.index.publish({
        name: "native",
        tags: `cp312-cp312-manylinux_2_17_${tag}.manylinux2014_${tag}`,
        files: { [`native/core.cpython-312-${tag}-linux-gnu.so`]: makeLibrary({ machine }) },
      });
    }
    workspace.index.publish({ name: "native", tags: "py3-none-any" });
    await workspace.require(["native"]);
    const intel = layerOf(await workspace.build());
    const arm = layerOf(await workspace.build({ architecture: "arm64" }));
    expect(await names(intel)).toContain("python/native/core.cpython-312-x86_64-linux-gnu.so");
    expect(await names(arm)).toContain("python/native/core.cpython-312-aarch64-linux-gnu.so");
    expect(arm.architecture).toBe("arm64");
  });

  it("follows extras and environment markers", async () => {
    workspace.index.publish(
      { name: "marked", metadata: ["Provides-Extra: more"], requires: ["extra-one ; extra == 'more'"] },
      { name: "extra-one" },
      { name: "only-windows" },
      { name: "only-new", requires: [] },
    );
    await workspace.require([
      "marked[more]",
      "only-windows ; sys_platform == 'win32'",
      "only-new ; python_version >= '3.13'",
    ]);
    expect(layerOf(await workspace.build()).packages.map(({ name }) => name)).toEqual(["extra-one", "marked"]);
    expect(layerOf(await workspace.build({ pythonVersion: "3.13" })).packages.map(({ name }) => name)).toEqual([
      "extra-one",
      "marked",
      "only-new",
    ]);
  });

  it("keeps a locked release that was yanked later", async () => {
    workspace.index.publish({ name: "regretted", version: "1.0" });
    await workspace.require(["regretted"]);
    workspace.index.yank("regretted", "1.0");
    expect(layerOf(await workspace.build()).packages).toEqual([{ name: "regretted", version: "1.0" }]);
  });

  it("is unpacked by Python's own zipfile", async () => {
    workspace.index.publish({ name: "plain" });
    await workspace.require(["plain"]);
    const { path: file } = layerOf(await workspace.build());
    expect(execFileSync("python3", ["-m", "zipfile", "-t", file], { encoding: "utf8" })).toContain("Done testing");
  });
});

describe("the other clouds", () => {
  it("get one package for Azure, with dependencies where its worker looks for them", async () => {
    workspace.index.publish({ name: "azure-one" });
    await workspace.require(["azure-one"], "azure");
    const [bundle] = await workspace.build({ targets: ["azure"] });
    if (bundle === undefined) throw new Error("nothing was built");
    const files = await names(bundle);
    expect(files).toContain(".python_packages/lib/site-packages/azure_one/__init__.py");
    expect(files).toContain("function_app.py");
    expect(files).toContain("host.json");
    expect(files).toContain("api/azure/function.py");
    expect(files.filter((name) => /^api\/(aws|gcp)\//.test(name))).toEqual([]);
  });

  it("get a source archive for Google Cloud that pip installs without an index", async () => {
    const [wheel] = workspace.index.publish({ name: "google-one" });
    await workspace.require(["google-one"], "gcp");
    const [bundle] = await workspace.build({ targets: ["gcp"] });
    if (bundle === undefined) throw new Error("nothing was built");
    const entries = await readZip(await readFile(bundle.path));
    const files = entries.map(({ name }) => name);
    expect(files).toEqual(
      expect.arrayContaining(["multicloud_entry.py", "requirements.txt", `wheels/${wheel?.filename ?? ""}`]),
    );
    expect(files.filter((name) => /^api\/(aws|azure)\//.test(name))).toEqual([]);
    const unpacked = path.join(workspace.folder, "unpacked");
    execFileSync("python3", ["-m", "zipfile", "-e", bundle.path, unpacked]);
    const pip = ["-m", "pip", "install", "--quiet", "--no-index", "--find-links", "wheels", "--require-hashes"];
    execFileSync("python3", [...pip, "--target", "installed", "--requirement", "requirements.txt"], {
      cwd: unpacked,
      stdio: "pipe",
    });
    expect(await readFile(path.join(unpacked, "installed", "google_one", "__init__.py"), "utf8")).toContain("version");
  });

  it("keep the application's own main.py and requirements.txt", async () => {
    await workspace.require([], "gcp");
    const application = await applicationOf({ "main.py": "app = 1", "requirements.txt": "flask", "api/data.csv": "1" });
    const [bundle] = await workspace.build({ application, targets: ["gcp"] });
    if (bundle === undefined) throw new Error("nothing was built");
    const entries = await readZip(await readFile(bundle.path));
    const contents = (file: string) =>
      entries.filter(({ name }) => name === file).map((entry) => String(contentOf(entry)));
    expect(contents("main.py")).toEqual(["app = 1"]);
    expect(contents("multicloud_entry.py")).toEqual([expect.stringContaining("from main import app as target")]);
    // pip installs only the lock, whatever other files there are.
    expect(contents("requirements.txt")).toEqual([""]);
  });

  it.each([
    ["azure", "function_app.py", ""],
    ["azure", "function_app/__init__.py", ""],
    ["azure", "host.json", ""],
    ["gcp", "multicloud_entry.py", ""],
    ["aws", "multicloud_api.py", ""],
    ["aws", "multicloud_runtime/mine.py", ""],
  ] as const)("refuse on %s an application that has a %s", async (cloud, file, content) => {
    await workspace.require([], cloud);
    const application = await applicationOf({ "main.py": "app = 1", [file]: content });
    const top = file.split("/")[0] ?? "";
    await expect(workspace.build({ application, targets: [cloud] })).rejects.toThrow(
      new RegExp(`${file}.*the builder.*its own.*rename.*or .*exclude = { ${cloud} = \\["${top}`, "s"),
    );
    for (const other of clouds.filter((each) => each !== cloud && !file.includes("runtime"))) {
      await workspace.require([], other);
      await workspace.build({ application, targets: [other] });
    }
  });

  it("reject an entry point in a module with the name of a builder's file", async () => {
    await workspace.require([], "azure");
    const application = await applicationOf({ "function_app.py": "app = 1" }, { module: "function_app" });
    await expect(workspace.build({ application, targets: ["azure"] })).rejects.toThrow(
      /pyproject\.toml: tool\.multicloud\.functions\.api\.handler is "function_app:app".*rename the module/,
    );
  });

  it("keep the function's own zip for Lambda small", async () => {
    workspace.index.publish({ name: "beside" });
    await workspace.require(["beside"]);
    const application = (await workspace.build()).find(({ kind }) => kind === "application");
    expect(application?.size).toBeLessThan(60_000);
    expect(await names({ path: application?.path ?? "" })).toContain("api/aws/function.py");
  });
});

describe("the cache", () => {
  const publishThree = () => {
    workspace.index.publish(
      { name: "first", version: "1.0" },
      { name: "second", version: "1.0" },
      { name: "second", version: "2.0" },
    );
  };

  it("needs no index if nothing changed", async () => {
    publishThree();
    await workspace.require(["first", "second==1.0"]);
    const before = await workspace.build();
    workspace.index.requests.length = 0;
    expect(await workspace.build()).toEqual(before);
    expect(workspace.index.requests).toEqual([]);
    expect(workspace.progress).toHaveLength(2);
  });

  it("asks for and fetches one package if one pin changed", async () => {
    publishThree();
    await workspace.require(["first", "second==1.0"]);
    const before = layerOf(await workspace.build());
    await workspace.require(["first", "second==2.0"]);
    workspace.index.requests.length = 0;
    workspace.index.sent.length = 0;
    const after = layerOf(await workspace.build());
    expect(workspace.index.sent).toEqual(["second-2.0-py3-none-any.whl"]);
    expect(workspace.index.requests.filter((request) => request.includes("first"))).toEqual([]);
    expect(after.sha256).not.toBe(before.sha256);
  });

  it.each(["wheels", "bundles", "builds", "addresses"] as const)("repairs damaged %s", async (kind) => {
    publishThree();
    await workspace.require(["first", "second==1.0"]);
    const before = await workspace.build();
    const damage = async (folder: typeof kind) => {
      const files = await cached(folder);
      expect(files.length).toBeGreaterThan(0);
      for (const name of files) {
        const file = cacheDirectory(folder, name);
        const content = await readFile(file);
        content[Math.floor(content.length / 2)] = 0xff ^ (content[Math.floor(content.length / 2)] ?? 0);
        await writeFile(file, content);
      }
    };
    // Without a damaged record, the files behind it are not read.
    if (kind === "wheels" || kind === "addresses") await damage("builds");
    await damage(kind);
    expect(await workspace.build()).toEqual(before);
    const zip = await readFile(before[0]?.path ?? "");
    expect(await readZip(zip)).not.toEqual([]);
  });

  it("is read completely on request, and if a zip's modification time has changed", async () => {
    publishThree();
    await workspace.require(["first"]);
    const before = await workspace.build();
    const zip = before[0]?.path ?? "";
    const [content, { atime, mtime }] = await Promise.all([readFile(zip), stat(zip)]);
    const damage = async (time: Date) => {
      await writeFile(zip, Buffer.alloc(content.length));
      await utimes(zip, atime, time);
    };
    await damage(new Date(mtime.getTime() + 1000));
    expect(await workspace.build()).toEqual(before);
    expect(await readFile(zip)).toEqual(content);

    await damage(mtime);
    expect(await workspace.build({ verify: true })).toEqual(before);
    expect(await readFile(zip)).toEqual(content);
  });

  it("asks again if the index has moved its files", async () => {
    publishThree();
    await workspace.require(["first"]);
    const before = await workspace.build();
    for (const folder of ["builds", "wheels"] as const) {
      for (const name of await cached(folder)) await writeFile(cacheDirectory(folder, name), "");
    }
    workspace.index.files = "/moved/";
    expect(await workspace.build()).toEqual(before);
  });
});

describe("bad input is rejected, with the next step", () => {
  it("a lock that does not match its requirements", async () => {
    workspace.index.publish({ name: "first", version: "1.0" });
    await workspace.require(["first"]);
    await writeFile(path.join(workspace.folder, "aws.in"), "first==1.0\n");
    await expect(workspace.build()).rejects.toThrow(/aws\.lock does not match .*aws\.in.*npm run layer -- lock/s);
    await writeFile(path.join(workspace.folder, "aws.in"), "# a comment changes nothing\n\nfirst # neither here\n");
    await expect(workspace.build()).resolves.toHaveLength(2);
  });

  it("a lock for newer Pythons only", async () => {
    workspace.index.publish({ name: "modern", metadata: ["Requires-Python: >=3.12"] });
    await expect(workspace.require(["modern"])).rejects.toThrow(
      /could not be resolved for Python 3\.11 and newer.*3\.12/s,
    );
    await relock(path.join(workspace.folder, "aws.in"), { pythonVersion: "3.12" });
    await expect(workspace.build()).resolves.toHaveLength(2);
    // The supported Python of the existing lock is kept.
    await relock(path.join(workspace.folder, "aws.in"));
    await expect(workspace.build({ pythonVersion: "3.11" })).rejects.toThrow(
      "the lock of aws serves Python 3.12 and newer, the bundle is for 3.11; run: npm run layer -- lock --target aws " +
        "--python-version 3.11",
    );
  });

  it("requirements that leave nothing for a layer", async () => {
    workspace.index.publish({ name: "later" });
    await workspace.require(["later ; python_version >= '3.12'"]);
    await expect(workspace.build({ pythonVersion: "3.11" })).rejects.toThrow(
      /layer dependencies would be empty: nothing in it is for Python 3\.11 on x86_64 \(later==1\.0 ; python_.*'3\.12'\)/,
    );
  });

  it("no requirements give no layer, without an error", async () => {
    await workspace.require(["# nothing"]);
    expect((await workspace.build()).map(({ kind }) => kind)).toEqual(["application"]);
  });

  it("a missing lock", async () => {
    await expect(workspace.build()).rejects.toThrow(/aws\.in cannot be read.*npm run layer -- lock/s);
    await expect(workspace.build({ targets: ["aws", "azure", "gcp"] })).rejects.toThrow(/aws\.in.*azure\.in.*gcp\.in/s);
  });

  it("a lock that is missing for all targets is reported once", async () => {
    const shop = path.join(workspace.folder, "shop");
    await mkdir(shop);
    await writeFile(path.join(shop, "requirements.in"), "any\n");
    await writeFile(
      path.join(shop, "pyproject.toml"),
      '[project]\nname = "shop"\nversion = "1"\n\n[tool.multicloud.functions.api]\nwsgi = "shop:app"\nrequirements = "requirements.in"\n',
    );
    const application = readApplication(workspace.folder, "shop");
    const options = { application, requirements: undefined };
    await expect(workspace.build({ ...options, targets: ["aws", "azure", "gcp"] })).rejects.toThrow(
      /^[^\n]*shop\/requirements\.lock, the lock of [^\n]* lock --application \S*shop$/,
    );
    await expect(workspace.build({ ...options, targets: ["gcp"] })).rejects.toThrow(/ --target gcp$/);
  });

  it("a release whose files changed after it was locked", async () => {
    workspace.index.publish({ name: "changed" });
    await workspace.require(["changed"]);
    workspace.index.publish({ name: "changed", files: { "changed/evil.py": "boo" } });
    await expect(workspace.build()).rejects.toThrow(/changed.*1\.0.*sha256/s);
    // Only the application.
    expect((await cached("bundles")).filter((name) => name.endsWith(".zip"))).toHaveLength(1);
  });

  it("bytes with another hash than the lock's", async () => {
    const [wheel] = workspace.index.publish({ name: "tampered" });
    await workspace.require(["tampered"]);
    workspace.index.misbehave = (_, response) => {
      response.end("something else");
      return true;
    };
    await expect(workspace.build()).rejects.toThrow(
      new RegExp(`tampered-1\\.0.*14 bytes have sha256 .*the lock accepts ${wheel?.sha256 ?? ""}`, "s"),
    );
    expect(await cached("wheels")).toEqual([]);
  });

  it("a package without a wheel for the target", async () => {
    workspace.index.publish({ name: "windows-only", tags: "cp312-cp312-win_amd64" });
    await workspace.require(["windows-only"]);
    await expect(workspace.build()).rejects.toThrow(
      /windows-only.*Python 3\.12 on x86_64|Python 3\.12 on x86_64.*windows-only/s,
    );
  });

  it("a release with another spelling on the index", async () => {
    const [wheel] = workspace.index.publish({ name: "spelt" });
    const requirements = "spelt==1.0.0\n";
    await writeFile(path.join(workspace.folder, "aws.in"), requirements);
    await writeFile(
      path.join(workspace.folder, "aws.lock"),
      `${requirementsHeader(requirements)}spelt==1.0.0 \\\n    --hash=sha256:${wheel?.sha256}\n`,
    );
    await expect(workspace.build()).rejects.toThrow(/the index gave no wheel of spelt 1\.0\.0.*npm run layer -- lock/);
  });

  it("a wheel that Lambda's older Amazon Linux could not load under Python 3.11", async () => {
    workspace.index.publish({ name: "newer", tags: "cp311-abi3-manylinux_2_34_x86_64" });
    await workspace.require(["newer"]);
    await expect(workspace.build({ pythonVersion: "3.11" })).rejects.toThrow(
      /newer 1\.0 has no wheel for Python 3\.11 on x86_64 with glibc 2\.26 or older|no wheels with a matching .* tag/s,
    );
    workspace.index.publish({ name: "newer", version: "2.0", tags: "cp311-abi3-manylinux_2_17_x86_64" });
    await workspace.require(["newer>1"]);
    expect(await names(layerOf(await workspace.build({ pythonVersion: "3.11" })))).toContain(
      "python/newer/__init__.py",
    );
    await workspace.build();
  });

  it("a wheel for a newer glibc than the runtime's", async () => {
    workspace.index.publish({
      name: "too-new",
      tags: "cp312-cp312-manylinux_2_38_x86_64",
      files: { "too_new/core.so": makeLibrary({ glibc: "2.38" }) },
    });
    await workspace.require(["too-new"]);
    await expect(workspace.build()).rejects.toThrow(/too-new/);
  });

  it.each([
    ["says so in its symbols", { glibc: "2.38" }, /needs glibc 2\.38, the runtime has 2\.34/],
    ["is for another processor", { machine: 0xb7 }, /is for arm64, the bundle is for x86_64/],
    ["is for a processor nobody has", { machine: 0x08 }, /is for another processor/],
  ])("a library that contradicts its wheel's name: it %s", async (_, library, message) => {
    workspace.index.publish({
      name: "liar",
      version: "3.1",
      tags: "cp312-cp312-manylinux_2_17_x86_64",
      files: { "liar/core.so": makeLibrary(library) },
    });
    await workspace.require(["liar"]);
    await expect(workspace.build()).rejects.toThrow(message);
    await expect(workspace.build()).rejects.toThrow(/liar-3\.1.*require another release/s);
  });
});

describe("another index", () => {
  it("may have a user's own wheel, with the name that uv build gives it", async () => {
    workspace.index.publish({ name: "own", tags: "cp312-cp312-linux_x86_64", files: { "own/core.so": makeLibrary() } });
    await workspace.require(["own"]);
    expect(layerOf(await workspace.build()).packages.map(({ name }) => name)).toEqual(["own"]);
  });

  it("may be a folder of wheels", async () => {
    const [wheel] = workspace.index.publish({ name: "local-wheel" });
    const wheels = path.join(workspace.folder, "wheels");
    await mkdir(wheels);
    await writeFile(path.join(wheels, wheel?.filename ?? ""), wheel?.content ?? "");
    vi.stubEnv("UV_DEFAULT_INDEX", undefined);
    vi.stubEnv("UV_NO_INDEX", "1");
    vi.stubEnv("UV_FIND_LINKS", wheels);
    await workspace.require(["local-wheel"]);
    expect((await workspace.build()).map(({ kind }) => kind)).toEqual(["layer", "application"]);
  });

  function sendFilesToAdaAlone(): void {
    workspace.index.misbehave = ({ headers: { authorization } }, response) => {
      const known = authorization === `Basic ${Buffer.from("ada:s@cret").toString("base64")}`;
      if (!known) response.writeHead(401).end();
      return !known;
    };
  }

  it.each([
    ["UV_INDEX", (ours: string) => `mine=${ours}`],
    ["UV_FIND_LINKS", (ours: string) => `http://127.0.0.1:1/wheels,${ours}`],
  ])("may want a user and a password for its files too: those of %s", async (setting, value) => {
    workspace.index.publish({ name: "guarded" });
    await workspace.require(["guarded"]);
    await workspace.build();
    await rm(cacheDirectory("wheels"), { recursive: true });
    await rm(cacheDirectory("builds"), { recursive: true });
    sendFilesToAdaAlone();
    await expect(workspace.build()).rejects.toThrow(/guarded.*the index answered 401.*UV_DEFAULT_INDEX/);
    vi.stubEnv(setting, value(workspace.index.url.replace("//", "//ada:s%40cret@")));
    await workspace.build();
  });

  it("may have them in the address of a file, and no message shows them", async () => {
    const [wheel] = workspace.index.publish({ name: "guarded" });
    if (wheel === undefined) throw new Error("nothing was published");
    sendFilesToAdaAlone();
    const sizeFrom = (login: string) =>
      withWheels(
        [{ ...wheel, url: served(wheel).url.replace("//", `//${login}@`) }],
        () => undefined,
        (_, content) => Promise.resolve(content.length),
      );
    const message = await sizeFrom("ada:wr0ng").catch(reasonOf);
    expect(message).toContain("the index answered 401");
    expect(message).not.toMatch(/ada|wr0ng/);
    expect(await sizeFrom("ada:s%40cret")).toEqual([wheel.content.length]);
  });

  it("is named without user and password if uv does not understand its address", async () => {
    vi.stubEnv("UV_DEFAULT_INDEX", "http://ada:s%40cret@127.0.0.1:99999/simple/");
    const message = await workspace.require(["anything"]).catch(reasonOf);
    expect(message).toContain("http://127.0.0.1:99999/simple/");
    expect(message).not.toMatch(/ada|s%40cret/);
  });
});

describe("a bad index", () => {
  it("gets no further requests once a wheel cannot be used", async () => {
    const packages = Array.from({ length: 20 }, (_, number) => ({ name: `queued-${number}` }));
    const fetched: string[] = [];
    let goOn: () => void = () => undefined;
    const failed = new Promise<void>((resolve) => (goOn = resolve));
    let used = 0;
    const fetching = withWheels(
      workspace.index.publish(...packages).map(served),
      ({ name }) => fetched.push(name),
      () => ((used += 1) === 1 ? Promise.reject(new Error("unusable")) : failed),
    );
    await expect(fetching).rejects.toThrow("unusable");
    const before = [...fetched];
    goOn();
    // The first wheel is processed while the second one is fetched.
    const another = workspace.index.publish({ name: "another" }).map(served);
    await withWheels(
      another,
      () => undefined,
      () => Promise.resolve(),
    );
    expect(before.length).toBeLessThan(packages.length);
    expect(fetched).toEqual(before);
  });

  it("that fails intermittently is asked again", async () => {
    workspace.index.publish({ name: "flaky" });
    await workspace.require(["flaky"]);
    let failures = 0;
    workspace.index.misbehave = (_, response) => {
      if (failures > 1) return false;
      failures += 1;
      response.writeHead(503).end();
      return true;
    };
    expect(layerOf(await workspace.build()).packages).toHaveLength(1);
    expect(failures).toBe(2);
  });

  it("that sends half of a file and disconnects gives no wheel", async () => {
    workspace.index.publish({ name: "cut-short" });
    await workspace.require(["cut-short"]);
    workspace.index.misbehave = (_, response, { content }) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, content.length / 2), () => response.destroy());
      return true;
    };
    await expect(workspace.build()).rejects.toThrow(/cut_short-1\.0.*could not be fetched.*check the network/s);
    expect(await cached("wheels")).toEqual([]);
  });

  it("that sends a wrong type of its list causes an error", async () => {
    workspace.index.publish({ name: "honest" });
    await workspace.require(["honest"]);
    workspace.index.listType = "text/html";
    vi.stubEnv("UV_CACHE_DIR", path.join(workspace.folder, "uv"));
    await expect(workspace.build()).rejects.toThrow(/the package index gave nothing .*honest/s);
    expect(await cached("wheels")).toEqual([]);
  });

  it("gives the highest build of a release, as for installers", async () => {
    workspace.index.publish(
      ...["1", "10", "2"].map((buildTag) => ({ name: "rebuilt", buildTag, files: { "rebuilt/build.txt": buildTag } })),
      { name: "rebuilt" },
    );
    await workspace.require(["rebuilt"]);
    await workspace.build();
    expect(workspace.index.sent).toEqual(["rebuilt-1.0-10-py3-none-any.whl"]);
  });

  it("that sends nothing causes a timeout", async () => {
    workspace.index.publish({ name: "silent" });
    await workspace.require(["silent"]);
    vi.stubEnv("UV_HTTP_TIMEOUT", "1");
    workspace.index.misbehave = () => true;
    await expect(workspace.build()).rejects.toThrow(/silent-1\.0.*sent nothing for 1 s/s);
  });

  it("that is slow but not silent is waited for", async () => {
    workspace.index.publish({ name: "slow" });
    await workspace.require(["slow"]);
    vi.stubEnv("UV_HTTP_TIMEOUT", "1");
    workspace.index.misbehave = (_, response, { content }) => {
      const half = Math.floor(content.length / 2);
      response.write(content.subarray(0, half));
      setTimeout(() => response.write(content.subarray(half, half + 1)), 700);
      setTimeout(() => response.end(content.subarray(half + 1)), 1400);
      return true;
    };
    expect(layerOf(await workspace.build()).packages).toHaveLength(1);
  });
});
