import { BuildError } from "./build-error";
import type { Architecture } from "./bundle";
import { checkNativeLibrary } from "./elf";
import type { Wheel } from "./wheel-index";
import { readZip, type ZipEntry } from "./zip";

/**
 * What no program reads at run time. Metadata, entry points and licences stay: `importlib.metadata.version` needs the
 * first, and everybody the last.
 */
const pruned: readonly RegExp[] = [
  /\.dist-info\/(RECORD|WHEEL|INSTALLER|REQUESTED|direct_url\.json|top_level\.txt|zip-safe)$/,
  /\.(pyi|c|h|pxd|pyx|pyc|pyo)$/,
  /(^|\/)py\.typed$/,
  /(^|\/)(tests?|testing\/tests)\//,
  /(^|\/)(test_[^/]*|conftest)\.py$/,
  /(^|\/)__pycache__\//,
];

/**
 * The content of wheels as an installer would lay it out, below `prefix`. A wheel is a zip, so its compressed bytes are
 * copied as they are.
 *
 * @throws {BuildError} for an unsafe wheel, one for another processor, and two wheels that disagree about a file.
 */
export async function mergeWheels(
  wheels: readonly Wheel[],
  contents: readonly Buffer[],
  { prefix, architecture }: { prefix: string; architecture: Architecture },
): Promise<ZipEntry[]> {
  const merged = new Map<string, { entry: ZipEntry; wheel: string }>();
  for (const [index, { filename }] of wheels.entries()) {
    for (const original of await entriesOf(filename, contents[index] ?? Buffer.alloc(0))) {
      const name = installedPath(original.name);
      if (name === undefined || pruned.some((pattern) => pattern.test(name))) continue;
      if (/\.so(\.\d+)*$/.test(name)) checkNativeLibrary(original, filename, architecture);

      const entry = {
        ...original,
        name: `${prefix}${name}`,
        executable: original.executable && /\.so|\/bin\//.test(name),
      };
      const earlier = merged.get(name);
      if (earlier && (earlier.entry.crc32 !== entry.crc32 || earlier.entry.size !== entry.size)) {
        throw new BuildError(
          `${earlier.wheel} and ${filename} both install ${name}, with different content; drop one of them from the requirements`,
        );
      }
      if (!earlier) merged.set(name, { entry, wheel: filename });
    }
  }
  return [...merged.values()].map(({ entry }) => entry);
}

async function entriesOf(wheel: string, content: Buffer): Promise<ZipEntry[]> {
  try {
    return await readZip(content);
  } catch (error) {
    throw new BuildError(
      `${wheel} cannot be unpacked safely: ${error instanceof Error ? error.message : String(error)}; require another release`,
    );
  }
}

/** Where a file of a wheel is installed; undefined for what a function has no use for (scripts, headers, data). */
function installedPath(name: string): string | undefined {
  const scheme = /^[^/]+\.data\/([^/]+)\/(.+)$/.exec(name);
  if (scheme === null) return name;
  return scheme[1] === "purelib" || scheme[1] === "platlib" ? scheme[2] : undefined;
}
