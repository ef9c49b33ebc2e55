/** A value that is known only during the update: an ARN, an address, an id. */
export const unknown: unique symbol = Symbol("known after the update");

/** A property in a rule: JSON, with `unknown` for unknown values. */
export type Value =
  string | number | boolean | null | undefined | typeof unknown | readonly Value[] | { readonly [key: string]: Value };

/** A resource that was registered, or that is about to be. */
export interface Resource {
  readonly urn: string;
  /** The type's token, e.g. `aws:lambda/function:Function`. */
  readonly type: string;
  readonly name: string;
  readonly properties: { readonly [key: string]: Value };
  /** For each property, the URNs of the resources whose outputs it was computed from. */
  readonly dependencies: { readonly [property: string]: readonly string[] };
}

/** All resources of one deployment. */
export interface Stack {
  readonly name: string;
  /** The stack's settings, nested as in its file. */
  readonly configuration: { readonly [setting: string]: Value };
  readonly resources: readonly Resource[];
}

interface RuleBase {
  /** Id of the rule in violations, in exemptions in a pack's configuration, and in tests. */
  readonly name: string;
  readonly description: string;
  /** The rule's identifiers in AWS FSBP, the CIS benchmarks and checkov; empty where the rule is this project's own. */
  readonly references: readonly string[];
  readonly types: readonly string[];
  /** `advisory` only prints, `mandatory` (the default) stops the deployment. */
  readonly enforcement?: "advisory" | "mandatory";
  /** The change that resolves a violation, for readers who do not know the rule. */
  readonly remedy: string;
}

/** Judges a resource by its own inputs, before it is created or changed. */
export interface ResourceRule extends RuleBase {
  readonly scope: "resource";
  /** The violation; undefined if there is none, or if it is not known yet. */
  readonly check: (resource: Resource) => string | undefined;
}

/** Judges a resource together with the others, at the end of a preview and of an update. */
export interface StackRule extends RuleBase {
  readonly scope: "stack";
  readonly check: (resource: Resource, stack: Stack) => string | undefined;
}

export type Rule = ResourceRule | StackRule;

export interface Violation {
  readonly rule: Rule;
  readonly resource: Resource;
  /** The violation, the remedy, and the rule's identifiers elsewhere. */
  readonly message: string;
}

/** Every violation of `rules` in `stack`, in the order of its resources. */
export function violations(rules: readonly Rule[], stack: Stack): Violation[] {
  return stack.resources.flatMap((resource) =>
    rules.flatMap((rule) => {
      const message = judge(rule, resource, stack);
      return message === undefined ? [] : [{ rule, resource, message }];
    }),
  );
}

/** The message of a violation, or undefined if `resource` complies or the rule is for other types. */
export function judge(rule: Rule, resource: Resource, stack: Stack): string | undefined {
  if (!rule.types.includes(resource.type)) return undefined;
  const found = rule.scope === "resource" ? rule.check(resource) : rule.check(resource, stack);
  if (found === undefined) return undefined;
  const references = rule.references.length > 0 ? ` (${rule.references.join(", ")})` : "";
  return `${resource.name}: ${found}. ${rule.remedy}.${references}`;
}

/**
 * The value at a dotted path, e.g. `viewerCertificate.minimumProtocolVersion`; undefined where the path leads nowhere,
 * `unknown` where something on the way is not known yet.
 */
export function at(value: Value, path: string): Value {
  let found = value;
  for (const key of path.split(".")) {
    if (found === unknown) return unknown;
    found = isObject(found) ? found[key] : undefined;
  }
  return found;
}

/** The elements of a list; empty if the value is no list. */
export function listAt(value: Value, path: string): readonly Value[] {
  const found = at(value, path);
  return isList(found) ? found : [];
}

/** True where the value at `path` is known, and is none of `accepted`. */
export function differs(value: Value, path: string, ...accepted: readonly Value[]): boolean {
  const found = at(value, path);
  return found !== unknown && !accepted.includes(found);
}

/** True for values that a cloud treats as "not set". An unknown value counts as set. */
export function isEmpty(value: Value): boolean {
  return value === undefined || value === null || value === "" || value === 0;
}

/** Stacks that people depend on: `production`, `prod`, `prod-eu`, `prod_2`. */
export function isProduction(stackName: string): boolean {
  return /^prod(uction)?(?![a-z])/.test(stackName);
}

/** Settings as the engine passes them: text, or JSON for other types, by `<project>:<setting>`. */
export function settingsOf(configuration: Readonly<Record<string, string>>): Stack["configuration"] {
  return Object.fromEntries(
    Object.entries(configuration).map(([key, text]) => [key.replace(/^[^:]*:/, ""), parsed(text)]),
  );
}

function parsed(text: string): Value {
  try {
    return JSON.parse(text) as Value;
  } catch {
    return text;
  }
}

/** Every text in a value, wherever it is nested. */
export function textsIn(value: Value): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

export function isObject(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === "object" && value !== null && !isList(value);
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** A value as text in a message. */
export function shown(value: Value): string {
  if (value === unknown) return "a value not known yet";
  return value === undefined ? "nothing" : JSON.stringify(value);
}

/** The values by which other resources reference this one. */
const identities = ["id", "arn", "name", "bucket"] as const;

/** True where `property` of `resource` was computed from an output of `target`, or holds its id, ARN or name. */
export function refersTo(resource: Resource, property: string, target: Resource): boolean {
  if (resource.dependencies[property]?.includes(target.urn) === true) return true;
  const value = resource.properties[property];
  const held = isList(value) ? value : [value];
  return identities.some((key) => {
    const identity = target.properties[key];
    return typeof identity === "string" && held.includes(identity);
  });
}

/** The resources of `type` whose `property` refers to `target`. */
export function referring(stack: Stack, type: string, property: string, target: Resource): Resource[] {
  return stack.resources.filter((other) => other.type === type && refersTo(other, property, target));
}
