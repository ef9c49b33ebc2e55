import { zipSync, type Zippable } from "fflate";

import { sha256 } from "../../layers/cache";
import type { Wheel } from "../../layers/wheel-index";

/** A wheel for a test. */
export interface TestWheel extends Wheel {
  readonly content: Buffer;
}

export interface WheelContent {
  readonly name: string;
  readonly version?: string;
  /** Default: `py3-none-any`. */
  readonly tags?: string;
  /** Files in addition to `NAME/__init__.py` and the metadata. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Executable files. */
  readonly executables?: Readonly<Record<string, string | Buffer>>;
  readonly symlinks?: Readonly<Record<string, string>>;
  readonly requires?: readonly string[];
  /** Additional lines of core metadata. */
  readonly metadata?: readonly string[];
  /** Build tag. Default: none. */
  readonly buildTag?: string;
}

export function makeWheel({
  name,
  version = "1.0",
  tags = "py3-none-any",
  files = {},
  executables = {},
  symlinks = {},
  requires = [],
  metadata = [],
  buildTag,
}: WheelContent): TestWheel {
  const distribution = name.replaceAll("-", "_");
  const headers = ["Metadata-Version: 2.4", `Name: ${name}`, `Version: ${version}`];
  const entries: Zippable = {};
  const all = {
    [`${distribution}/__init__.py`]: `version = "${version}"\n`.repeat(20),
    [`${distribution}-${version}.dist-info/METADATA`]: [
      ...headers,
      ...metadata,
      ...requires.map((requirement) => `Requires-Dist: ${requirement}`),
      "",
      "",
    ].join("\n"),
    [`${distribution}-${version}.dist-info/WHEEL`]: `Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: ${tags}\n`,
    [`${distribution}-${version}.dist-info/RECORD`]: "",
    ...files,
  };
  for (const [path, content] of Object.entries(all)) entries[path] = [Buffer.from(content), { mtime: "2024-05-06" }];
  for (const [path, content] of Object.entries(executables)) {
    entries[path] = [Buffer.from(content), { mtime: "2024-05-06", os: 3, attrs: 0o100755 << 16 }];
  }
  for (const [path, target] of Object.entries(symlinks)) {
    entries[path] = [Buffer.from(target), { mtime: "2024-05-06", os: 3, attrs: 0o120777 << 16 }];
  }
  const content = Buffer.from(zipSync(entries));
  const filename = [distribution, version, ...(buildTag === undefined ? [] : [buildTag]), `${tags}.whl`].join("-");
  return {
    name,
    version,
    filename,
    url: `http://127.0.0.1/${filename}`,
    sha256: sha256(content),
    size: content.length,
    content,
  };
}

/** The first bytes of a shared library, with the names of the symbol versions that it needs. */
export function makeLibrary({ machine = 0x3e, glibc = "2.17" } = {}): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x7f454c46, 0);
  header.set([2, 1, 1], 4);
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(machine, 18);
  return Buffer.concat([header, Buffer.from(`\0libc.so.6\0GLIBC_2.2.5\0GLIBC_${glibc}\0`)]);
}
