import type { Bundle } from "./bundle";
import type { Comparison, PackageChange } from "./compare";
import type { LockedPackage } from "./lock";
import type { Manifest } from "./manifest";
import { pruneReasonNames, pruneReasons } from "./pruning";

/** Formats bundles as a table. */
export function bundleTable(bundles: readonly Bundle[]): Promise<string> {
  return table(
    ["target", "kind", "name", "packages", "size", "sha256", "path"],
    bundles.map((bundle) => {
      const packages = "packages" in bundle ? String(bundle.packages.length) : "";
      const { target, kind, name, size, sha256, path } = bundle;
      return [target, kind, name, packages, bytes(size), sha256.slice(0, 12), path];
    }),
  );
}

/** Formats the packages of a bundle as a table. */
export async function manifestTable({ packages, ...bundle }: Manifest): Promise<string> {
  const built = [bundle.pythonVersion && `Python ${bundle.pythonVersion}`, bundle.architecture].filter(Boolean);
  return [
    `${bundle.target} ${bundle.kind} ${bundle.name}${built.map((each) => `, ${each ?? ""}`).join("")}`,
    `sha256 ${bundle.sha256}, ${bytes(bundle.size)}, ${bytes(bundle.unpackedSize)} unpacked`,
    ...(bundle.lockSha256 === undefined ? [] : [`lock   ${bundle.lockSha256}`]),
    `built by ${bundle.builder}, ${bundle.bytecode ? `bytecode by ${bundle.bytecode}` : "without bytecode"}`,
    await table(
      ["package", "version", "licence", "size", "unpacked", "wheel"],
      packages.map(({ name, version, licence, size, unpackedSize, wheel }) => {
        return [name, version, licence, bytes(size), bytes(unpackedSize), wheel];
      }),
    ),
  ].join("\n");
}

/** Formats the files that are left out of a bundle as a table. */
export function prunedTable({ packages }: Manifest): Promise<string> {
  return table(
    ["package", "file", "left out, since it is"],
    packages.flatMap(({ name, pruned }) =>
      pruneReasonNames.flatMap((reason) => (pruned[reason] ?? []).map((file) => [name, file, pruneReasons[reason]])),
    ),
  );
}

/** Output formats of a comparison. */
export const comparisonForms = {
  text: ({ packages, growth, unpackedGrowth }: Comparison) =>
    [...packages.map(changeLine), `zip ${signed(growth)}, unpacked ${signed(unpackedGrowth)}`].join("\n"),
  json: (comparison: Comparison) => JSON.stringify(comparison),
  markdown: ({ packages, growth, unpackedGrowth }: Comparison) =>
    [
      "| Package | Before | After | Size |",
      "| --- | --- | --- | ---: |",
      ...packages.map(
        ({ name, before = "", after = "", growth }) => `| ${name} | ${before} | ${after} | ${signed(growth)} |`,
      ),
      `| **zip** | | | **${signed(growth)}** |`,
      `| unpacked | | | ${signed(unpackedGrowth)} |`,
    ].join("\n"),
} as const;

/** E.g. `pydantic 2.9.0 -> 2.12.5, +120 kB`. */
function changeLine({ name, before, after, growth }: PackageChange): string {
  const change = before === undefined ? "added" : after === undefined ? "removed" : `${before} -> ${after}`;
  const version = before === undefined ? ` ${after ?? ""}` : after === undefined ? ` ${before}` : "";
  return `${name}${version} ${change}, ${signed(growth)}`;
}

/** Summarises the changes of a lock, e.g. `pydantic 2.9.0 -> 2.12.5, typing-inspection 0.4.2 added`. */
export function lockSummary(before: readonly LockedPackage[], after: readonly LockedPackage[]): string {
  const [old, now] = [versions(before), versions(after)];
  const changes = [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)];
    if (was === is) return [];
    if (was === undefined) return [`${name} ${is ?? ""} added`];
    return is === undefined ? [`${name} ${was} removed`] : [`${name} ${was} -> ${is}`];
  });
  return changes.length === 0 ? `no change, ${now.size} packages` : changes.join(", ");
}

/** Formats locked packages that have a newer version which the requirements accept. */
export function outdatedTable(before: readonly LockedPackage[], after: readonly LockedPackage[]): Promise<string> {
  const [old, now] = [versions(before), versions(after)];
  return table(
    ["package", "locked", "newest accepted"],
    [...old].flatMap(([name, was]) =>
      now.get(name) === was ? [] : [[name, was, now.get(name) ?? "no longer needed"]],
    ),
  );
}

/** Versions by name; a package with markers may have several. */
function versions(packages: readonly LockedPackage[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, version } of packages) found.set(name, [found.get(name) ?? [], version].flat().join(" or "));
  return found;
}

export function bytes(count: number): string {
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)} kB` : `${(count / 1_000_000).toFixed(2)} MB`;
}

function signed(count: number): string {
  return `${count < 0 ? "-" : "+"}${bytes(Math.abs(count))}`;
}

export async function table(head: string[], rows: readonly string[][]): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const drawn = new Table({ head, style: { head: [], border: [] } });
  drawn.push(...rows);
  return drawn.toString();
}
