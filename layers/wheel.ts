import { BuildError, reasonOf } from "./build-error";
import { checkGlibc, isElf, machineOf } from "./elf";
import { normalisedName } from "./lock";
import { testReferences } from "./references";
import { type Platform, wheelTags } from "./tags";
import { contentOf, readZip } from "./unzip";
import { acceptsPython, normalisedVersion } from "./versions";
import type { Wheel } from "./wheel-index";
import { deflated, type ZipData, type ZipEntry } from "./zip";

/** A wheel whose content has been read and found fit for its platform. */
export interface OpenedWheel extends Wheel {
  /** The file as it was fetched. */
  readonly content: ZipData;
  /** What an installer would put into the directory of packages, by its path there. */
  readonly files: readonly ZipEntry[];
  /** Paths of executables and libraries for other processors, which stand beside those for ours. */
  readonly foreign: readonly string[];
  /** By source, what it names of what programs seldom need. */
  readonly mentions: ReadonlyMap<string, Mentions>;
  /** SPDX expression, or what the package says instead. */
  readonly licence: string;
}

/** What a Python source, or the list of entry points, names. */
export interface Mentions {
  /** Paths of test modules, as `testReferences` gives them. */
  readonly tests: readonly string[];
  /** Whether it reads type stubs, as `lazy_loader.attach_stub` does. */
  readonly stubs: boolean;
  /** Names of C sources and headers in strings. */
  readonly files: readonly string[];
}

/**
 * Opens a wheel and checks every file in it: its name, its checksum, and the processor, Python and glibc that a native library
 * is for.
 *
 * @param file which has the content, so that no memory has to.
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

/** What a wheel says of itself, by the name of the folder (`.dist-info`) that says it. */
interface Described {
  readonly metadata: Map<string, string>;
  readonly wheels: Map<string, string>;
}

/** The newest format of wheels, whose parts are known here. */
const wheelFormat = 1;

/**
 * The metadata of a wheel, once it is that of the package which was locked: the manifest and the SBOM say what the lock says.
 *
 * @throws where folder, metadata or file name are of another package or version, and where it is for other Pythons.
 */
function checkedMetadata({ metadata, wheels }: Described, wheel: Wheel, { pythonVersion }: Platform): string {
  const [[folder, text] = [], ...further] = metadata;
  if (folder === undefined || text === undefined) throw new Error("it has no .dist-info/METADATA");
  if (further.length > 0) throw new Error(`it describes itself in ${[...metadata.keys()].join(" and in ")}`);
  const format = /^Wheel-Version: *(\d+)/im.exec(wheels.get(folder) ?? "")?.[1];
  if (format === undefined) throw new Error(`its ${folder}.dist-info/WHEEL tells no version of the format`);
  if (Number(format) > wheelFormat) throw new Error(`it is a wheel of format ${format}, known is ${wheelFormat}`);

  const [namePart = "", versionPart = ""] = wheel.filename.split("-");
  const claims = [
    ["file name", namePart, versionPart],
    ["folder", folder.slice(0, folder.lastIndexOf("-")), folder.slice(folder.lastIndexOf("-") + 1)],
    ["METADATA", headerOf(text, "Name")[0] ?? "no name", headerOf(text, "Version")[0] ?? "no version"],
  ] as const;
  for (const [where, name, version] of claims) {
    // Versions with a hyphen or a plus have another character there in file names.
    const same = normalisedVersion(version.replace(/_/g, "-")) === normalisedVersion(wheel.version);
    if (normalisedName(name) !== wheel.name || !same) throw new Error(`its ${where} is that of ${name} ${version}`);
  }
  const [requires] = headerOf(text, "Requires-Python");
  if (requires !== undefined && !acceptsPython(requires, pythonVersion)) {
    throw new Error(`its METADATA requires Python ${requires}, the bundle is for ${pythonVersion}`);
  }
  return text;
}

/** Some builders write a file twice; one that is there in two versions is another one for each reader. */
function withoutDuplicates(files: readonly ZipEntry[]): readonly ZipEntry[] {
  const seen = new Map<string, ZipEntry>();
  for (const file of files) {
    const other = seen.get(file.name);
    if (other !== undefined && (other.crc32 !== file.crc32 || other.size !== file.size)) {
      throw new Error(`${file.name} is there twice, with different content`);
    }
    seen.set(file.name, file);
  }
  return [...seen.values()];
}

/** Where installers put the parts of a wheel that are no modules, below the directory of packages; `NAME` is the package's. */
const schemes: Readonly<Record<string, string>> = {
  purelib: "",
  platlib: "",
  data: "",
  scripts: "bin/",
  headers: "include/NAME/",
};

/**
 * Where `pip install --target` and `uv pip install --target` put a file of a wheel.
 *
 * @throws for a part of a wheel that its specification does not know.
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

/** Where bytes of a file's content are in the file. */
function partOf(file: string, content: Buffer, data: ZipData): ZipData {
  return Buffer.isBuffer(data) ? { file, start: data.byteOffset - content.byteOffset, length: data.length } : data;
}

function isScript(name: string): boolean {
  return /^[^/]+\.data\/scripts\//.test(name);
}

/** As installers write it, but for whichever Python is the function's: they write the path of theirs. */
async function asScript(name: string, entry: ZipEntry, content: Buffer): Promise<ZipEntry> {
  const [, rest] = /^#!pythonw?([ \t]?.*\n[^]*)$/.exec(content.toString("latin1")) ?? [];
  if (rest === undefined) return { ...entry, name, executable: true };
  return { ...(await deflated(name, Buffer.from(`#!/usr/bin/env python3${rest}`, "latin1"))), executable: true };
}

/** Undefined for what names nothing. */
function mentionsIn(name: string, content: Buffer): Mentions | undefined {
  if (!/\.pyi?$|\.dist-info\/entry_points\.txt$/.test(name)) return undefined;
  const text = content.toString("utf8");
  const source = name.endsWith(".txt") ? text.replace(/^.*=\s*([\w.]+).*$/gm, "import $1") : text;
  const tests = testReferences(name, source);
  const stubs = /\battach_stub\b|\.pyi["']/.test(source);
  const files = [...source.matchAll(/([\w.-]+\.(?:c|h|pxd|pyx))["']/g)].map(([, file = ""]) => file);
  return stubs || tests.length + files.length > 0 ? { tests, stubs, files } : undefined;
}

/** Such as a linker's script, which stands in a library's place for a linker. */
function isText(content: Buffer): boolean {
  return /^[\t\n\r\x20-\x7e]*$/.test(content.toString("latin1", 0, 256));
}

/** An executable, or a library. */
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
 * What a wheel holds for other processors.
 *
 * @throws where the wheel says that it is for ours and has nothing for it, or where a module is for another one only.
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

/** Values of a header of core metadata. */
function headerOf(metadata: string, name: string): string[] {
  const [headers = ""] = metadata.split(/\r?\n\r?\n/, 1);
  return [...headers.matchAll(new RegExp(`^${name}: *(.+?)\\s*?\\r?$`, "gim"))].map(([, value = ""]) => value);
}

/** Of core metadata, the newest of three ways to say it. */
function licenceIn(metadata: string): string {
  const classifiers = headerOf(metadata, "Classifier").filter((value) => value.startsWith("License :: "));
  return (
    headerOf(metadata, "License-Expression")[0] ??
    headerOf(metadata, "License").find((value) => value !== "UNKNOWN" && value.length < 100) ??
    classifiers.map((value) => value.split(" :: ").at(-1)).join(", ")
  );
}
