import { readFile } from "node:fs/promises";

import { parse } from "smol-toml";
import { z } from "zod";

import { BuildError, reasonOf, shownPath } from "./build-error";
import { normalisedName } from "./lock";

/** What a `pyproject.toml` says of the project's own requirements. */
export interface ProjectDependencies {
  /** Undefined where a build backend finds them (`project.dynamic`). */
  readonly dependencies: readonly Dependency[] | undefined;
}

/** One requirement, as PEP 508 writes it. */
export interface Dependency {
  /** Normalised, as PEP 503 says. */
  readonly name: string;
  /** Sorted. */
  readonly extras: readonly string[];
  /** Accepted versions, e.g. `>=3`, sorted. Undefined where it comes from elsewhere than an index. */
  readonly specifiers: readonly string[] | undefined;
  readonly marker?: string;
}

const schema = z.looseObject({
  project: z
    .looseObject({ dependencies: z.array(z.string()).default([]), dynamic: z.array(z.string()).default([]) })
    .default({ dependencies: [], dynamic: [] }),
});

/**
 * Reads the requirements of a project.
 *
 * @throws {BuildError} where the file cannot be read, or has a requirement that PEP 508 does not know.
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

/** Accepted versions in one spelling, sorted: PEP 440 has `2024.01` equal to `2024.1`. */
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
 * Reads a file of TOML.
 *
 * @throws {BuildError} where it cannot be read, or has another shape.
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
    throw new BuildError(`${shown} is no TOML: ${reasonOf(error)}; ${next}`);
  }
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new BuildError(`${shown} cannot be understood (${problems.slice(0, 3).join("; ")}); ${next}`);
}
