import type { Captured } from "../capture";
import { isRecord, models, type Rule, type Values } from "./models";

/** A resource of a CloudFormation template. */
export interface TemplateResource {
  readonly Type: string;
  readonly Properties: Values;
}

/** A call of an AWS API. */
export interface ApiCall {
  readonly service: string;
  readonly operation: string;
  readonly parameters: Values;
}

/** What a resource is held against. */
export interface Translated {
  /** Absent where CloudFormation has no such type. */
  readonly resource?: TemplateResource;
  /** Absent where CloudFormation's schema says as much. */
  readonly call?: ApiCall;
}

/**
 * A resource in the words of its models.
 *
 * @throws for a type that has none yet.
 */
export function translate({ type, inputs }: Pick<Captured, "type" | "inputs">): Translated {
  const model = models[type];
  if (model === undefined) throw new Error(`${type} is held against no model yet; add it to ${__dirname}/models.ts`);
  const { within, rules = {}, unmodelled = {}, sent = {}, call } = model;
  const modelled = Object.entries(inputs).filter(([name]) => !(name in unmodelled));
  const { Tags, ...properties } = merged(translatedFields(Object.fromEntries(modelled), "", rules), sent);
  const own = within === undefined ? properties : { [within]: properties };
  const all = { ...own, ...(Tags !== undefined && { Tags }) };
  return {
    ...(model.type !== undefined && { resource: { Type: model.type, Properties: all } }),
    ...(call && {
      call: {
        service: call.service,
        operation: call.operation,
        parameters: call.parameters?.(all, inputs) ?? all,
      },
    }),
  };
}

/** What a combination registers of CloudFormation's types, as one template's resources. */
export function templateOf(resources: readonly Captured[]): Record<string, TemplateResource> {
  const all: Record<string, TemplateResource> = {};
  for (const captured of resources) {
    const { resource } = translate(captured);
    if (resource === undefined) continue;
    const partOf = models[captured.type]?.partOf;
    const id = logicalId(partOf === undefined ? captured.urn : `${resource.Type} ${String(captured.inputs[partOf])}`);
    all[id] = { ...resource, Properties: merged(all[id]?.Properties ?? {}, resource.Properties) };
  }
  return all;
}

/** CloudFormation takes letters and digits. */
function logicalId(text: string): string {
  return text.replace(/[^A-Za-z0-9]/g, "");
}

function translatedFields(fields: Values, path: string, rules: Readonly<Record<string, Rule>>): Values {
  let all: Values = {};
  for (const [name, value] of Object.entries(fields)) {
    const at = path === "" ? name : `${path}.${name}`;
    const rule = rules[at] ?? name.charAt(0).toUpperCase() + name.slice(1);
    all = merged(all, typeof rule === "string" ? placed(rule, translated(value, at, rules)) : rule(value));
  }
  return all;
}

function translated(value: unknown, path: string, rules: Readonly<Record<string, Rule>>): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => translated(item, path, rules));
  return isRecord(value) ? translatedFields(value, path, rules) : value;
}

/** A value under a name with dots. */
function placed(name: string, value: unknown): Values {
  const [first = name, ...rest] = name.split(".");
  return { [first]: rest.length === 0 ? value : placed(rest.join("."), value) };
}

/** Both together, lists one after the other. */
function merged(one: Values, other: Values): Values {
  const all = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const known = all[name];
    if (isRecord(known) && isRecord(value)) all[name] = merged(known, value);
    else if (Array.isArray(known) && Array.isArray(value))
      all[name] = [...(known as unknown[]), ...(value as unknown[])];
    else all[name] = value;
  }
  return all;
}
