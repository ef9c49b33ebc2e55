import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, describe, expect, it, vi } from "vitest";

import { type ImportFault, type Importable, proveImports } from "../../layers/import-proof";
import { scanModules } from "../../layers/module-scan";
import type { Tree } from "../../layers/module-tree";

const cache = mkdtempSync(path.join(tmpdir(), "imports-test-"));
vi.stubEnv("XDG_CACHE_HOME", cache);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

type Files = Readonly<Record<string, string>>;

async function treeOf(files: Files, pythonVersion: string, owner?: string): Promise<Tree> {
  const sources = Object.entries(files).map(([name, text]) => ({ name, content: Buffer.from(text) }));
  const scans = await scanModules(sources, pythonVersion);
  return new Map(
    sources.map(({ name }) => [name, { scan: scans[name], ...(owner && { owner: { name: owner, version: "1.0" } }) }]),
  );
}

interface Case extends Partial<Pick<Importable, "platform" | "provided" | "entryPoints">> {
  readonly packages?: Files;
}

const python = (pythonVersion: string) => ({ pythonVersion, architecture: "x86_64" }) as const;

async function prove(application: Files, { packages = {}, ...others }: Case = {}) {
  const { platform = python("3.12") } = others;
  const main = "main.py" in application && { "main.py": `${application["main.py"]}\napp = 1` };
  return proveImports({
    platform,
    entryPoints: [{ module: "main", attribute: "app" }],
    provided: [],
    ...others,
    application: await treeOf({ ...application, ...main }, platform.pythonVersion),
    packages: await treeOf(packages, platform.pythonVersion, "dep"),
  });
}

const shown = (faults: readonly ImportFault[]) =>
  faults.map(({ file, line, kind, module, name }) => `${file}:${line} ${kind} ${module}${name ? `.${name}` : ""}`);

async function errors(...args: Parameters<typeof prove>) {
  return shown((await prove(...args)).errors);
}

describe("an import that fails", () => {
  it.each<[string, Files, Case, string[]]>([
    [
      "of a module that its package has no name for yet, though it will have any",
      { "main.py": "import early\nimport late" },
      {
        packages: {
          "early/__init__.py": "from early.part import x\ndef __getattr__(name): ...",
          "early/part.py": "from . import absent\nx = 1",
          "late/__init__.py": "from .part import x\ndef fill(names): names.update(absent=1)\nfill(locals())",
          "late/part.py": "from . import absent\nx = 1",
        },
      },
      ["early/part.py:1 missing name early.absent", "late/part.py:1 missing name late.absent"],
    ],
    [
      "of a part of a namespace that is nowhere",
      { "main.py": "import google.cloud.storage\nfrom azure.functions import App" },
      {},
      ["main.py:1 missing module google.cloud.storage", "main.py:2 missing module azure.functions"],
    ],
    ["of a module that is nowhere", { "main.py": "import os\nimport absent" }, {}, ["main.py:2 missing module absent"]],
    [
      "inside a package, at the line that imports it",
      { "main.py": "import dep.part" },
      { packages: { "dep/__init__.py": "", "dep/part.py": "\n\nfrom absent.deep import x" } },
      ["dep/part.py:3 missing module absent.deep"],
    ],
    [
      "in a class body, a with and a loop",
      { "main.py": "class A:\n  import one\nwith open('x') as f:\n  import two\nfor i in range(3):\n  import three" },
      {},
      ["main.py:2 missing module one", "main.py:4 missing module two", "main.py:6 missing module three"],
    ],
    [
      "under a condition that only the deployment decides, in the application",
      { "main.py": "import os\nif os.environ.get('DEBUG'):\n  import absent" },
      {},
      ["main.py:3 missing module absent"],
    ],
    [
      "by a literal",
      { "main.py": "import importlib\nimportlib.import_module('absent')\nx = __import__('gone')" },
      {},
      ["main.py:2 missing module absent", "main.py:3 missing module gone"],
    ],
    [
      "under a flag that only a package's own build has",
      { "main.py": "import dep" },
      {
        packages: {
          "dep.py":
            "try:\n  __DEP_SETUP__\nexcept NameError:\n  __DEP_SETUP__ = False\nif not __DEP_SETUP__:\n  import absent",
        },
      },
      ["dep.py:6 missing module absent"],
    ],
    [
      "by a loop over literals",
      { "main.py": "for name in ('os', 'absent'):\n  locals()[name] = __import__(name)" },
      {},
      ["main.py:1 missing module absent"],
    ],
    [
      "by a native module of which it is known",
      { "main.py": "from cryptography.hazmat.bindings import _rust" },
      { packages: { "cryptography/hazmat/bindings/_rust.abi3.so": "" } },
      ["cryptography/hazmat/bindings/_rust.abi3.so:0 missing module _cffi_backend"],
    ],
    [
      "of a relative module",
      {
        "main.py": "import shop.api",
        "shop/__init__.py": "",
        "shop/api.py": "from . import absent\nfrom .gone import x",
      },
      {},
      ["shop/api.py:1 missing name shop.absent", "shop/api.py:2 missing module shop.gone"],
    ],
    [
      "of a package's own module, also below what makes other modules",
      { "main.py": "import dep.part, other" },
      {
        packages: {
          "other/__init__.py": "from . import absent\nglobals().update(x=1)\ndef __getattr__(name): ...",
          "dep/__init__.py": "import sys\nsys.modules['alias'] = sys.modules.update({'dep.made': 1})",
          "dep/part/__init__.py": "import dep.made\nprint(dep.__path__)\nfrom .gone import x",
        },
      },
      ["dep/part/__init__.py:3 missing module dep.part.gone", "other/__init__.py:1 missing name other.absent"],
    ],
    [
      "of a submodule of a namespace package",
      { "main.py": "from space import there\nfrom space import absent" },
      { packages: { "space/there.py": "" } },
      ["main.py:2 missing module space.absent"],
    ],
    [
      "of a name that the application's module does not have",
      {
        "main.py": "from shop import a, b, C, d, absent",
        "shop.py": "import a\nb = 1\nclass C: pass\ndef d(): pass",
        "a.py": "",
      },
      {},
      ["main.py:1 missing name shop.absent"],
    ],
    [
      "of a name through a star import",
      { "main.py": "from one import there, absent", "one.py": "from two import *", "two.py": "there = 1" },
      {},
      ["main.py:1 missing name one.absent"],
    ],
    [
      "where the fallback fails too",
      { "main.py": "try:\n  import one\nexcept ImportError:\n  import two" },
      {},
      ["main.py:4 missing module two"],
    ],
    [
      "where the handler only raises another error",
      { "main.py": "import dep" },
      {
        packages: {
          "dep.py": "try:\n  import absent\nexcept ImportError as e:\n  raise RuntimeError('install it') from e",
        },
      },
      ["dep.py:2 missing module absent"],
    ],
    [
      "where the handler expects another error",
      { "main.py": "try:\n  import absent\nexcept (KeyError, ValueError):\n  pass" },
      {},
      ["main.py:2 missing module absent"],
    ],
    [
      "in the branch of the deployed Python",
      { "main.py": "import sys\nif sys.version_info >= (3, 11):\n  import one\nelse:\n  import two" },
      {},
      ["main.py:3 missing module one"],
    ],
    [
      "of what the standard library no longer has",
      { "main.py": "import cgi\nimport telnetlib" },
      { platform: python("3.13") },
      ["main.py:1 missing module cgi", "main.py:2 missing module telnetlib"],
    ],
    ["of what only Windows has", { "main.py": "import winreg" }, {}, ["main.py:1 missing module winreg"]],
    [
      "of a native module for another Python",
      { "main.py": "import dep._core" },
      { packages: { "dep/__init__.py": "", "dep/_core.cpython-311-x86_64-linux-gnu.so": "" } },
      ["main.py:1 native module for another Python dep._core"],
    ],
    [
      "of a name that __getattr__ takes from a module that fails",
      { "main.py": "from dep import Model" },
      {
        packages: {
          "dep/__init__.py":
            "_places = {'Model': (__spec__.parent, '.models')}\ndef __getattr__(name):\n  return getattr(import_module(_places[name]), name)",
          "dep/models.py": "import absent",
        },
      },
      ["dep/models.py:1 missing module absent"],
    ],
    [
      "of a name that type checkers find in a module that fails",
      { "main.py": "from dep import Model" },
      {
        packages: {
          "dep/__init__.py":
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from .models import *\ndef __getattr__(name): ...",
          "dep/models.py": "import absent\nclass Model: ...",
        },
      },
      ["dep/models.py:1 missing module absent"],
    ],
    ["of the entry point's module", { "other.py": "" }, {}, [":0 missing module main"]],
    [
      "of the entry point's name",
      { "main.py": "" },
      { entryPoints: [{ module: "main", attribute: "handler.inner" }] },
      ["main.py:1 missing name main.handler"],
    ],
    ["for its syntax", { "main.py": "import shop", "shop.py": "x =\n" }, {}, ["shop.py:1 syntax error shop"]],
    [
      "for syntax of a newer Python",
      { "main.py": "import shop", "shop.py": "type Price[T = int] = list[T]\n" },
      { platform: python("3.12") },
      ["shop.py:1 syntax error shop"],
    ],
    [
      "for a module that raises",
      { "main.py": "import dep" },
      { packages: { "dep.py": "import sys\nif sys.platform != 'win32':\n  raise ImportError('for Windows')" } },
      ["dep.py:3 refuses to be imported dep"],
    ],
  ])("is found: %s", async (_, application, others, expected) => {
    expect(await errors(application, others)).toEqual(expected);
  });

  it("is reported with the imports that lead to it", async () => {
    const {
      errors: [fault],
    } = await prove(
      { "main.py": "import shop", "shop.py": "\nimport dep" },
      { packages: { "dep/__init__.py": "from .part import x", "dep/part.py": "import absent" } },
    );
    expect(fault?.via.map(({ file, line }) => `${file}:${line}`)).toEqual([
      "main.py:1",
      "shop.py:2",
      "dep/__init__.py:1",
    ]);
    expect(fault?.owner).toEqual({ name: "dep", version: "1.0" });
  });

  it("is reported once, however many imports lead to it, together with all others", async () => {
    const application = { "main.py": "import dep.one\nimport dep.two\nimport gone" };
    const packages = { "dep/__init__.py": "", "dep/one.py": "from . import base", "dep/two.py": "from . import base" };
    expect(await errors(application, { packages: { ...packages, "dep/base.py": "import absent" } })).toEqual([
      "dep/base.py:1 missing module absent",
      "main.py:3 missing module gone",
    ]);
  });
});

describe("an import that is no error", () => {
  it.each<[string, Files, Case?]>([
    ["in a try that expects it", { "main.py": "try:\n  import absent\nexcept ImportError:\n  absent = None" }],
    [
      "in a try that expects anything",
      { "main.py": "try:\n  import absent\nexcept:\n  pass\ntry:\n  import gone\nexcept Exception:\n  pass" },
    ],
    [
      "in contextlib.suppress",
      { "main.py": "from contextlib import suppress\nwith suppress(ImportError):\n  import absent" },
    ],
    ["under TYPE_CHECKING", { "main.py": "import typing\nif typing.TYPE_CHECKING:\n  import absent" }],
    ["under __main__", { "main.py": "if __name__ == '__main__':\n  import absent" }],
    [
      "for another system",
      { "main.py": "import sys, os\nif sys.platform.startswith('win') or os.name == 'nt':\n  import absent" },
    ],
    [
      "for another Python",
      { "main.py": "from sys import version_info as v\nif v[:2] < (3, 9) or v.major == 2:\n  import absent" },
    ],
    [
      "in a module with the syntax of its Python, newer than that of another",
      { "main.py": "import shop", "shop.py": "try:\n  import absent\nexcept ImportError, OSError:\n  x = t'{1}'\n" },
      { platform: python("3.14") },
    ],
    [
      "behind a flag that a try has set",
      {
        "main.py": "from shop import HAS\nif HAS:\n  import absent.part",
        "shop.py": "try:\n  import absent\n  HAS = True\nexcept ImportError:\n  HAS = False",
      },
    ],
    [
      "behind find_spec",
      { "main.py": "from importlib.util import find_spec\nif find_spec('absent') is not None:\n  import absent" },
    ],
    [
      "of a module whose importer is guarded",
      { "main.py": "import dep" },
      {
        packages: {
          "dep/__init__.py": "try:\n  from . import part\nexcept ImportError:\n  part = None",
          "dep/part.py": "import absent",
        },
      },
    ],
    [
      "in a fallback that is not needed",
      { "main.py": "try:\n  import tomllib\nexcept ImportError:\n  import tomli as tomllib" },
    ],
    [
      "under a condition of a package that is not known",
      { "main.py": "import dep" },
      { packages: { "dep.py": "import os\nif os.environ.get('DEP_DEBUG'):\n  import absent" } },
    ],
    [
      "of parts of a namespace package in several places",
      { "main.py": "import space.one\nimport space.two", "space/one.py": "" },
      { packages: { "space/two.py": "" } },
    ],
    [
      "of parts of a package that pkgutil joins",
      {
        "main.py": "import space.one\nimport space.two",
        "space/__init__.py": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)",
        "space/one.py": "",
      },
      {
        packages: {
          "space/__init__.py": "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)",
          "space/two.py": "",
        },
      },
    ],
    [
      "of native modules that fit",
      { "main.py": "import dep.one, dep.two, dep.three" },
      {
        packages: {
          "dep/__init__.py": "",
          "dep/one.cpython-312-x86_64-linux-gnu.so": "",
          "dep/two.abi3.so": "",
          "dep/three.so": "",
        },
      },
    ],
    [
      "of what the runtime has",
      { "main.py": "import boto3.session\nfrom azure.functions import HttpRequest" },
      { provided: ["boto3", "azure.functions"], packages: { "azure/core.py": "" } },
    ],
    [
      "of names that no statement shows",
      {
        "main.py": "from shop import anything\nfrom other import something",
        "shop.py": "globals().update(anything=1)",
        "other.py": "def __getattr__(name): ...",
      },
    ],
    [
      "of modules that a package makes",
      { "main.py": "import dep.made.deep\nfrom dep.made import thing" },
      { packages: { "dep.py": "import sys\nsys.modules['dep.made'] = object()" } },
    ],
    [
      "of modules that import each other",
      { "main.py": "import one", "one.py": "import two\nx = 1", "two.py": "from one import x" },
    ],
    [
      "of a type alias, and of a name that another module gives",
      {
        "main.py": "from shop import Alias, given\nfrom lazy import part",
        "shop.py": "type Alias = int\nimport other",
        "other.py": "import shop\nshop.given = 1",
        "lazy.py": "import helper\nhelper.replace(__name__, by={'lazy_part': ['part']})",
        "helper.py": "",
        "lazy_part.py": "",
      },
    ],
    [
      "of a name under global, of a loop and of a walrus",
      {
        "main.py": "from shop import a, b, c",
        "shop.py": "def f():\n  global a\n  a = 1\nfor b in (): pass\nprint(c := 1)",
      },
    ],
  ])("%s", async (_, application, others) => {
    expect(await prove(application, others)).toMatchObject({ errors: [], warnings: [] });
  });

  it("in a function's body, which is only a warning in the application", async () => {
    const application = {
      "main.py":
        "f = lambda: __import__('late')\ndef f():\n  from shop import x\ndef g():\n  try:\n    import optional\n  except ImportError: pass",
      "shop.py": "import absent\nx = 1",
    };
    const proof = await prove(application, { packages: { "dep.py": "def f():\n  import gone" } });
    expect(proof.errors).toEqual([]);
    expect(shown(proof.warnings)).toEqual(["main.py:1 missing module late", "shop.py:1 missing module absent"]);
  });
});
