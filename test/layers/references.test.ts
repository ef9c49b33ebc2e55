import { describe, expect, it } from "vitest";

import { testReferences } from "../../layers/references";

describe("a source refers to tests", () => {
  it.each([
    ["import a.tests", "a/tests"],
    ["import os, a.b.tests.helper as h", "a/b/tests/helper"],
    ["from other.tests.runner import run", "other/tests/runner/run"],
    ["from other import (\n    x,  # tests\n    tests as t,\n)", "other/tests"],
    ["from .tests import helper", "pkg/sub/tests/helper"],
    ["from . import tests", "pkg/sub/tests"],
    ["from .. import x, \\\n    tests", "pkg/tests"],
    ["try: from ..tests.base import *\nexcept ImportError: pass", "pkg/tests/base/*"],
    ["if True: import pkg.tests", "pkg/tests"],
    ["import_module('.tests.x', __package__)", "pkg/sub/tests/x"],
    ["import_module(f'{__name__}.tests')", "pkg/sub/tests"],
    ["import_module('elsewhere.tests.x')", "elsewhere/tests/x"],
    ["os.path.join(here, 'tests', 'data')", "pkg/tests"],
    ["open(here + '/tests/data.json')", "pkg/sub/tests/data/json"],
    ["from pkg import conftest", "pkg/conftest"],
  ])("by %s", (source, path) => {
    expect(testReferences("pkg/sub/module.py", source)).toContain(path);
  });

  it("of its own package if it is the package's __init__", () => {
    expect(testReferences("pkg/__init__.py", "from .tests import x")).toEqual(["pkg/tests/x"]);
  });

  it.each([
    ["a comment", "# from pkg.tests import x\nx = 1"],
    ["prose", '"""Run the tests\n\n    >>> from pkg.tests import x\n    from pkg.tests import y\n"""\n'],
    ["a sentence", 'raise ValueError("run the tests first")'],
    ["another name", "from pkg.contests import latests\nimport pkg.tests_of_mine"],
  ])("not by %s", (_, source) => {
    expect(testReferences("pkg/sub/module.py", source)).toEqual([]);
  });
});
