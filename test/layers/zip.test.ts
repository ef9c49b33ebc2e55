import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";

import { contentOf, readZip } from "../../layers/unzip";
import { deflated, stored, writeZip, type ZipEntry } from "../../layers/zip";
import { type Frame, type RawFile, rawZip } from "./raw-zip";

const fileName = fc
  .array(
    fc.string({ unit: fc.constantFrom("a", "b", "Z", "ß", "漢", "é", ".", "_", "-"), minLength: 1, maxLength: 8 }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((parts) => parts.map((part) => `x${part}`).join("/"));
const content = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.nat(5000).map((length) => new Uint8Array(length)),
);
const files = fc.uniqueArray(fc.tuple(fileName, content), { selector: ([name]) => name, maxLength: 12 });

const compress = (all: readonly (readonly [string, Uint8Array])[]): Promise<ZipEntry[]> =>
  Promise.all(
    all.map(async ([name, bytes], index) =>
      index % 3 === 0 ? stored(name, Buffer.from(bytes)) : await deflated(name, Buffer.from(bytes)),
    ),
  );

describe("a zip", () => {
  it("returns the original files, in byte order of their names", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (all) => {
        const entries = await readZip(writeZip(await compress(all)));
        expect(entries.map(({ name }) => name)).toEqual(
          all.map(([name]) => name).sort((a, b) => Buffer.from(a).compare(Buffer.from(b))),
        );
        for (const entry of entries) {
          const [, bytes = new Uint8Array()] = all.find(([name]) => name === entry.name) ?? [];
          expect(contentOf(entry).equals(bytes)).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("has the same bytes whatever the order of its files", async () => {
    const shuffled = files.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ([all, other]) => {
        const compressed = await Promise.all(
          [all, other].map((list) => Promise.all(list.map(([name, bytes]) => deflated(name, Buffer.from(bytes))))),
        );
        const [first, second] = compressed.map(writeZip);
        expect(second).toEqual(first);
      }),
      { numRuns: 50 },
    );
  });

  it("contains no date, user or extra field", async () => {
    const zip = writeZip([await deflated("a/b.py", Buffer.from("b".repeat(100)))]);
    // 1980-01-01 00:00:00, and no extra field, in the local header.
    expect(zip.readUInt32LE(10)).toBe(0x00210000);
    expect(zip.readUInt16LE(28)).toBe(0);
    const directory = zip.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    expect(zip.readUInt32LE(directory + 38) >>> 16).toBe(0o100644);
  });
});

describe("a hostile zip", () => {
  const zipOf = (name: string, attributes = 0o100644) =>
    Buffer.from(zipSync({ [name]: [Buffer.from("content"), { os: 3, attrs: attributes << 16 }] }));

  it.each(["../evil.py", "a/../../evil.py", "/etc/evil.py", "C:/evil.py", "a\\evil.py", "a\0.py"])(
    "with the name %j is refused",
    async (name) => {
      await expect(readZip(zipOf(name))).rejects.toThrow();
    },
  );

  it("with a symbolic link is refused", async () => {
    await expect(readZip(zipOf("link.py", 0o120777))).rejects.toThrow("link.py is a symbolic link");
  });

  it("that inflates to more than it declares is not inflated further", async () => {
    const [entry] = await readZip(Buffer.from(zipSync({ "bomb.py": Buffer.alloc(50_000_000) })));
    if (entry === undefined) throw new Error("the zip is empty");
    expect(() => contentOf({ ...entry, size: 100 })).toThrow();
    expect(contentOf(entry)).toHaveLength(50_000_000);
  });

  it("whose content is not what it declares is refused", async () => {
    const [entry] = await readZip(zipOf("a.py"));
    if (entry === undefined) throw new Error("the zip is empty");
    expect(() => contentOf({ ...entry, crc32: entry.crc32 ^ 1 })).toThrow(
      /a\.py does not have the size and the checksum/,
    );
    expect(() => contentOf({ ...entry, size: entry.size + 1 })).toThrow(/a\.py does not have the size/);
  });

  it("that ends early is refused", async () => {
    const zip = zipOf("a.py");
    await expect(readZip(zip.subarray(0, zip.length - 30))).rejects.toThrow();
  });
});

const [one, two] = [
  { name: "a/one.py", content: "one = 1\n".repeat(9) },
  { name: "a/two.py", content: "two = 2\n".repeat(9) },
] as const satisfies readonly RawFile[];

describe("an unusual zip is read", () => {
  it.each<[string, readonly RawFile[], Frame]>([
    ["with sizes behind the content", [{ ...one, descriptor: true }, two], {}],
    ["with fields for large files", [{ ...one, large: true }, two], {}],
    ["as a large one (zip64)", [one, two], { large: true }],
    ["with names that only case tells apart", [one, { ...two, name: "A/one.py" }], {}],
    [
      "with names that only their composition tells apart",
      [
        { ...one, name: "a/\u00e9.py" },
        { ...two, name: "a/e\u0301.py" },
      ],
      {},
    ],
    ["with a name as long as file systems take", [{ ...one, name: `a/${"n".repeat(252)}.py` }, two], {}],
  ])("%s", async (_, all, frame) => {
    const entries = await readZip(rawZip(all, frame));
    expect(entries.map((entry) => [entry.name, contentOf(entry).toString()])).toEqual(
      all.map(({ name, content }) => [name, content]),
    );
  });
});

describe("an archive that zip readers interpret differently is rejected", () => {
  const hidden = rawZip([{ name: "hidden.py", content: "hidden" }]);
  it.each<[string, readonly RawFile[], Frame, RegExp]>([
    [
      "a count that is too small",
      [one, two],
      { count: 1 },
      /the end record counts 1 files, the central directory lists more/,
    ],
    ["a count that is too large", [one, two], { count: 3 }, /./],
    [
      "too small a count of a large zip",
      [one, two],
      { count: 1, large: true },
      /counts 1 files, the central directory lists more/,
    ],
    [
      "bytes before the first file",
      [one, two],
      { before: Buffer.from("#!/bin/sh\n") },
      /10 bytes before a\/one\.py belong to no/,
    ],
    ["a zip before the first file", [one, two], { before: hidden }, /bytes before a\/one\.py belong to no file/],
    ["bytes behind the end record", [one, two], { behind: Buffer.from("rest") }, /./],
    ["a zip behind the end record", [one, two], { behind: hidden }, /./],
    ["a second end record", [one, two], { behind: rawZip([]) }, /./],
    [
      "a file that is not listed",
      [one, two],
      { between: hidden.subarray(0, 45) },
      /45 bytes before the central directory/,
    ],
    [
      "another name in a file's own header",
      [{ ...one, ownName: "a/own.py" }, two],
      {},
      /a\/one\.py has a local header that contradicts/,
    ],
    [
      "an empty part of a name",
      [{ ...one, name: "a//one.py" }, two],
      {},
      /a\/\/one\.py is another spelling of a\/one\.py/,
    ],
    ["a dot in a name", [{ ...one, name: "a/./one.py" }, two], {}, /a\/\.\/one\.py is another spelling of a\/one\.py/],
    [
      "a name that no file system takes",
      [{ ...one, name: `a/${"ä".repeat(128)}` }, two],
      {},
      /longer than the 255 bytes/,
    ],
    ["bzip2", [{ ...one, method: 12 }, two], {}, /a\/one\.py is compressed by method 12/],
    ["lzma", [{ ...one, method: 14 }, two], {}, /a\/one\.py is compressed by method 14/],
    ["zstd", [{ ...one, method: 93 }, two], {}, /a\/one\.py is compressed by method 93/],
  ])("%s", async (_, all, frame, reason) => {
    await expect(readZip(rawZip(all, frame))).rejects.toThrow(reason);
  });

  it("two files in the same bytes", async () => {
    const zip = rawZip([one, { ...one }]);
    // The second record of the central directory points to the first file.
    zip.writeUInt32LE(0, zip.lastIndexOf("PK\x01\x02", undefined, "latin1") + 42);
    await expect(readZip(zip)).rejects.toThrow(/overlaps another file/);
  });
});
