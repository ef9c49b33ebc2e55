import type { Call, Values } from "./calls";

/**
 * A property's counterpart in the vendor's model: its name there, with dots if it is nested, or a function to
 * properties, if the form differs.
 */
export type Rule = string | ((value: unknown) => Values);

/** Rules by path of the property, e.g. `serviceConfig.timeoutSeconds`; a list on the way stands for each item. */
export type Rules = Readonly<Record<string, Rule>>;

/** How a type of a Pulumi SDK maps to the call that creates it. */
export interface Translation {
  /** Parameters of the call, as templates of properties, e.g. `locations/{location}`. They are not part of the body. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Rules for the body. Properties without a parameter or a rule are part of it unchanged. */
  readonly rules?: Rules;
  /** The body, if the properties are only a part of it. */
  readonly body?: (properties: Values) => Values;
  /** Properties that belong to the provider, with their purpose. */
  readonly unmodelled?: Readonly<Record<string, string>>;
}

/** @param defaults of the provider, for templates with properties that the resource omits. */
export function callOf(translation: Translation, inputs: Values, defaults: Values): Call {
  const { parameters = {}, rules = {}, body = (properties: Values) => properties, unmodelled = {} } = translation;
  const filled = Object.entries(parameters).map(([name, template]) => {
    return [name, fill(template, { ...defaults, ...inputs })] as const;
  });
  const named = new Set(Object.values(parameters).flatMap(namesIn));
  const rest = Object.entries(inputs).filter(([name]) => !named.has(name) && !(name in unmodelled));
  return {
    parameters: Object.fromEntries(filled.filter(([, value]) => value !== undefined)),
    body: body(translated(Object.fromEntries(rest), rules)),
  };
}

function namesIn(template: string): string[] {
  return [...template.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
}

/** A template of a single property keeps its type, so that the schema reports a missing value or another type. */
function fill(template: string, values: Values): unknown {
  const odd = namesIn(template).find((name) => typeof values[name] !== "string");
  return odd === undefined ? template.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name])) : values[odd];
}

/**
 * Translates properties to the terms of a model.
 *
 * @param spelled the model's name for properties without a rule. Default: the same name.
 */
export function translated(
  properties: Values,
  rules: Rules,
  spelled: (name: string) => string = (name) => name,
  path = "",
): Values {
  const inner = (value: unknown, at: string): unknown => {
    if (Array.isArray(value)) return value.map((item: unknown) => inner(item, at));
    return isRecord(value) ? translated(value, rules, spelled, `${at}.`) : value;
  };
  let all: Values = {};
  for (const [name, value] of Object.entries(properties)) {
    const at = path + name;
    const rule = rules[at] ?? spelled(name);
    all = merged(all, typeof rule === "string" ? placed(rule, inner(value, at)) : rule(value));
  }
  return all;
}

/** Nests a value under a name with dots. */
function placed(name: string, value: unknown): Values {
  const [first = name, ...rest] = name.split(".");
  return { [first]: rest.length === 0 ? value : placed(rest.join("."), value) };
}

/** Merges objects recursively and concatenates lists. */
export function merged(one: Values, other: Values): Values {
  const all = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const known = all[name];
    if (isRecord(known) && isRecord(value)) all[name] = merged(known, value);
    else
      all[name] =
        Array.isArray(known) && Array.isArray(value) ? [...(known as unknown[]), ...(value as unknown[])] : value;
  }
  return all;
}

export function isRecord(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
