import type { InstalledFile, InstalledWheel } from "./merge";
import { deflated } from "./zip";

/**
 * The `RECORD` of a package, which `importlib.metadata.files` and `packages_distributions` read. It omits hashes and
 * sizes, as the specification of recorded installations allows: no tool verifies a layer by them, and they hardly
 * compress.
 */
export async function recordOf({ wheel, paths }: InstalledWheel): Promise<InstalledFile[]> {
  const metadata = paths.find((path) => /^[^/]+\.dist-info\/METADATA$/.test(path));
  if (metadata === undefined) return [];
  const name = metadata.replace(/METADATA$/, "RECORD");
  const lines = [...paths, name].sort().map((path) => `${quoted(path)},,\n`);
  return [{ owner: wheel.name, entry: await deflated(name, Buffer.from(lines.join(""))) }];
}

/** Quotes a CSV field. */
function quoted(path: string): string {
  return /[",\n]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path;
}
