import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, it, vi } from "vitest";

import { importGraph } from "../../layers/import-graph";
import { applicationTree } from "../../layers/importable";

const cache = mkdtempSync(path.join(tmpdir(), "graph-test-"));
vi.stubEnv("XDG_CACHE_HOME", cache);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

it("has the imports of each module, with the kind of edge", async () => {
  const files = {
    "main.py":
      "import dep.one\ntry:\n  from dep import two\nexcept ImportError: pass\ndef f():\n  from dep.three import x",
    "dep/__init__.py": "_lazy = {'Four': '.four'}\ndef __getattr__(name): ...",
    "dep/one.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from . import typed",
    "dep/two.py": "from . import core\nimport os, absent",
    "dep/three.py": "",
    "dep/four.py": "",
    "dep/core.abi3.so": "",
    "dep/typed.py": "",
    "dep/unused.py": "import dep.one",
  };
  const tree = await applicationTree(
    Object.entries(files).map(([name, text]) => ({ name, content: Buffer.from(text) })),
    "3.12",
  );
  const graph = importGraph([tree], { pythonVersion: "3.12", architecture: "x86_64" }, ["main"]);
  const shown = Object.fromEntries([...graph].map(([name, { imports }]) => [name, Object.fromEntries(imports)]));
  expect(shown).toEqual({
    main: { dep: "always", "dep.one": "always", "dep.two": "guarded", "dep.three": "call" },
    dep: { "dep.four": "reference" },
    "dep.one": { dep: "always" },
    "dep.two": { dep: "always", "dep.core": "always" },
    "dep.three": { dep: "always" },
    "dep.four": { dep: "always" },
    "dep.core": { dep: "always" },
  });
  expect([...graph].filter(([, { opaque }]) => opaque).map(([name]) => name)).toEqual(["dep.core"]);
});
