import type { Bundle } from "./bundle";
import type { LockedPackage } from "./lock";

/** Bundles for a human. */
export async function bundleTable(bundles: readonly Bundle[]): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const rows = new Table({
    head: ["target", "kind", "name", "packages", "MB", "sha256", "path"],
    style: { head: [], border: [] },
  });
  for (const bundle of bundles) {
    const packages = "packages" in bundle ? String(bundle.packages.length) : "";
    const megabytes = (bundle.size / 1_000_000).toFixed(2);
    rows.push([
      ...[bundle.target, bundle.kind, bundle.name, packages],
      ...[megabytes, bundle.sha256.slice(0, 12), bundle.path],
    ]);
  }
  return rows.toString();
}

/** What a new lock changes, e.g. `pydantic 2.9.0 -> 2.12.5, six removed`. */
export function changeSummary(before: readonly LockedPackage[], after: readonly LockedPackage[]): string {
  const [old, now] = [versions(before), versions(after)];
  const changes = [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)];
    if (was === is) return [];
    if (was === undefined) return [`${name} ${is ?? ""} added`];
    return is === undefined ? [`${name} ${was} removed`] : [`${name} ${was} -> ${is}`];
  });
  return changes.length === 0 ? `no change, ${now.size} packages` : changes.join(", ");
}

/** A package with markers has several. */
function versions(packages: readonly LockedPackage[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, version } of packages) found.set(name, [found.get(name) ?? [], version].flat().join(" or "));
  return found;
}
