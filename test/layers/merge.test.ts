import { describe, expect, it } from "vitest";

import { mergeWheels } from "../../layers/merge";
import { openWheel } from "../../layers/wheel";
import { rawZip } from "./raw-zip";
import { makeLibrary, makeWheel, type WheelContent } from "./wheels";

const platform = { pythonVersion: "3.12", architecture: "x86_64" } as const;

function open(content: WheelContent) {
  const { content: bytes, ...wheel } = makeWheel(content);
  return openWheel(wheel, bytes, platform);
}

async function merged(...contents: WheelContent[]): Promise<string[]> {
  return mergeWheels(await Promise.all(contents.map(open))).files.map(({ entry }) => entry.name);
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

  const other = ["Metadata-Version: 2.1", "Name: other", "Version: 1.0", "", ""].join("\n");
  it.each<[string, WheelContent, RegExp]>([
    [
      "whose METADATA is another package's",
      { name: "named", files: { "named-1.0.dist-info/METADATA": other } },
      /its METADATA is that of other 1\.0/,
    ],
    [
      "whose METADATA is of another version",
      { name: "other", version: "2.0", files: { "other-2.0.dist-info/METADATA": other } },
      /its METADATA is that of other 1\.0/,
    ],
    [
      "that describes itself twice",
      { name: "named", files: { "other-1.0.dist-info/METADATA": other } },
      /describes itself in named-1\.0 and in other-1\.0/,
    ],
    [
      "for newer Pythons",
      { name: "newer", metadata: ["Requires-Python: >=3.13"] },
      /its METADATA requires Python >=3\.13, the bundle is for 3\.12/,
    ],
    [
      "of a format that is not known",
      { name: "future", files: { "future-1.0.dist-info/WHEEL": "Wheel-Version: 2.0\n" } },
      /it has wheel format 2; supported is 1/,
    ],
  ])("%s", async (_, content, reason) => {
    await expect(open(content)).rejects.toThrow(reason);
  });

  it("whose file name is another package's", async () => {
    const { content, ...wheel } = makeWheel({ name: "claimed" });
    await expect(openWheel({ ...wheel, filename: "other-1.0-py3-none-any.whl" }, content, platform)).rejects.toThrow(
      /its file name is that of other 1\.0/,
    );
    await expect(openWheel({ ...wheel, version: "1.1" }, content, platform)).rejects.toThrow(
      /its file name is that of claimed 1\.0/,
    );
  });

  it("that describes itself nowhere", async () => {
    const { content: _, ...wheel } = makeWheel({ name: "empty" });
    await expect(openWheel(wheel, rawZip([{ name: "empty/__init__.py", content: "" }]), platform)).rejects.toThrow(
      "it has no .dist-info/METADATA",
    );
  });

  it("with a file twice, unless both are the same", async () => {
    const twice = (content: string) => {
      const { content: _, ...wheel } = makeWheel({ name: "twice" });
      const zip = rawZip([
        { name: "twice-1.0.dist-info/METADATA", content: "Name: twice\nVersion: 1.0\n" },
        { name: "twice-1.0.dist-info/WHEEL", content: "Wheel-Version: 1.0\n" },
        { name: "twice/a.py", content: "a = 1\n" },
        { name: "twice/a.py", content },
      ]);
      return openWheel(wheel, zip, platform);
    };
    await expect(twice("a = 2\n")).rejects.toThrow("twice/a.py occurs twice, with different content");
    expect((await twice("a = 1\n")).files.filter(({ name }) => name === "twice/a.py")).toHaveLength(1);
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

  it("with native modules only for another processor, although its tags name ours", async () => {
    await expect(
      open({
        name: "tool",
        tags: "py3-none-manylinux2014_x86_64",
        files: { "tool/bin/tool": makeLibrary({ machine: 0xb7 }) },
      }),
    ).rejects.toThrow("tool/bin/tool is for arm64");
  });

  it("with a module for another processor only", async () => {
    const module = Buffer.concat([makeLibrary({ machine: 0xb7 }), Buffer.from("PyInit_core\0")]);
    await expect(open({ name: "wrong", files: { "wrong/core.abi3.so": module } })).rejects.toThrow(
      "wrong/core.abi3.so is for arm64, the bundle is for x86_64",
    );
  });

  it("with a part that installers do not know", async () => {
    await expect(open({ name: "strange", files: { "strange-1.0.data/somewhere/x": "" } })).rejects.toThrow(
      "strange-1.0.data/somewhere/x is in no scheme that installers know (purelib, platlib, data, scripts, headers)",
    );
  });
});

describe("a wheel is accepted", () => {
  it.each([
    ["1.0.0", "1.0"],
    ["2024.1rc1", "2024.01-pre1"],
    ["1.0+local.1", "1.0+local-1"],
  ])("as version %s if it says %s", async (version, said) => {
    const { content, ...wheel } = makeWheel({
      ...{ name: "spelt", version },
      files: {
        [`spelt-${version}.dist-info/METADATA`]: `Name: Spelt\nVersion: ${said}\nRequires-Python: >=3.8, <4, !=3.9.*\n`,
      },
    });
    await expect(openWheel(wheel, content, platform)).resolves.toBeDefined();
  });

  it("without the executables and libraries of other processors", async () => {
    const [ours, other] = [makeLibrary(), makeLibrary({ machine: 0xb7 })];
    const module = (library: Buffer) => Buffer.concat([library, Buffer.from("PyInit_core\0")]);
    const opened = await open({
      name: "manager",
      files: {
        "manager/linux/tool": ours,
        "manager/linux-arm64/tool": other,
        "manager/core.cpython-312-x86_64-linux-gnu.so": module(ours),
        "manager/core.cpython-312-aarch64-linux-gnu.so": module(other),
      },
    });
    expect(opened.files.map(({ name }) => name).filter((name) => !/__init__|dist-info/.test(name))).toEqual([
      "manager/linux/tool",
      "manager/core.cpython-312-x86_64-linux-gnu.so",
    ]);
    const { wheels } = mergeWheels([opened]);
    expect(wheels[0]?.pruned["other-machine"]).toEqual([
      "manager/core.cpython-312-aarch64-linux-gnu.so",
      "manager/linux-arm64/tool",
    ]);
  });

  it("with a linker's script in a library's place", async () => {
    await expect(
      open({ name: "linked", files: { "linked/libx.so": "/* GNU ld script */\nINPUT(libx.so.1)\n" } }),
    ).resolves.toBeDefined();
  });

  it("with the data files that installers place beside its modules", async () => {
    const opened = await open({
      name: "parts",
      files: {
        "parts-1.0.data/data/lib/libparts.so.1": makeLibrary(),
        "parts-1.0.data/data/share/jupyter/kernel.json": "{}",
        "parts-1.0.data/scripts/parts": "#!python\n",
        "parts-1.0.data/headers/parts.h": "",
      },
    });
    expect(opened.files.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["lib/libparts.so.1", "share/jupyter/kernel.json", "bin/parts", "include/parts/parts.h"]),
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

  it.each([
    [
      "pkgutil's",
      "# one\n__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
      "from pkgutil import extend_path  # two\n\n__path__ = extend_path(__path__, __name__)\n",
    ],
    [
      "setuptools'",
      "__import__('pkg_resources').declare_namespace(__name__)\n",
      '"""Of two."""\ntry:\n    __import__("pkg_resources").declare_namespace(__name__)\nexcept ImportError:\n' +
        "    from pkgutil import extend_path\n    __path__ = extend_path(__path__, __name__)\n",
    ],
    ["an empty one", "# Licence of one\n", "\n"],
  ])("may declare a namespace package in other words: %s", async (_, one, two) => {
    const files = await merged(
      { name: "one", files: { "shared/__init__.py": one } },
      { name: "two", files: { "shared/__init__.py": two } },
    );
    expect(files.filter((name) => name === "shared/__init__.py")).toHaveLength(1);
  });

  it("use the declaration that needs no other package", async () => {
    const opened = await Promise.all(
      [
        { name: "one", files: { "shared/__init__.py": "__import__('pkg_resources').declare_namespace(__name__)\n" } },
        {
          name: "two",
          files: { "shared/__init__.py": "import pkgutil\n__path__ = pkgutil.extend_path(__path__, __name__)\n" },
        },
      ].map(open),
    );
    const { files } = mergeWheels(opened);
    expect(files.find(({ entry }) => entry.name === "shared/__init__.py")?.owner).toBe("two");
  });

  it("may not disagree in a namespace package whose __init__ does more", async () => {
    const declaration = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n";
    await expect(
      merged(
        { name: "one", files: { "shared/__init__.py": declaration } },
        { name: "two", files: { "shared/__init__.py": `${declaration}VERSION = 2\n` } },
      ),
    ).rejects.toThrow(/both install shared\/__init__\.py/);
  });

  it("keep the modes of the wheels, as installers do", async () => {
    const opened = await open({
      name: "modes",
      files: { "modes/data.txt": "" },
      executables: { "modes/run.sh": "#!/bin/sh\n" },
    });
    expect(opened.files.filter(({ executable }) => executable).map(({ name }) => name)).toEqual(["modes/run.sh"]);
  });
});
