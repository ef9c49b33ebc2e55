import { BuildError, reasonOf } from "./build-error";
import { checkNativeLibrary, isElf } from "./elf";
import type { Platform } from "./tags";
import { contentOf, readZip } from "./unzip";
import type { Wheel } from "./wheel-index";
import type { ZipEntry } from "./zip";

/** A wheel whose content has been read and found fit for its platform. */
export interface OpenedWheel extends Wheel {
  /** The file as it was fetched. */
  readonly content: Buffer;
  /** What an installer would put into the directory of packages, by its path there. */
  readonly files: readonly ZipEntry[];
  /** SPDX expression, or what the package says instead. */
  readonly licence: string;
}

/**
 * Opens a wheel and checks every file in it: its name, its checksum, and the processor, Python and glibc that a native library
 * is for.
 *
 * @throws {BuildError} naming the wheel and the file.
 */
export async function openWheel(wheel: Wheel, content: Buffer, platform: Platform): Promise<OpenedWheel> {
  try {
    let licence = "";
    const extensions: string[] = [];
    const files: ZipEntry[] = [];
    for (const entry of await readZip(content)) {
      const unpacked = contentOf(entry);
      const name = installedPath(entry.name);
      if (name === undefined) continue;
      if (/\.so(\.\d+)*$/.test(name)) {
        if (!isElf(unpacked)) throw new Error(`${name} is no ELF library; the wheel is for another system than Linux`);
        extensions.push(name);
      }
      const native = isElf(unpacked);
      if (native) checkNativeLibrary(name, unpacked, platform);
      if (/^[^/]+\.dist-info\/METADATA$/.test(name)) licence = licenceIn(unpacked.toString("utf8"));
      files.push({ ...entry, name, executable: entry.executable && native });
    }
    checkExtensions(extensions, platform);
    return { ...wheel, content, files, licence };
  } catch (error) {
    throw new BuildError(
      `${wheel.filename} of ${wheel.name} ${wheel.version} cannot be used: ` +
        `${reasonOf(error)}; require another release, then run: npm run layer -- lock`,
    );
  }
}

/** Where a file of a wheel is installed; undefined for what a function has no use for (scripts, headers, data). */
function installedPath(name: string): string | undefined {
  const [, scheme, rest] = /^[^/]+\.data\/([^/]+)\/(.+)$/.exec(name) ?? [];
  if (scheme === undefined) return name;
  return scheme === "purelib" || scheme === "platlib" ? rest : undefined;
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

/** Of core metadata, the newest of three ways to say it. */
function licenceIn(metadata: string): string {
  const [headers = ""] = metadata.split(/\r?\n\r?\n/, 1);
  const field = (name: string) =>
    [...headers.matchAll(new RegExp(`^${name}: *(.+?)\\r?$`, "gim"))].map(([, value = ""]) => value);
  const classifiers = field("Classifier").filter((value) => value.startsWith("License :: "));
  return (
    field("License-Expression")[0] ??
    field("License").find((value) => value !== "UNKNOWN" && value.length < 100) ??
    classifiers.map((value) => value.split(" :: ").at(-1)).join(", ")
  );
}
