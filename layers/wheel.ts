import { BuildError, reasonOf } from "./build-error";
import { checkGlibc, isElf, machineOf } from "./elf";
import { normalisedName } from "./lock";
import { testReferences } from "./references";
import { type Platform, wheelTags } from "./tags";
import { contentOf, readZip } from "./unzip";
import { acceptsPython, normalisedVersion } from "./versions";
import type { Wheel } from "./wheel-index";
import { deflated, type ZipData, type ZipEntry } from "./zip";

/** A wheel whose content was read and checked for its platform. */
export interface OpenedWheel extends Wheel {
  /** The file as it was downloaded. */
  readonly content: ZipData;
  /** The files that an installer would place into the folder of packages, by path there. */
  readonly files: readonly ZipEntry[];
  /** Paths of executables and libraries for other processors, which the wheel has beside those for ours. */
  readonly foreign: readonly string[];
  /** The references in each source to files that may be pruned. */
  readonly mentions: ReadonlyMap<string, Mentions>;
  /** SPDX expression, or another text of the package. */
  readonly licence: string;
}

/** References in a Python source, or in the list of entry points. */
export interface Mentions {
  /** Paths of test modules, as `testReferences` returns them. */
  readonly tests: readonly string[];
  /** Whether it reads type stubs, as `lazy_loader.attach_stub` does. */
  readonly stubs: boolean;
  /** Names of C sources and headers in strings. */
  readonly files: readonly string[];
}

/**
 * Opens a wheel and checks every file in it: name, checksum, and for a native library its processor, Python and glibc.
 *
 * @param file with the content, so that it need not stay in memory.
 * @throws {BuildError} naming the wheel and the file.
 */
export async function openWheel(
  wheel: Wheel,
  content: Buffer,
  platform: Platform,
  file?: string,
): Promise<OpenedWheel> {
  try {
    const described: Described = { metadata: new Map(), wheels: new Map() };
    const natives: Native[] = [];
    const files: ZipEntry[] = [];
    const mentions = new Map<string, Mentions>();
    for (const found of await readZip(content)) {
      const unpacked = contentOf(found);
      const entry = file === undefined ? found : { ...found, data: partOf(file, content, found.data) };
      const name = installedPath(entry.name);
      if (isElf(unpacked)) natives.push({ name, machine: machineOf(unpacked), module: isModule(unpacked) });
      else if (/\.so(\.\d+)*$/.test(name) && !isText(unpacked)) {
        throw new Error(`${name} is no ELF library; the wheel is for another system than Linux`);
      }
      if (isElf(unpacked) && machineOf(unpacked) === platform.architecture) checkGlibc(name, unpacked, platform);
      const [, folder, part] = /^([^/]+)\.dist-info\/(METADATA|WHEEL)$/.exec(found.name) ?? [];
      if (folder !== undefined)
        described[part === "WHEEL" ? "wheels" : "metadata"].set(folder, unpacked.toString("utf8"));
      const named = mentionsIn(name, unpacked);
      if (named !== undefined) mentions.set(name, named);
      files.push(isScript(entry.name) ? await asScript(name, entry, unpacked) : { ...entry, name });
    }
    const metadata = checkedMetadata(described, wheel, platform);
    const once = withoutDuplicates(files);
    const foreign = foreignFiles(natives, wheel.filename, platform);
    return {
      ...wheel,
      content: file === undefined ? content : { file, start: 0, length: content.length },
      files: once.filter(({ name }) => !foreign.includes(name)),
      foreign,
      mentions,
      licence: licenceIn(metadata),
    };
  } catch (error) {
    throw new BuildError(
      `${wheel.filename} of ${wheel.name} ${wheel.version} cannot be used: ` +
        `${reasonOf(error)}; require another release, then run: npm run layer -- lock`,
    );
  }
}

/** A wheel's metadata, by the name of its `.dist-info` folder. */
interface Described {
  readonly metadata: Map<string, string>;
  readonly wheels: Map<string, string>;
}

/** The newest supported version of the wheel format. */
const wheelFormat = 1;

/**
 * The metadata of a wheel, once it is known to describe the locked package, since manifest and SBOM repeat the lock's
 * data.
 *
 * @throws if folder, metadata or file name belong to another package or version, or the wheel is for other Pythons.
 */
function checkedMetadata({ metadata, wheels }: Described, wheel: Wheel, { pythonVersion }: Platform): string {
  const [[folder, text] = [], ...further] = metadata;
  if (folder === undefined || text === undefined) throw new Error("it has no .dist-info/METADATA");
  if (further.length > 0) throw new Error(`it describes itself in ${[...metadata.keys()].join(" and in ")}`);
  const format = /^Wheel-Version: *(\d+)/im.exec(wheels.get(folder) ?? "")?.[1];
  if (format === undefined) throw new Error(`its ${folder}.dist-info/WHEEL has no format version`);
  if (Number(format) > wheelFormat) throw new Error(`it has wheel format ${format}; supported is ${wheelFormat}`);

  const [namePart = "", versionPart = ""] = wheel.filename.split("-");
  const claims = [
    ["file name", namePart, versionPart],
    ["folder", folder.slice(0, folder.lastIndexOf("-")), folder.slice(folder.lastIndexOf("-") + 1)],
    ["METADATA", headerOf(text, "Name")[0] ?? "no name", headerOf(text, "Version")[0] ?? "no version"],
  ] as const;
  for (const [where, name, version] of claims) {
    // File names replace hyphens and pluses in versions with another character.
    const same = normalisedVersion(version.replace(/_/g, "-")) === normalisedVersion(wheel.version);
    if (normalisedName(name) !== wheel.name || !same) throw new Error(`its ${where} is that of ${name} ${version}`);
  }
  const [requires] = headerOf(text, "Requires-Python");
  if (requires !== undefined && !acceptsPython(requires, pythonVersion)) {
    throw new Error(`its METADATA requires Python ${requires}, the bundle is for ${pythonVersion}`);
  }
  return text;
}

/**
 * Some build tools write a file twice. Two files of one name with different content are an error, since readers would
 * choose differently.
 */
function withoutDuplicates(files: readonly ZipEntry[]): readonly ZipEntry[] {
  const seen = new Map<string, ZipEntry>();
  for (const file of files) {
    const other = seen.get(file.name);
    if (other !== undefined && (other.crc32 !== file.crc32 || other.size !== file.size)) {
      throw new Error(`${file.name} occurs twice, with different content`);
    }
    seen.set(file.name, file);
  }
  return [...seen.values()];
}

/**
 * Where installers place the data files of a wheel, relative to the folder of packages; `NAME` is the package's name.
 */
const schemes: Readonly<Record<string, string>> = {
  purelib: "",
  platlib: "",
  data: "",
  scripts: "bin/",
  headers: "include/NAME/",
};

/**
 * Where `pip install --target` and `uv pip install --target` place a file of a wheel.
 *
 * @throws for a part of a wheel that is not in the specification.
 */
function installedPath(name: string): string {
  const [, distribution = "", scheme, rest = ""] = /^([^/]+)-[^/-]+\.data\/([^/]+)\/(.+)$/.exec(name) ?? [];
  if (scheme === undefined) return name;
  const folder = schemes[scheme];
  if (folder === undefined) {
    throw new Error(`${name} is in no scheme that installers know (${Object.keys(schemes).join(", ")})`);
  }
  return `${folder.replace("NAME", distribution)}${rest}`;
}

/** The position of a file's content in the wheel. */
function partOf(file: string, content: Buffer, data: ZipData): ZipData {
  return Buffer.isBuffer(data) ? { file, start: data.byteOffset - content.byteOffset, length: data.length } : data;
}

function isScript(name: string): boolean {
  return /^[^/]+\.data\/scripts\//.test(name);
}

/**
 * A script as installers write it, except that it finds `python3` on the PATH: installers write the path of their own
 * Python.
 */
async function asScript(name: string, entry: ZipEntry, content: Buffer): Promise<ZipEntry> {
  const [, rest] = /^#!pythonw?([ \t]?.*\n[^]*)$/.exec(content.toString("latin1")) ?? [];
  if (rest === undefined) return { ...entry, name, executable: true };
  return { ...(await deflated(name, Buffer.from(`#!/usr/bin/env python3${rest}`, "latin1"))), executable: true };
}

/** Undefined if it has no references. */
function mentionsIn(name: string, content: Buffer): Mentions | undefined {
  if (!/\.pyi?$|\.dist-info\/entry_points\.txt$/.test(name)) return undefined;
  const text = content.toString("utf8");
  const source = name.endsWith(".txt") ? text.replace(/^.*=\s*([\w.]+).*$/gm, "import $1") : text;
  const tests = testReferences(name, source);
  const stubs = /\battach_stub\b|\.pyi["']/.test(source);
  const files = [...source.matchAll(/([\w.-]+\.(?:c|h|pxd|pyx))["']/g)].map(([, file = ""]) => file);
  return stubs || tests.length + files.length > 0 ? { tests, stubs, files } : undefined;
}

/** E.g. a linker script in place of a library. */
function isText(content: Buffer): boolean {
  return /^[\t\n\r\x20-\x7e]*$/.test(content.toString("latin1", 0, 256));
}

/** An executable or a library. */
interface Native {
  readonly name: string;
  readonly machine: string | undefined;
  /** Whether Python imports it. */
  readonly module: boolean;
}

function isModule(library: Buffer): boolean {
  return library.includes("PyInit_");
}

/** `core` of `core.cpython-312-x86_64-linux-gnu.so`, with the folder it is in. */
const moduleName = (file: string) => file.replace(/(\.(cpython|abi3)[^/]*)?\.so$/, "");

/**
 * Files of a wheel for other processors.
 *
 * @throws if the wheel's tags name our processor but no file fits it, or if a module exists for another processor only.
 */
function foreignFiles(natives: readonly Native[], wheel: string, platform: Platform): string[] {
  const [ours, foreign] = [true, false].map((wanted) =>
    natives.filter(({ machine }) => (machine === platform.architecture) === wanted),
  ) as [Native[], Native[]];
  const modules = new Set(ours.map(({ name }) => moduleName(name)));
  const anyMachine = wheelTags(wheel)?.platforms.includes("any") ?? false;
  const wrong = foreign.find(
    ({ name, module }) => (module && !modules.has(moduleName(name))) || (ours.length === 0 && !anyMachine),
  );
  if (wrong !== undefined) {
    const found = wrong.machine ?? "another processor";
    throw new Error(`${wrong.name} is for ${found}, the bundle is for ${platform.architecture}`);
  }
  checkExtensions(
    ours.map(({ name }) => name),
    platform,
  );
  return foreign.map(({ name }) => name);
}

/** A wheel may hold one extension module for several Pythons; ours has to be among them. */
function checkExtensions(names: readonly string[], { pythonVersion }: Platform): void {
  const tag = `cpython-${pythonVersion.replace(".", "")}`;
  const found = new Map<string, string[]>();
  for (const name of names) {
    const [, module, python] = /^(.+)\.(cpython-\d+)[^/]*\.so$/.exec(name) ?? [];
    if (module !== undefined && python !== undefined) found.set(module, [...(found.get(module) ?? []), python]);
  }
  for (const [module, pythons] of found) {
    if (!pythons.includes(tag))
      throw new Error(`${module} is built for ${pythons.join(", ")}, the bundle is for ${tag}`);
  }
}

/** Values of a header in core metadata. */
function headerOf(metadata: string, name: string): string[] {
  const [headers = ""] = metadata.split(/\r?\n\r?\n/, 1);
  return [...headers.matchAll(new RegExp(`^${name}: *(.+?)\\s*?\\r?$`, "gim"))].map(([, value = ""]) => value);
}

/** The licence in core metadata, which has three fields for it; the newest takes precedence. */
function licenceIn(metadata: string): string {
  const classifiers = headerOf(metadata, "Classifier").filter((value) => value.startsWith("License :: "));
  return (
    headerOf(metadata, "License-Expression")[0] ??
    headerOf(metadata, "License").find((value) => value !== "UNKNOWN" && value.length < 100) ??
    classifiers.map((value) => value.split(" :: ").at(-1)).join(", ")
  );
}
