/** Stands for a value that the engine learns only while it updates: an ARN, an address, an id. */
export const unknown: unique symbol = Symbol("known after the update");

/** A property as a rule sees it: JSON with holes where values are not known yet. */
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

/** All that one deployment consists of. */
export interface Stack {
  readonly name: string;
  /** The stack's settings, nested as in its file. */
  readonly configuration: { readonly [setting: string]: Value };
  readonly resources: readonly Resource[];
}

interface RuleBase {
  /** How a violation, an exemption in a pack's configuration and a test refer to the rule. */
  readonly name: string;
  readonly description: string;
  /** The rule's identifiers in AWS FSBP, the CIS benchmarks and checkov; empty where the rule is this project's own. */
  readonly references: readonly string[];
  readonly types: readonly string[];
  /** `advisory` prints and lets pass, `mandatory` (the default) stops the deployment. */
  readonly enforcement?: "advisory" | "mandatory";
  /** What to change, for a reader who has never seen the rule. */
  readonly remedy: string;
}

/** Judges a resource by its own inputs, before it is created or changed. */
export interface ResourceRule extends RuleBase {
  readonly scope: "resource";
  /** What is wrong with the resource; undefined where nothing is, or where it is not known yet. */
  readonly check: (resource: Resource) => string | undefined;
}

/** Judges a resource by what stands beside it, at the end of a preview and of an update. */
export interface StackRule extends RuleBase {
  readonly scope: "stack";
  readonly check: (resource: Resource, stack: Stack) => string | undefined;
}

export type Rule = ResourceRule | StackRule;

export interface Violation {
  readonly rule: Rule;
  readonly resource: Resource;
  /** What is wrong, what to do, and by which identifiers others know the rule. */
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

/** The message of a violation, or undefined where `resource` keeps to `rule` or the rule is for other types. */
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

/** The elements of a list; none where the value is no list. */
export function listAt(value: Value, path: string): readonly Value[] {
  const found = at(value, path);
  return isList(found) ? found : [];
}

/** True where the value at `path` is known, and is none of `accepted`. */
export function differs(value: Value, path: string, ...accepted: readonly Value[]): boolean {
  const found = at(value, path);
  return found !== unknown && !accepted.includes(found);
}

/** True for what a cloud takes as "not set". A value that is not known yet is set all the same. */
export function isEmpty(value: Value): boolean {
  return value === undefined || value === null || value === "" || value === 0;
}

/** Stacks that people depend on: `production`, `prod`, `prod-eu`, `prod_2`. */
export function isProduction(stackName: string): boolean {
  return /^prod(uction)?(?![a-z])/.test(stackName);
}

/** Settings as the engine hands them over: text, or JSON where they are more than that, by `<project>:<setting>`. */
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

/** How a value reads in a message. */
export function shown(value: Value): string {
  if (value === unknown) return "a value not known yet";
  return value === undefined ? "nothing" : JSON.stringify(value);
}

/** What other resources call this one by. */
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
