import { describe, expect, it } from "vitest";

import { mergeWheels } from "../../layers/merge";
import type { PruneOptions } from "../../layers/pruning";
import { openWheel } from "../../layers/wheel";
import { makeWheel, type WheelContent } from "./wheels";

const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;

async function pruned(contents: readonly WheelContent[], options?: PruneOptions) {
  const opened = await Promise.all(
    contents.map((each) => {
      const { content, ...wheel } = makeWheel(each);
      return openWheel(wheel, content, platform);
    }),
  );
  const { files, wheels } = mergeWheels(opened, options);
  return { names: files.map(({ entry }) => entry.name).sort(), pruned: wheels.map((each) => each.pruned) };
}

describe("files that a merge leaves out", () => {
  it("are those that no program reads, each with its reason; metadata and licences stay", async () => {
    const found = await pruned([
      {
        name: "full",
        files: {
          "full/code.py": "",
          "full/code.pyi": "",
          "full/py.typed": "",
          "full/native.c": "",
          "full/__pycache__/code.cpython-312.pyc": "",
          "full/code.pyc": "",
          "full/sourceless.pyc": "",
          "full/test_code.py": "",
          "full/test/base.py": "",
          "full/conftest.py": "",
          "full/tests/data.json": "",
          "full/tests/test_code.py": "from full.tests import data",
          "full/latest/a.py": "",
          "full-1.0.dist-info/licenses/tests/LICENSE": "",
          "full-1.0.dist-info/top_level.txt": "",
        },
      },
    ]);
    expect(found.names).toEqual([
      "full-1.0.dist-info/METADATA",
      "full-1.0.dist-info/licenses/tests/LICENSE",
      "full-1.0.dist-info/top_level.txt",
      "full/__init__.py",
      "full/code.py",
      "full/latest/a.py",
      "full/sourceless.pyc",
      "full/test/base.py",
      "full/test_code.py",
    ]);
    expect(found.pruned).toEqual([
      {
        tests: ["full/conftest.py", "full/tests/data.json", "full/tests/test_code.py"],
        stubs: ["full/code.pyi", "full/py.typed"],
        "c-sources": ["full/native.c"],
        bytecode: ["full/__pycache__/code.cpython-312.pyc", "full/code.pyc"],
        "installer-records": ["full-1.0.dist-info/RECORD", "full-1.0.dist-info/WHEEL"],
      },
    ]);
  });

  it.each([
    ["of its own", "full", "from .tests.runner import run"],
    ["of another wheel", "other", "import full.tests.runner"],
    ["of its own that names it", "full", "importlib.import_module(f'{__name__}.tests.runner')"],
  ])("are no tests that a module imports: %s", async (_, importer, source) => {
    const { names } = await pruned([
      {
        name: "full",
        files: {
          "full/tests/__init__.py": "",
          "full/tests/runner.py": "from ..deep.tests import base",
          "full/deep/tests/base.py": "",
          "full/lone/tests/test_lone.py": "",
        },
      },
      { name: "other", files: { "other/a.py": "" } },
      { name: "importer", files: { [`${importer}/importing.py`]: source } },
    ]);
    expect(names).toEqual(
      expect.arrayContaining(["full/deep/tests/base.py", "full/tests/__init__.py", "full/tests/runner.py"]),
    );
    expect(names).not.toContain("full/lone/tests/test_lone.py");
  });

  it("do not include tests that an entry point loads", async () => {
    const { names } = await pruned([
      {
        name: "plugged",
        files: {
          "plugged/tests/plugin.py": "",
          "plugged-1.0.dist-info/entry_points.txt": "[plugins]\nname = plugged.tests.plugin:load\n",
        },
      },
    ]);
    expect(names).toContain("plugged/tests/plugin.py");
  });

  it("do not include stubs if a source reads them", async () => {
    const { names } = await pruned([
      {
        name: "lazy",
        files: {
          "lazy/__init__.py": "import lazy_loader\n__getattr__, *_ = lazy_loader.attach_stub(__name__, __file__)\n",
          "lazy/__init__.pyi": "from . import deep",
        },
      },
      { name: "eager", files: { "eager/__init__.pyi": "" } },
    ]);
    expect(names).toContain("lazy/__init__.pyi");
    expect(names).not.toContain("eager/__init__.pyi");
  });

  it("do not include C sources that a source names", async () => {
    const { names } = await pruned([
      { name: "compiles", files: { "compiles/a.py": "read('kernel.c')", "compiles/kernel.c": "", "compiles/b.c": "" } },
    ]);
    expect(names).toContain("compiles/kernel.c");
    expect(names).not.toContain("compiles/b.c");
  });

  it("do not include those that are to be kept", async () => {
    const files = { "kept/tests/deep/a.json": "", "kept/a.pyi": "", "kept/b/c.pyi": "" };
    const { names } = await pruned([{ name: "kept", files }], { keep: ["kept/tests/**", "kept/*.pyi"] });
    expect(names).toEqual(expect.arrayContaining(["kept/a.pyi", "kept/tests/deep/a.json"]));
    expect(names).not.toContain("kept/b/c.pyi");
  });

  it("are only bytecode and the file list if pruning is off", async () => {
    const files = { "all/tests/a.py": "", "all/a.pyi": "", "all/a.c": "", "all/__pycache__/a.pyc": "" };
    const { names, pruned: left } = await pruned([{ name: "all", files }], { prune: false });
    expect(names).toEqual(
      expect.arrayContaining(["all-1.0.dist-info/WHEEL", "all/a.c", "all/a.pyi", "all/tests/a.py"]),
    );
    expect(left).toEqual([{ bytecode: ["all/__pycache__/a.pyc"], "installer-records": ["all-1.0.dist-info/RECORD"] }]);
  });
});
