import path from "node:path";

import { z } from "zod";

import { BuildError, shownPath } from "./build-error";
import { localPackage } from "./local-package";
import { normalisedName, type Pin } from "./lock";
import { lockContent, type LockContent } from "./lock-content";
import { projectDependencies, readToml } from "./project-dependencies";

const fileSchema = z.object({ hashes: z.object({ sha256: z.string().optional() }).default({}) });

const packageSchema = z.object({
  name: z.string(),
  version: z.string().optional(),
  marker: z.string().optional(),
  dependencies: z.array(z.object({ name: z.string().optional() })).optional(),
  vcs: z.unknown().optional(),
  directory: z.object({ path: z.string() }).optional(),
  archive: z.object({ path: z.string().optional() }).optional(),
  sdist: fileSchema.optional(),
  wheels: z.array(fileSchema).default([]),
});

const schema = z.object({
  "lock-version": z.string().regex(/^1\./, { error: 'expected a version of PEP 751, "1.0"' }),
  "requires-python": z.string().optional(),
  "default-groups": z.array(z.string()).default([]),
  packages: z.array(packageSchema),
});

/** The command that writes a `pylock.toml`. */
export const makePylock =
  "uv export --no-dev --no-emit-project --format pylock.toml --output-file pylock.toml (or pip lock, pdm export --format pylock)";

const edgeless =
  "a pylock.toml says what needs each package only where its maker writes packages.dependencies, which uv and pip leave out; " +
  "use uv.lock, or a requirements.txt with annotations (# via)";

/**
 * Reads a PEP 751 lock: the packages of the default groups, without extras.
 *
 * @param project the `pyproject.toml` of the lock, if known.
 * @throws {BuildError} if a package is not a release on an index, or a requirement of the project is missing.
 */
export async function readPylock(file: string, project?: string): Promise<LockContent> {
  const shown = shownPath(file);
  const {
    packages,
    "requires-python": requiresPython,
    "default-groups": defaultGroups,
  } = await readToml(file, schema, `run: ${makePylock}`);
  const installed = packages
    .filter(({ directory }) => directory === undefined || !/^\.?\/?$/.test(directory.path))
    .flatMap((each) => {
      const marker = withGroups(each.marker, defaultGroups);
      return marker === false ? [] : [{ ...each, name: normalisedName(each.name), marker }];
    });
  const hasEdges = installed.length < 2 || installed.some(({ dependencies }) => dependencies !== undefined);
  const neededBy = (name: string) =>
    installed
      .filter(({ dependencies = [] }) => dependencies.some((needed) => normalisedName(needed.name ?? "") === name))
      .map((each) => each.name);
  const required = project === undefined ? undefined : (await projectDependencies(project)).dependencies;
  const missing = required?.filter(
    ({ name, marker }) => marker === undefined && !installed.some((each) => each.name === name),
  );
  if (project !== undefined && missing !== undefined && missing.length > 0) {
    throw new BuildError(
      `${shown} does not lock ${missing.map(({ name }) => name).join(", ")}, which ${shownPath(project)} requires; run: ` +
        makePylock,
    );
  }
  return lockContent(
    shown,
    installed.map(({ name, version, marker, sdist, wheels, ...rest }): Pin => {
      const needed = {
        marker,
        required: required?.some((each) => each.name === name) ?? neededBy(name).length === 0,
        neededBy: neededBy(name),
      };
      const at = rest.directory?.path ?? rest.archive?.path;
      if (at !== undefined) {
        const local = localPackage(path.resolve(path.dirname(file), at), file);
        return { ...local, ...needed, local: local.path, hashes: [local.sha256] };
      }
      const [elsewhere] = (["vcs", "directory", "archive"] as const).filter((key) => rest[key] !== undefined);
      if (elsewhere !== undefined || version === undefined) {
        throw new BuildError(
          `${shown} has ${name} ${elsewhere === undefined ? "without a version" : `from ${elsewhere}`}, which is no release ` +
            `of an index: only those can be checked and built; publish it to your index, or put its code into the application`,
        );
      }
      return {
        name,
        version,
        hashes: [sdist, ...wheels].flatMap((each) => each?.hashes.sha256 ?? []),
        ...needed,
      };
    }),
    { requiresPython, edgeless: hasEdges ? undefined : edgeless },
  );
}

/** Marker syntax of PEP 751: membership in the chosen extras and groups. */
const membership = /(["'])([^"']+)\1\s+(not\s+)?in\s+(extras|dependency_groups)\b/g;

/**
 * A marker with its groups evaluated: false if they exclude the package, undefined if they are the only condition and
 * include it.
 */
function withGroups(marker: string | undefined, groups: readonly string[]): string | false | undefined {
  const decide = (name: string, not: string | undefined, of: string) =>
    (of === "dependency_groups" && groups.includes(name)) !== (not !== undefined);
  const [whole] = marker?.matchAll(membership) ?? [];
  if (whole !== undefined && whole[0] === marker?.trim()) {
    return decide(whole[2] ?? "", whole[3], whole[4] ?? "") ? undefined : false;
  }
  return marker?.replace(membership, (_, _quote, name: string, not: string | undefined, of: string) =>
    // A part of a marker that is already decided becomes a comparison that holds for every Python or for none.
    decide(name, not, of) ? 'python_version >= "3"' : 'python_version < "3"',
  );
}
