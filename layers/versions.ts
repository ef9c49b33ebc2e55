const pre: Readonly<Record<string, string>> = { alpha: "a", beta: "b", c: "rc", pre: "rc", preview: "rc" };

const spelling =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:[-_.]?(?:post|rev|r)[-_.]?(\d*)|-(\d+))?(?:[-_.]?dev[-_.]?(\d*))?(?:\+([a-z0-9._-]+))?$/;

/**
 * Normalises a version, so that versions that are equal in PEP 440 have one spelling: `1` for `v1.0`, `2024.1rc1` for
 * `2024.01-pre.1`. Text that is no valid version is only lower-cased.
 */
export function normalisedVersion(text: string): string {
  const lower = text.trim().toLowerCase();
  const match = spelling.exec(lower);
  if (match === null) return lower;
  const [, epoch = "0", release = "", phase, phaseNumber, post, implicitPost, dev, local] = match;
  const numbers = release.split(".").map(Number);
  while (numbers.length > 1 && numbers.at(-1) === 0) numbers.pop();
  const postNumber = post ?? implicitPost;
  return [
    Number(epoch) === 0 ? "" : `${Number(epoch)}!`,
    numbers.join("."),
    phase === undefined ? "" : `${pre[phase] ?? phase}${Number(phaseNumber)}`,
    postNumber === undefined ? "" : `.post${Number(postNumber)}`,
    dev === undefined ? "" : `.dev${Number(dev)}`,
    local === undefined ? "" : `+${local.replace(/[-_]/g, ".")}`,
  ].join("");
}

/** Higher than any patch number of Python. */
const newestPatch = 999;

/**
 * Whether some patch release of a Python version satisfies `Requires-Python`, since the clouds run the newest patch,
 * whose number is not known here. As with installers, an unreadable specifier excludes nothing.
 *
 * @param pythonVersion major and minor version, e.g. `3.12`.
 */
export function acceptsPython(requiresPython: string, pythonVersion: string): boolean {
  const [major = 0, minor = 0] = pythonVersion.split(".").map(Number);
  const clauses = requiresPython.split(",").map((clause) => clause.trim());
  const named = [...requiresPython.matchAll(/\d+\.\d+\.(\d+)/g)].map(([, patch]) => Number(patch));
  const patches = [0, newestPatch, ...named.flatMap((patch) => [Math.max(0, patch - 1), patch, patch + 1])];
  return patches.some((patch) => clauses.every((clause) => satisfies([major, minor, patch], clause)));
}

type Version = readonly number[];

function satisfies(version: Version, clause: string): boolean {
  const [, operator = "", text = "", wildcard] = /^(===?|!=|~=|<=?|>=?)\s*(\d+(?:\.\d+)*)(\.\*)?/.exec(clause) ?? [];
  const wanted = text.split(".").map(Number);
  const order = compared(version, wanted);
  const within = wanted.every((part, index) => version[index] === part);
  switch (operator) {
    case "==":
    case "===":
      return wildcard === undefined ? order === 0 : within;
    case "!=":
      return wildcard === undefined ? order !== 0 : !within;
    case "~=":
      return order >= 0 && wanted.slice(0, -1).every((part, index) => version[index] === part);
    case "<=":
      return order <= 0;
    case "<":
      return order < 0;
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
    default:
      return true;
  }
}

function compared(a: Version, b: Version): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
