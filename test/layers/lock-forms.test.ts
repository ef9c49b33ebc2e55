import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { readApplication } from "../../contract/application";
import { applicationFiles } from "../../layers/application-files";
import { build } from "../../layers/build";
import type { Lock } from "../../layers/lock";
import { madeElsewhere, readLock } from "../../layers/lock-forms";
import { relock } from "../../layers/relock";
import { planLayers } from "../../layers/strategy";
import { findUv } from "../../layers/uv";
import { useWorkspace } from "./workspace";

const workspace = useWorkspace();
const run = promisify(execFile);

const uv = async (...args: readonly string[]) => run(await findUv(), [...args], { cwd: workspace.folder });

const file = (name: string) => path.join(workspace.folder, name);

const write = (name: string, text: string) => writeFile(file(name), text);

function read(name: string): Promise<Lock> {
  return readLock("aws", file(name));
}

const project = (dependencies: readonly string[], more = "") => `[project]
name = "Web_Shop"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ${JSON.stringify(dependencies)}
${more}`;

const hash = "a".repeat(64);

/** The parts of a lock that determine a layer. */
const essence = ({ packages }: Lock) =>
  packages
    .map(({ name, version, required, neededBy, hashes }) => ({
      ...{ name, version, required },
      ...{ neededBy: [...neededBy].sort(), hashes: [...hashes].sort() },
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

function publish() {
  workspace.index.publish(
    { name: "alpha", version: "1.2", requires: ["beta", "gamma; sys_platform == 'linux'"] },
    {
      name: "beta",
      version: "2.0",
      requires: ["gamma; python_version < '3.13'", "delta; extra == 'fast'"],
      metadata: ["Provides-Extra: fast"],
    },
    { name: "gamma", version: "3.0" },
    { name: "delta", version: "4.0", requires: ["omega; sys_platform == 'win32'"] },
    { name: "omega", version: "5.0" },
    { name: "pest", version: "6.0" },
  );
}

const dependencies = ["alpha >=1, <2", "beta[fast]"];

/** The same requirements in every form, locked by its own tool. */
const makers = {
  "requirements.in": async () => {
    await write("requirements.in", dependencies.join("\n"));
    await relock(file("requirements.in"), { pythonVersion: "3.11" });
  },
  "requirements.txt": async () => {
    await write("source.in", dependencies.join("\n"));
    await uv(
      ...["pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version", "3.11"],
      ...["--no-python-downloads", "source.in", "--output-file", "requirements.txt"],
    );
  },
  "exported.txt": async () => {
    await makers["uv.lock"]();
    await uv("export", "--quiet", "--frozen", "--no-dev", "--output-file", "exported.txt");
  },
  "uv.lock": async () => {
    await write("pyproject.toml", project(dependencies, '[dependency-groups]\ndev = ["pest"]\n'));
    await uv("lock", "--quiet", "--no-python-downloads");
  },
  "pyproject.toml": async () => makers["uv.lock"](),
  "pylock.toml": async () => {
    await makers["uv.lock"]();
    await uv(
      "export",
      "--quiet",
      "--frozen",
      "--no-dev",
      "--no-emit-project",
      "--format",
      "pylock.toml",
      "-o",
      "pylock.toml",
    );
  },
};
type Named = keyof typeof makers;

describe("equal packages in every form", () => {
  it("give the same layer, byte for byte, and the same edges if the form has any", async () => {
    publish();
    const built = new Map<Named, string>();
    const edges = new Map<Named, unknown>();
    for (const name of Object.keys(makers) as Named[]) {
      await makers[name]();
      await write(
        "pyproject.toml",
        project(dependencies, `[tool.multicloud.functions.api]\nhandler = "shop:handler"\nrequirements = "${name}"\n`),
      );
      await write("shop.py", "def handler(event, context):\n    return {}\n");
      const application = readApplication(workspace.folder, ".");
      const bundles = await build({
        ...{ application, targets: ["aws"], pythonVersion: "3.12", architecture: "x86_64", bytecode: false },
        progress: () => undefined,
      });
      const layer = bundles.find(({ kind }) => kind === "layer");
      built.set(name, layer?.sha256 ?? "");
      const lock = await read(name);
      if (lock.edgeless === undefined) edges.set(name, essence(lock));
    }
    const [first] = built.values();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(Object.fromEntries(built)).toEqual(Object.fromEntries(Object.keys(makers).map((name) => [name, first])));
    expect([...edges.keys()]).toEqual([
      "requirements.in",
      "requirements.txt",
      "exported.txt",
      "uv.lock",
      "pyproject.toml",
    ]);
    for (const each of edges.values()) expect(each).toEqual(edges.get("requirements.in"));
  });
});

describe("uv.lock", () => {
  it("has the project's dependencies, with the markers of every path to them, and nothing of its groups", async () => {
    publish();
    await makers["uv.lock"]();
    const { packages, pythonVersion } = await read("uv.lock");
    expect(pythonVersion).toBe("3.11");
    expect(packages.map(({ name, required, neededBy }) => ({ name, required, neededBy }))).toEqual([
      { name: "alpha", required: true, neededBy: [] },
      { name: "beta", required: true, neededBy: ["alpha"] },
      { name: "delta", required: false, neededBy: ["beta"] },
      { name: "gamma", required: false, neededBy: ["alpha", "beta"] },
      { name: "omega", required: false, neededBy: ["delta"] },
    ]);
    const markers = packages.map(({ statement }) => / ; (.*?) \\\n/.exec(statement)?.[1]);
    expect(markers.slice(0, 3)).toEqual([undefined, undefined, undefined]);
    expect(markers.slice(3)).toEqual([
      "(python_full_version < '3.13') or (sys_platform == 'linux')",
      "sys_platform == 'win32'",
    ]);
  });

  it.each([
    [["alpha>=1,<2", "beta[fast]", "gamma>=3"], /has gamma>=3, which the lock was not made for; run: uv lock/],
    [["alpha>=1,<2"], /no longer has beta\[fast\], which it was made for; run: uv lock/],
    [["alpha>=1.1,<2", "beta[fast]"], /has alpha<2,>=1\.1, which .*, and no longer has alpha<2,>=1, which/],
  ])("that is older than its project, which requires %j, is refused", async (changed, message) => {
    publish();
    await makers["uv.lock"]();
    await write("pyproject.toml", project(changed));
    await expect(read("uv.lock")).rejects.toThrow(message);
    await expect(read("uv.lock")).rejects.toThrow(/uv\.lock does not match .*pyproject\.toml/);
  });

  it("is equal for requirements in another spelling or with other groups", async () => {
    publish();
    await makers["uv.lock"]();
    const before = await read("uv.lock");
    await write("pyproject.toml", project(["Beta [FAST]", "alpha<2,>=1", "alpha <2,>= 1"]));
    await uv("lock", "--quiet", "--no-python-downloads");
    await write("pyproject.toml", project(["alpha (>=1,<2)", "beta[fast]"]));
    await expect(read("uv.lock")).resolves.toEqual(before);
  });

  it.each([
    ['{ git = "https://example.com/lib?rev=1#2" }', 'lib from git "https://example.com/lib?rev=1#2"'],
    ['{ url = "https://example.com/lib.whl" }', 'lib from url "https://example.com/lib.whl"'],
  ])("with a package from %s is refused", async (source, found) => {
    await write(
      "uv.lock",
      `version = 1\n[[package]]\nname = "web-shop"\nversion = "1.0.0"\nsource = { virtual = "." }\n` +
        `dependencies = [{ name = "lib" }]\n[[package]]\nname = "lib"\nversion = "1.0"\nsource = ${source}\n`,
    );
    await expect(read("uv.lock")).rejects.toThrow(`${found}, which is no release of an index`);
  });

  it("of another version, or of a workspace, says what to do", async () => {
    await write("uv.lock", "version = 2\n");
    await expect(read("uv.lock")).rejects.toThrow(/uv\.lock is not as expected \(version: expected version 1.*uv lock/);
    await write("uv.lock", "version = 1\n");
    await expect(read("uv.lock")).rejects.toThrow(
      /has no project of the folder .*name the pyproject\.toml of the workspace's member/,
    );
  });

  it("for some Pythons only is rejected for others", async () => {
    publish();
    await write("pyproject.toml", project(["gamma"]).replace(">=3.11", ">=3.11,<3.12"));
    await uv("lock", "--quiet", "--no-python-downloads");
    const [fn, application] = [
      '[tool.multicloud.functions.api]\nhandler = "shop:handler"\nrequirements = "uv.lock"\n',
      workspace.folder,
    ];
    await write("pyproject.toml", project(["gamma"], fn).replace(">=3.11", ">=3.11,<3.12"));
    await write("shop.py", "def handler(event, context):\n    return {}\n");
    await expect(
      workspace.build({ application: readApplication(application, "."), requirements: undefined }),
    ).rejects.toThrow(
      /serves Python 3\.11 and older, the bundle is for 3\.12; accept newer versions in requires-python/,
    );
  });
});

describe("pyproject.toml", () => {
  it("without a lock beside it, or with two, says what to do", async () => {
    await write("pyproject.toml", project(["gamma"]));
    await expect(read("pyproject.toml")).rejects.toThrow(/neither uv\.lock nor pylock\.toml beside it; run: uv lock/);
    await write("uv.lock", "");
    await write("pylock.toml", "");
    await expect(read("pyproject.toml")).rejects.toThrow(/both uv\.lock and pylock\.toml beside it; name the one/);
  });

  it("that requires what its pylock.toml lacks is rejected, unless a marker excludes it", async () => {
    await write("pylock.toml", 'lock-version = "1.0"\npackages = []\n');
    await write("pyproject.toml", project(["pywin32; sys_platform == 'win32'"]));
    await expect(read("pyproject.toml")).resolves.toMatchObject({ packages: [] });
    await write("pyproject.toml", project(["gamma>=3"]));
    await expect(read("pyproject.toml")).rejects.toThrow(
      /pylock\.toml does not lock gamma, which .*pyproject\.toml requires/,
    );
  });
});

describe("pylock.toml", () => {
  const release = (name: string, more = "") =>
    `[[packages]]\nname = "${name}"\nversion = "1.0"\n${more}\nwheels = [{ hashes = { sha256 = "${hash}" } }]\n`;

  it("has the edges that its tool writes, and the default groups", async () => {
    await write(
      "pylock.toml",
      [
        'lock-version = "1.0"\nrequires-python = ">=3.12"\ndefault-groups = ["default"]\n',
        release("Top", `marker = "'default' in dependency_groups"\ndependencies = [{ name = "low" }]`),
        release("low", `marker = "sys_platform == 'linux' and 'default' in dependency_groups"`),
        release("pest", `marker = "'dev' in dependency_groups"`),
        release("more", `marker = "'more' in extras"`),
        '[[packages]]\nname = "web-shop"\ndirectory = { path = ".", editable = true }\n',
      ].join(""),
    );
    const { packages, pythonVersion, edgeless } = await read("pylock.toml");
    expect(pythonVersion).toBe("3.12");
    expect(edgeless).toBeUndefined();
    expect(packages).toMatchObject([
      { name: "low", required: false, neededBy: ["top"] },
      { name: "top", required: true, neededBy: [] },
    ]);
    expect(packages.map(({ statement }) => statement.split(" \\")[0])).toEqual([
      `low==1.0 ; sys_platform == 'linux' and python_version >= "3"`,
      "top==1.0",
    ]);
  });

  it.each([
    ['vcs = { type = "git", url = "https://example.com/lib", commit-id = "1" }', "lib from vcs"],
    ['archive = { url = "https://example.com/lib.zip", hashes = { sha256 = "1" } }', "lib from archive"],
  ])("with %s is refused", async (source, found) => {
    await write("pylock.toml", `lock-version = "1.0"\n[[packages]]\nname = "lib"\n${source}\n`);
    await expect(read("pylock.toml")).rejects.toThrow(`${found}, which is no release of an index`);
  });

  it("without edges cannot be split, unless every package is in a group", async () => {
    await write("pylock.toml", `lock-version = "1.0"\n${release("top")}${release("low")}`);
    const lock = await read("pylock.toml");
    const split = (...members: string[]) => planLayers({ kind: "split", groups: new Map([["web", members]]) }, lock);
    expect(() => split("top")).toThrow(
      /split cannot tell which group low belongs to: a pylock\.toml says .*use uv\.lock/,
    );
    expect(split("top", "low")).toEqual([{ name: "web", packages: ["low", "top"] }]);
  });
});

describe("requirements.txt", () => {
  const pinned = (name: string, via = "") => `${name}==1.0 \\\n    --hash=sha256:${hash}\n${via}`;

  it("has the annotations of pip-compile, in either style, with Windows' line ends", async () => {
    await write(
      "requirements.txt",
      [
        "#\n# This file is autogenerated by pip-compile with Python 3.12\n#\n--only-binary :all:\n--index-url https://example.com/simple\n--find-links /wheels\n\n-e .\n",
        pinned("Top", "    # via -r requirements.in\n"),
        pinned("own", "    # via web-shop (pyproject.toml)\n"),
        pinned("low", "    # via\n    #   -c limits.txt\n    #   other.one\n    #   top\n"),
        pinned("Other-One", "    # via top, own\n"),
        `bare==1.0 --hash=sha256:${hash}  # why we want it\n`,
      ]
        .join("")
        .replaceAll("\n", "\r\n"),
    );
    const { packages, pythonVersion } = await read("requirements.txt");
    expect(pythonVersion).toBe("3.12");
    expect(packages).toMatchObject([
      { name: "bare", required: false, neededBy: [] },
      { name: "low", required: false, neededBy: ["other-one", "top"] },
      { name: "other-one", required: false, neededBy: ["own", "top"] },
      { name: "own", required: true, neededBy: [] },
      { name: "top", required: true, neededBy: [] },
    ]);
    for (const { statement } of packages) expect(statement).toMatch(/^\S+==1\.0 \\\n {4}--hash=sha256:a{64}$/);
  });

  it("keeps markers, as poetry export writes them, and says that it has no edges", async () => {
    await write(
      "requirements.txt",
      `top[fast]==1.0 ; python_version >= "3.11" and sys_platform == "linux" \\\n    --hash=sha256:${hash}\n` +
        `low==1.0 ; python_version >= "3.11" --hash=sha256:${hash}\n`,
    );
    const lock = await read("requirements.txt");
    expect(lock.packages.map(({ statement }) => statement.split(" \\")[0])).toEqual([
      'low==1.0 ; python_version >= "3.11"',
      'top==1.0 ; python_version >= "3.11" and sys_platform == "linux"',
    ]);
    expect(() => planLayers({ kind: "split", groups: new Map([["web", ["top"]]]) }, lock)).toThrow(
      /which group low belongs to: .*requirements\.txt has no annotations \(# via\)/,
    );
  });

  it.each([
    ["flask==3.0", /has "flask==3\.0" without a hash: a requirements\.txt has to be a lock.*--generate-hashes/],
    ["flask>=3  # any", /has "flask>=3" without one version: .*move what you require to requirements\.in/],
    ["flask", /has "flask" without one version/],
    [`flask==3.* --hash=sha256:${hash}`, /without one version/],
    ["-r common.txt", /has "-r common\.txt": write what that file has/],
    ["--no-binary top", /which is no release of an index/],
    ["-e ../lib", /has .*lib, which is not there; expected a folder/],
    ["./lib.whl", /has .*lib\.whl, which is not there; expected a folder/],
    ["lib @ https://example.com/lib.whl", /which is no release of an index/],
    ["git+https://example.com/lib", /which is no release of an index/],
  ])("with %s is refused", async (line, message) => {
    await write("requirements.txt", `${pinned("top")}${line}\n`);
    await expect(read("requirements.txt")).rejects.toThrow(message);
  });

  it("may be empty", async () => {
    await write("requirements.txt", "# nothing\n");
    await expect(read("requirements.txt")).resolves.toMatchObject({ packages: [], pythonVersion: "3.11" });
  });
});

describe("the command lock", () => {
  it.each([
    ["requirements.txt", "uv pip compile --universal --generate-hashes --output-file requirements.txt requirements.in"],
    ["uv.lock", "uv lock"],
    ["pyproject.toml", "uv lock"],
    ["pylock.worker.toml", "uv export"],
    ["poetry.lock", "poetry export"],
  ])("leaves %s to the tool that writes it", async (name, command) => {
    await write(name, "as it is");
    await expect(relock(file(name))).rejects.toThrow(command);
    expect(madeElsewhere(file(name))).toContain("is made by another tool and left as it is; run in ");
    await expect(readFile(file(name), "utf8")).resolves.toBe("as it is");
  });

  it("writes the lock of requirements.in itself", () => {
    expect(madeElsewhere("requirements.in")).toBeUndefined();
  });
});

it("rejects the lock of an unsupported tool, and says how to export it", async () => {
  await write("poetry.lock", "");
  await expect(read("poetry.lock")).rejects.toThrow(
    /is not a supported form of requirements; accepted are .*poetry export/,
  );
});

it("packs neither requirements nor locks with the code", async () => {
  const names = ["uv.lock", "pylock.toml", "requirements.txt", "requirements.in", "jobs.txt", "shop.py"];
  for (const name of names) await write(name, "");
  const functions = ["api", "jobs"].map(
    (name) => `[tool.multicloud.functions.${name}]\nhandler = "shop:${name}"\nroutes = ["/${name}"]\n`,
  );
  await write(
    "pyproject.toml",
    project(
      [],
      `${functions[0] ?? ""}requirements = "requirements.txt"\n${functions[1] ?? ""}requirements = "uv.lock"\n`,
    ),
  );
  const files = await applicationFiles(readApplication(workspace.folder, "."), "aws");
  expect(files.map(({ name }) => name)).toEqual(["jobs.txt", "shop.py"]);
});
