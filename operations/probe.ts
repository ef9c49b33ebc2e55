/**
 * Whether a response contains what a probe expects: objects may have more keys, an empty list matches any list, and other
 * values are equal.
 */
export function isWithin(expected: unknown, found: unknown): boolean {
  if (Array.isArray(expected)) {
    if (!Array.isArray(found)) return false;
    return (
      expected.length === 0 ||
      (expected.length === found.length && expected.every((item, at) => isWithin(item, found[at])))
    );
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof found !== "object" || found === null || Array.isArray(found)) return false;
    return Object.entries(expected).every(([key, value]) => isWithin(value, (found as Record<string, unknown>)[key]));
  }
  return expected === found;
}
