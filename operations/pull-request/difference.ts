import { isUnknown, type Step, unknownText } from "./preview";

/** One property, at its path below the resource. `before` is absent for a new one, `after` for a removed one. */
export interface Change {
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}

const secretText = "[secret]";

/** Names of properties whose values a comment never shows, even if the program did not mark them as secrets. */
const secretName = /password|passphrase|secret|token|credential|connectionstring|accesskey|privatekey|sastoken/i;
/** Values that are credentials: storage keys, shared access signatures, private keys, AWS access keys, JWTs. */
const secretValue =
  /AccountKey=|SharedAccessSignature=|[?&]sig=|-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\beyJ[\w-]+\.eyJ[\w-]+\./;

/** The key with which the engine marks assets, archives and other values that JSON cannot express. */
const signature = "4dabf18193072939515e22adb298388d";

/** A step's changes of a resource's inputs, by property, in the order of their paths. */
export function changesOf({ oldState, newState, diffReasons, detailedDiff }: Step): Change[] {
  const before = flat(oldState?.inputs ?? {});
  const after = flat(newState?.inputs ?? {});
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  const changes: Change[] = paths
    .filter((path) => before.get(path) !== after.get(path))
    .map((path) => ({ path, before: before.get(path), after: after.get(path) }));

  // Masked secrets are equal here; only the engine's list of differences shows that one has changed.
  const reasons = oldState && newState ? [...(diffReasons ?? []), ...Object.keys(detailedDiff ?? {})] : [];
  const unlisted = [...new Set(reasons)].filter((reason) => !changes.some(({ path }) => overlaps(path, reason)));
  return [...changes, ...unlisted.map((path) => ({ path, before: secretText, after: secretText }))];
}

/** The changed properties of a resource, by the names of its arguments. */
export function changedProperties(step: Step): string[] {
  return [...new Set(changesOf(step).map(({ path }) => /^[^.[]+/.exec(path)?.[0] ?? path))];
}

function overlaps(a: string, b: string): boolean {
  return a === b || [".", "["].some((separator) => a.startsWith(b + separator) || b.startsWith(a + separator));
}

/** Every leaf of `value` as text, by its path, e.g. `environment.variables.LOG_LEVEL` or `layers[0]`. */
function flat(value: unknown, path = "", leaves = new Map<string, string>()): Map<string, string> {
  if (secretName.test(path) && !isContainer(value)) return leaves.set(path, secretText);
  if (Array.isArray(value)) {
    value.forEach((item: unknown, index) => flat(item, `${path}[${index}]`, leaves));
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    if (signature in value) return leaves.set(path, asset(Object.fromEntries(entries)));
    for (const [key, item] of entries) flat(item, path === "" ? key : `${path}.${key}`, leaves);
  } else if (value !== undefined) {
    leaves.set(path, text(value));
  }
  return leaves;
}

function isContainer(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string {
  if (isUnknown(value)) return unknownText;
  if (value === secretText || (typeof value === "string" && secretValue.test(value))) return secretText;
  return JSON.stringify(value);
}

/** A file or an archive, identified by its content instead of its path. */
function asset({ hash }: Record<string, unknown>): string {
  return typeof hash === "string" ? `file with sha256 ${hash.slice(0, 12)}` : secretText;
}
