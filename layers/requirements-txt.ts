import { readFile } from "node:fs/promises";
import path from "node:path";

import { BuildError, shownPath } from "./build-error";
import { localRequirement } from "./local-package";
import { checkStandsAlone, indexOptions, lockedPackages } from "./lock";
import { lockContent, type LockContent } from "./lock-content";

/** The command that writes a requirements file with hashes. */
export function compileRequirements(file: string): string {
  const name = path.basename(file);
  const source = name.replace(/\.txt$/, ".in");
  return `uv pip compile --universal --generate-hashes --output-file ${name} ${source} (or pip-compile --generate-hashes)`;
}

/**
 * Options that may be ignored: they have no effect on pinned wheels, or they name an index, which is taken from uv's
 * configuration.
 */
const passedOver =
  /^(-i|-f|--(require-hashes|only-binary|prefer-binary|pre|(extra-)?index-url|no-index|find-links|trusted-host))\b/;

/** The project itself; its code is packed as part of the application. */
const itself = /^(-e|--editable)?[ =]*\.\/?$/;

/**
 * Reads a requirements file that pins every package with hashes, as `uv pip compile` and `pip-compile` write it with
 * `--generate-hashes`, or `uv export`, `poetry export` and `pipenv requirements --hash`.
 *
 * @throws {BuildError} for a line that is not a release on an index with hashes.
 */
export async function readRequirementsTxt(file: string): Promise<LockContent> {
  const shown = shownPath(file);
  const read = await readFile(file, "utf8").catch(() => {
    throw new BuildError(`${shown} cannot be read; run: ${compileRequirements(file)}`);
  });
  const text = read.replace(/^\uFEFF/, "").replace(/\r\n/g, "\n");
  const lines = text.split("\n").map((line) => line.replace(/(?<=\S.*)\s#.*$/, (comment) => annotation(line, comment)));
  const statements = joined(lines).filter(({ line }) => !passedOver.test(line) && !itself.test(line));
  const requirements = statements.map(({ line }) => line).filter((line) => !line.startsWith("#"));
  checkStandsAlone(requirements, file);
  for (const line of requirements) {
    if (!localRequirement.test(line)) checkPinned(line, file);
  }

  const packages = lockedPackages(statements.map(({ lines }) => lines).join("\n"), file);
  const names = new Set(packages.map(({ name }) => name));
  const annotated = packages.length < 2 || packages.some((each) => each.required || each.neededBy.length > 0);
  return lockContent(
    shown,
    packages.map(({ statement, hashes, neededBy, required, ...each }) => ({
      ...each,
      marker: /;\s*(.*?)\s*(?:\\?\n|--hash|$)/.exec(statement)?.[1],
      hashes: [...hashes],
      // `uv export` names the project as the origin of its requirements.
      required: required || !annotated || neededBy.some((name) => !names.has(name)),
      neededBy: neededBy.filter((name) => names.has(name)),
    })),
    {
      // The index is taken from uv's configuration; a folder of wheels is part of the project.
      indexOptions: indexOptions(findLinks(text), file),
      requiresPython: lockedFor(text),
      edgeless: annotated
        ? undefined
        : `${shown} has no annotations (# via) that say what needs each package; make it with them: ${compileRequirements(file)}`,
    },
  );
}

function findLinks(text: string): string {
  return text
    .split("\n")
    .filter((line) => /^(-f|--find-links)\b/.test(line))
    .join("\n");
}

/** Moves an annotation to its own line, as it is written beside hashes, and removes other comments. */
function annotation(line: string, comment: string): string {
  return /^\s*#/.test(line) ? comment : "";
}

/** Logical lines, without blank ones. */
function joined(lines: readonly string[]): { readonly line: string; readonly lines: string }[] {
  return [...lines.join("\n").matchAll(/^[ \t]*\S(?:.*\\\n)*.*$/gm)].map(([found]) => ({
    line: found.replace(/\s*\\\n\s*/g, " ").trim(),
    lines: found,
  }));
}

function checkPinned(line: string, file: string): void {
  const shown = shownPath(file);
  const found = JSON.stringify(line.slice(0, 100));
  if (/^-|\s@\s|^[\w+]+:\/\/|^[./]/.test(line)) {
    throw new BuildError(
      `${shown} has ${found}, which is no release of an index: only <name>==<version> with hashes can be checked and built; ` +
        `publish it to your index, or put its code into the application`,
    );
  }
  const pinned = /^[A-Za-z0-9][\w.-]*(?:\s*\[[^\]]*\])?\s*==(?!=)\s*[^\s;,*#]+(?=[\s;]|$)/.test(line);
  if (pinned && /--hash=sha256:[0-9a-f]{64}/.test(line)) return;
  const source = path.basename(file).replace(/\.txt$/, ".in");
  throw new BuildError(
    `${shown} has ${found} ${pinned ? "without a hash" : "without one version"}: a requirements.txt has to be a lock, each ` +
      `package with its version and its hashes (--hash=sha256:...); move what you require to ${source} and run: ` +
      `${compileRequirements(file)}, or name ${source} in pyproject.toml instead and run: npm run layer -- lock`,
  );
}

/**
 * The Python that the file was resolved for, according to the header that its tool wrote; newer ones are supported as
 * well.
 */
function lockedFor(text: string): string | undefined {
  const header = /^#.*(?:autogenerated by pip-compile with Python |--python-version[ =]|-p )(3\.\d+)/m.exec(text)?.[1];
  return header === undefined ? undefined : `>=${header}`;
}
