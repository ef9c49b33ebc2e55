/** A part of an event pattern: an object matches the fields of an event, a list has the accepted values of a field. */
type Pattern = { readonly [field: string]: Pattern | readonly unknown[] };

/** Comparison operators beside equality (EventBridge user guide, "Comparison operators"). */
const operators: Readonly<Record<string, (value: unknown, operand: unknown) => boolean>> = {
  prefix: (value, operand) => typeof value === "string" && value.startsWith(String(operand)),
  suffix: (value, operand) => typeof value === "string" && value.endsWith(String(operand)),
  "equals-ignore-case": (value, operand) =>
    typeof value === "string" && value.toLowerCase() === String(operand).toLowerCase(),
  "anything-but": (value, operand) => {
    if (typeof operand === "object" && operand !== null && !Array.isArray(operand)) return !matchesItem(value, operand);
    return ![operand].flat().includes(value);
  },
  exists: (value, operand) => (value !== undefined) === operand,
  numeric: (value, operand) => {
    if (typeof value !== "number" || !Array.isArray(operand)) return false;
    return operand.every((sign, index) => index % 2 === 1 || compare(value, sign, Number(operand[index + 1])));
  },
  wildcard: (value, operand) =>
    typeof value === "string" &&
    new RegExp(`^${String(operand).split("*").map(literally).join(".*")}$`, "s").test(value),
};

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function compare(value: number, sign: unknown, than: number): boolean {
  switch (sign) {
    case "=":
      return value === than;
    case "<":
      return value < than;
    case "<=":
      return value <= than;
    case ">":
      return value > than;
    case ">=":
      return value >= than;
    default:
      return false;
  }
}

/** Whether a text is an event pattern that EventBridge accepts and the local cloud supports. */
export function isEventPattern(text: unknown): boolean {
  try {
    return isPattern(JSON.parse(String(text)));
  } catch {
    return false;
  }
}

function isPattern(value: unknown): value is Pattern {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const parts = Object.values(value) as unknown[];
  return parts.length > 0 && parts.every((part) => (Array.isArray(part) ? part.every(isItem) : isPattern(part)));
}

function isItem(item: unknown): boolean {
  if (typeof item !== "object" || item === null) return true;
  return Object.keys(item).every((operator) => operator in operators);
}

/** Whether an event matches a pattern in JSON. */
export function matchesPattern(text: string, event: unknown): boolean {
  const pattern: unknown = JSON.parse(text);
  return isPattern(pattern) && matches(pattern, event);
}

function matches(pattern: Pattern, event: unknown): boolean {
  return Object.entries(pattern).every(([field, expected]) => {
    const value: unknown = typeof event === "object" && event !== null ? Reflect.get(event, field) : undefined;
    if (!isList(expected)) return matches(expected, value);
    // A list matches if one of its elements does.
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.some((each) => expected.some((item) => matchesItem(each, item)));
  });
}

function matchesItem(value: unknown, item: unknown): boolean {
  if (typeof item !== "object" || item === null) return value === item;
  return Object.entries(item).every(([operator, operand]) => operators[operator]?.(value, operand) ?? false);
}

function isList(value: Pattern | readonly unknown[]): value is readonly unknown[] {
  return Array.isArray(value);
}
