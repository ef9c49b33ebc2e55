import { existsSync } from "node:fs";
import path from "node:path";

import { z } from "zod";

import { BuildError, shownPath } from "./build-error";
import { localPackage } from "./local-package";
import { normalisedName, type Pin } from "./lock";
import { lockContent, type LockContent } from "./lock-content";
import { type Dependency, projectDependencies, readToml, versionSpecifiers } from "./project-dependencies";

const edgeSchema = z.object({
  name: z.string(),
  /** Absent for a package that is locked in several versions. */
  version: z.string().optional(),
  extra: z.array(z.string()).default([]),
  marker: z.string().optional(),
});

const fileSchema = z.object({ hash: z.string().optional() });

const requirementSchema = z.looseObject({
  name: z.string(),
  extras: z.array(z.string()).default([]),
  specifier: z.string().default(""),
  marker: z.string().default(""),
});

const packageSchema = z.object({
  name: z.string(),
  version: z.string().optional(),
  source: z.record(z.string(), z.unknown()),
  dependencies: z.array(edgeSchema).default([]),
  "optional-dependencies": z.record(z.string(), z.array(edgeSchema)).default({}),
  sdist: fileSchema.optional(),
  wheels: z.array(fileSchema).default([]),
  metadata: z.object({ "requires-dist": z.array(requirementSchema).default([]) }).default({ "requires-dist": [] }),
});
type Package = z.output<typeof packageSchema>;
type Edge = z.output<typeof edgeSchema>;

const schema = z.object({
  version: z.literal(1, { error: "expected version 1, the one that uv writes today" }),
  "requires-python": z.string().optional(),
  package: z.array(packageSchema).default([]),
});

/**
 * Reads what `uv sync --no-dev` installs, except the project itself: its dependencies, without groups and extras.
 *
 * @param file `uv.lock`; it has to match the project's `pyproject.toml`.
 * @param folder of the project: that of the member, for the lock of a workspace.
 * @throws {BuildError} if the lock was made for other dependencies, or a package is not a release on an index.
 */
export async function readUvLock(file: string, folder = path.dirname(file)): Promise<LockContent> {
  const shown = shownPath(file);
  const { package: packages, "requires-python": requiresPython } = await readToml(file, schema, "run: uv lock");
  const root = path.dirname(file);
  const project = packages.find(({ source }) =>
    [source.editable, source.virtual].some((at) => typeof at === "string" && isSame(path.resolve(root, at), folder)),
  );
  if (project === undefined) {
    throw new BuildError(
      `${shown} has no project of the folder ${shownPath(folder) || "."}, as that of a workspace may have none; name the ` +
        `pyproject.toml of the workspace's member, in its own folder, then run: uv lock`,
    );
  }
  const description = path.join(folder, "pyproject.toml");
  if (existsSync(description)) await checkMadeFor(file, project, description);

  const reached = reachedFrom(project, packages, shown);
  reached.delete(project);
  const virtual = packages.filter(({ source }) => source.virtual !== undefined);
  const notInstalled = new Set([project, ...virtual].map(({ name }) => name));
  return lockContent(
    shown,
    [...reached].flatMap(([found, { conditions, neededBy }]): Pin[] => {
      // A member without a build system is not installed itself, only its dependencies.
      if (found.source.virtual !== undefined) return [];
      const { name, version } = found;
      const needed = {
        marker: markerOf(conditions),
        required: [...neededBy].some((other) => notInstalled.has(other)),
        neededBy: [...neededBy].filter((other) => !notInstalled.has(other)),
      };
      const at = found.source.editable ?? found.source.directory ?? found.source.path;
      if (typeof at === "string") {
        const local = localPackage(path.resolve(root, at), file);
        return [{ ...local, ...needed, local: local.path, hashes: [local.sha256] }];
      }
      if (found.source.registry === undefined || version === undefined) throw notOfAnIndex(shown, found);
      const hashes = [found.sdist, ...found.wheels].flatMap((each) => sha256Of(each?.hash));
      return [{ name, version, hashes, ...needed }];
    }),
    { requiresPython },
  );
}

/** Absolute paths of the local packages in a `uv.lock`. */
export function lockedPaths(text: string, file: string): string[] {
  return [...text.matchAll(/^source = \{ (?:editable|directory|path) = "([^"]+)" \}$/gm)]
    .map(([, found = "."]) => path.resolve(path.dirname(file), found))
    .filter((found) => found !== path.dirname(path.resolve(file)));
}

const isSame = (a: string, b: string) => path.resolve(a) === path.resolve(b);

/** For each path to a package the markers that all have to hold; a path without markers leads to it everywhere. */
type Conditions = readonly (readonly string[])[];

/** Under which conditions a package is installed, and its dependents. */
interface Reached {
  readonly conditions: Conditions;
  readonly neededBy: Set<string>;
}

/** The dependencies of a project, each with the markers of every path to it. */
function reachedFrom(project: Package, packages: readonly Package[], shown: string): Map<Package, Reached> {
  const found = new Map<Package, Reached & { readonly byExtra: Map<string, Conditions> }>();
  const visit = (one: Package, extra: string, condition: readonly string[], from?: Package) => {
    const { byExtra, neededBy } = found.get(one) ?? {
      byExtra: new Map<string, Conditions>(),
      neededBy: new Set<string>(),
    };
    if (from !== undefined && from !== one) neededBy.add(from.name);
    const earlier = byExtra.get(extra) ?? [];
    if (earlier.some((each) => each.every((marker) => condition.includes(marker)))) return;
    const kept = earlier.filter((each) => !condition.every((marker) => each.includes(marker)));
    byExtra.set(extra, [...kept, condition]);
    found.set(one, { byExtra, neededBy, conditions: byExtra.get("") ?? [] });
    for (const edge of extra === "" ? one.dependencies : (one["optional-dependencies"][extra] ?? [])) {
      const further = edge.marker === undefined ? condition : [...new Set([...condition, edge.marker])].sort();
      if (/\bextra\b/.test(edge.marker ?? "")) throw conflicting(shown, edge);
      for (const needed of packages.filter((each) => leadsTo(edge, each))) {
        for (const name of ["", ...edge.extra]) visit(needed, name, further, one);
      }
    }
  };
  visit(project, "", []);
  return new Map(found);
}

function leadsTo(edge: Edge, { name, version }: Package): boolean {
  return edge.name === name && (edge.version === undefined || edge.version === version);
}

function markerOf(conditions: Conditions): string | undefined {
  if (conditions.some((condition) => condition.length === 0)) return undefined;
  const ways = conditions.map((markers) =>
    markers.length === 1 ? (markers[0] ?? "") : markers.map((marker) => `(${marker})`).join(" and "),
  );
  return ways.length === 1
    ? ways[0]
    : [...ways]
        .sort()
        .map((way) => `(${way})`)
        .join(" or ");
}

function sha256Of(hash: string | undefined): string[] {
  const [, hexadecimal] = /^sha256:([0-9a-f]{64})$/.exec(hash ?? "") ?? [];
  return hexadecimal === undefined ? [] : [hexadecimal];
}

function notOfAnIndex(shown: string, { name, source }: Package): BuildError {
  const [[kind, place] = ["unknown", ""]] = Object.entries(source);
  return new BuildError(
    `${shown} has ${name} from ${kind} ${JSON.stringify(place)}, which is no release of an index: only those can be checked ` +
      `and built; publish it to your index, or put its code into the application, then run: uv lock`,
  );
}

function conflicting(shown: string, { name, marker }: Edge): BuildError {
  return new BuildError(
    `${shown} has ${name} where ${marker ?? ""}, which comes from tool.uv.conflicts; export the chosen packages beside it: ` +
      `uv export --no-dev --no-emit-project --format pylock.toml --output-file pylock.toml, and name pylock.toml`,
  );
}

/** Markers are not compared: uv normalises them. */
async function checkMadeFor(file: string, { metadata }: Package, description: string): Promise<void> {
  const { dependencies } = await projectDependencies(description);
  if (dependencies === undefined) return;
  const lockedFor = metadata["requires-dist"]
    .filter(({ marker }) => !/\bextra\b/.test(marker))
    .map((each): Dependency => ({
      name: normalisedName(each.name),
      extras: each.extras.map(normalisedName).sort(),
      specifiers: elsewhere.some((key) => key in each) ? undefined : versionSpecifiers(each.specifier),
    }));
  const fromElsewhere = new Set(lockedFor.flatMap(({ name, specifiers }) => (specifiers === undefined ? [name] : [])));
  const spelt = ({ name, extras, specifiers = [] }: Dependency) =>
    `${name}${extras.length === 0 ? "" : `[${extras.join(",")}]`}${fromElsewhere.has(name) ? "" : specifiers.join(",")}`;
  const required = new Set(dependencies.map(spelt));
  const locked = new Set(lockedFor.map(spelt));
  const added = [...required].filter((each) => !locked.has(each));
  const removed = [...locked].filter((each) => !required.has(each));
  if (added.length + removed.length === 0) return;
  throw new BuildError(
    `${shownPath(file)} does not match ${shownPath(description)}: project.dependencies ` +
      [
        added.length > 0 ? `has ${added.join(", ")}, which the lock was not made for` : "",
        removed.length > 0 ? `no longer has ${removed.join(", ")}, which it was made for` : "",
      ]
        .filter((part) => part !== "")
        .join(", and ") +
      "; run: uv lock",
  );
}

/** Keys of `tool.uv.sources` that replace the index; uv omits the versions of such requirements. */
const elsewhere = ["git", "url", "path", "directory", "editable", "virtual"];
