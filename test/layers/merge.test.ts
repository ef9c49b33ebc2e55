import { describe, expect, it } from "vitest";

import { mergeWheels } from "../../layers/merge";
import { openWheel } from "../../layers/wheel";
import { makeLibrary, makeWheel, type WheelContent } from "./wheels";

const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;

function open(content: WheelContent) {
  const { content: bytes, ...wheel } = makeWheel(content);
  return openWheel(wheel, bytes, platform);
}

async function merged(...contents: WheelContent[]): Promise<string[]> {
  return mergeWheels(await Promise.all(contents.map(open))).map(({ entry }) => entry.name);
}

describe("a wheel is refused", () => {
  it.each(["../evil.py", "/evil.py", "..\\evil.py"])("with a file named %s", async (name) => {
    await expect(open({ name: "evil", files: { [name]: "" } })).rejects.toThrow(
      /evil-1\.0-py3-none-any\.whl of evil 1\.0 cannot be used.*require another release/s,
    );
  });

  it("with an unsafe name behind a data folder", async () => {
    await expect(open({ name: "evil", files: { "evil-1.0.data/purelib/../../../x.py": "" } })).rejects.toThrow(
      /evil-1\.0/,
    );
  });

  it("with a symbolic link", async () => {
    await expect(open({ name: "linked", symlinks: { "linked/passwd": "/etc/passwd" } })).rejects.toThrow(
      "linked/passwd is a symbolic link",
    );
  });

  it("with an extension module for another Python only", async () => {
    const library = makeLibrary();
    await expect(open({ name: "old", files: { "old/core.cpython-311-x86_64-linux-gnu.so": library } })).rejects.toThrow(
      /old\/core is built for cpython-311, the bundle is for cpython-312/,
    );
    await expect(
      open({
        name: "both",
        files: {
          "both/core.cpython-311-x86_64-linux-gnu.so": library,
          "both/core.cpython-312-x86_64-linux-gnu.so": library,
        },
      }),
    ).resolves.toBeDefined();
  });

  it("with a library of another system", async () => {
    await expect(open({ name: "mac", files: { "mac/core.so": "\xcf\xfa\xed\xfe".repeat(30) } })).rejects.toThrow(
      "mac/core.so is no ELF library",
    );
  });

  it("where a program beside the libraries is for another processor", async () => {
    await expect(open({ name: "tool", files: { "tool/bin/tool": makeLibrary({ machine: 0xb7 }) } })).rejects.toThrow(
      "tool/bin/tool is for arm64",
    );
  });
});

describe("a wheel's licence", () => {
  it.each([
    [["License-Expression: MIT", "License: old text"], "MIT"],
    [["License: BSD"], "BSD"],
    [["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "MIT License"],
    [["Classifier: Programming Language :: Python"], ""],
  ])("is read from %j", async (metadata, licence) => {
    expect((await open({ name: "licensed", metadata })).licence).toBe(licence);
  });
});

describe("merged wheels", () => {
  it("may bring the same file", async () => {
    const names = await merged(
      { name: "one", files: { "shared/__init__.py": "same" } },
      { name: "two", files: { "shared/__init__.py": "same" } },
    );
    expect(names.filter((name) => name === "shared/__init__.py")).toHaveLength(1);
  });

  it("may not disagree about one", async () => {
    await expect(
      merged({ name: "one", files: { "shared/a.py": "1" } }, { name: "two", files: { "shared/a.py": "2" } }),
    ).rejects.toThrow(/one-1\.0.*and two-1\.0.*both install shared\/a\.py.*drop one/s);
  });

  it("may not disagree in what data folders become", async () => {
    await expect(
      merged(
        { name: "one", files: { "clash.py": "1" } },
        { name: "two", files: { "two-1.0.data/platlib/clash.py": "2" } },
      ),
    ).rejects.toThrow(/both install clash\.py/);
  });

  it("may not make a folder of a file", async () => {
    await expect(
      merged({ name: "one", files: { thing: "1" } }, { name: "two", files: { "thing/a.py": "2" } }),
    ).rejects.toThrow(/both install thing/);
  });

  it("lose what no program reads, and keep metadata and licences", async () => {
    const names = await merged({
      name: "full",
      files: {
        "full/code.py": "",
        "full/code.pyi": "",
        "full/native.c": "",
        "full/__pycache__/code.cpython-312.pyc": "",
        "full/code.pyc": "",
        "full/sourceless.pyc": "",
        "full/test_code.py": "",
        "full/tests/data.json": "",
        "full/testing.py": "",
        "full/contest.py": "",
        "full/latest/a.py": "",
        "full-1.0.dist-info/licenses/tests/LICENSE": "",
        "full-1.0.dist-info/top_level.txt": "",
      },
    });
    expect(names.sort()).toEqual([
      "full-1.0.dist-info/METADATA",
      "full-1.0.dist-info/licenses/tests/LICENSE",
      "full/__init__.py",
      "full/code.py",
      "full/contest.py",
      "full/latest/a.py",
      "full/sourceless.pyc",
      "full/testing.py",
    ]);
  });

  it("keep the mode of programs alone", async () => {
    const opened = await open({ name: "modes", files: { "modes/core.so": makeLibrary() } });
    expect(opened.files.filter(({ executable }) => executable)).toEqual([]);
  });
});
