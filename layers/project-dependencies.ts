import { readFile } from "node:fs/promises";

import { parse } from "smol-toml";
import { z } from "zod";

import { BuildError, reasonOf, shownPath } from "./build-error";
import { normalisedName } from "./lock";

/** The dependencies of a `pyproject.toml`. */
export interface ProjectDependencies {
  /** Undefined if a build backend determines them (`project.dynamic`). */
  readonly dependencies: readonly Dependency[] | undefined;
}

/** A requirement (PEP 508). */
export interface Dependency {
  /** Normalised name (PEP 503). */
  readonly name: string;
  /** Sorted. */
  readonly extras: readonly string[];
  /** Accepted versions, e.g. `>=3`, sorted. Undefined if it does not come from an index. */
  readonly specifiers: readonly string[] | undefined;
  readonly marker?: string;
}

const schema = z.looseObject({
  project: z
    .looseObject({ dependencies: z.array(z.string()).default([]), dynamic: z.array(z.string()).default([]) })
    .default({ dependencies: [], dynamic: [] }),
});

/**
 * Reads the dependencies of a project.
 *
 * @throws {BuildError} if the file cannot be read, or a requirement is not valid (PEP 508).
 */
export async function projectDependencies(file: string): Promise<ProjectDependencies> {
  const { project } = await readToml(file, schema, "write the project's dependencies there");
  if (project.dynamic.includes("dependencies")) return { dependencies: undefined };
  return {
    dependencies: project.dependencies.map((text) => {
      const dependency = parseDependency(text);
      if (dependency !== undefined) return dependency;
      throw new BuildError(
        `${shownPath(file)}: project.dependencies has ${JSON.stringify(text)}; expected a requirement, e.g. "flask>=3,<4"`,
      );
    }),
  };
}

function parseDependency(text: string): Dependency | undefined {
  const [, name, extras = "", elsewhere, specifiers = "", marker] =
    /^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*(?:@\s*(\S+)|\(?([^;()@]*)\)?)\s*(?:;(.*))?$/.exec(text) ?? [];
  if (name === undefined) return undefined;
  return {
    name: normalisedName(name),
    extras: list(extras).map(normalisedName).sort(),
    specifiers: elsewhere === undefined ? versionSpecifiers(specifiers) : undefined,
    marker: marker?.trim(),
  };
}

/** Accepted versions in one spelling, sorted: in PEP 440 `2024.01` equals `2024.1`. */
export function versionSpecifiers(text: string): string[] {
  return list(text)
    .map((each) =>
      each
        .replace(/\s+/g, "")
        .toLowerCase()
        .replace(/(?<![\w])v?0*(?=\d)/g, ""),
    )
    .sort();
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

/**
 * Reads a TOML file.
 *
 * @throws {BuildError} if it cannot be read, or does not match the schema.
 */
export async function readToml<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  next: string,
): Promise<z.output<Schema>> {
  const shown = shownPath(file);
  const text = await readFile(file, "utf8").catch(() => {
    throw new BuildError(`${shown} cannot be read; ${next}`);
  });
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new BuildError(`${shown} is not valid TOML: ${reasonOf(error)}; ${next}`);
  }
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new BuildError(`${shown} is not as expected (${problems.slice(0, 3).join("; ")}); ${next}`);
}
