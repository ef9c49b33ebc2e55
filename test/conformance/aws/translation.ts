import type { Captured } from "../capture";
import type { Values } from "../calls";
import { merged, translated } from "../translation";
import { models } from "./models";

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

/** A resource in the form of its models. */
export interface Translated {
  /** Absent if CloudFormation has no such type. */
  readonly resource?: TemplateResource;
  readonly call: ApiCall;
}

/**
 * Translates a resource to the terms of its models.
 *
 * @throws for a type without a model.
 */
export function translate({ type, inputs }: Pick<Captured, "type" | "inputs">): Translated {
  const model = models[type];
  if (model === undefined) throw new Error(`${type} is held against no model yet; add it to ${__dirname}/models.ts`);
  const { within, rules = {}, unmodelled = {}, sent = {}, call } = model;
  const modelled = Object.entries(inputs).filter(([name]) => !(name in unmodelled));
  const { Tags, ...properties } = merged(translated(Object.fromEntries(modelled), rules, capitalised), sent);
  const own = within === undefined ? properties : { [within]: properties };
  const all = { ...own, ...(Tags !== undefined && { Tags }) };
  return {
    ...(model.type !== undefined && { resource: { Type: model.type, Properties: all } }),
    call: { service: call.service, operation: call.operation, parameters: call.parameters?.(all, inputs) ?? all },
  };
}

/** The resources of a combination that CloudFormation has types for, as one template. */
export function templateOf(resources: readonly Captured[]): Record<string, TemplateResource> {
  const all: Record<string, TemplateResource> = {};
  for (const captured of resources) {
    const { resource } = translate(captured);
    if (resource === undefined) continue;
    const partOf = models[captured.type]?.partOf;
    const id = logicalId(
      partOf === undefined
        ? captured.urn
        : `${resource.Type} ${String(captured.inputs[partOf] ?? captured.outputs[partOf])}`,
    );
    all[id] = { ...resource, Properties: merged(all[id]?.Properties ?? {}, resource.Properties) };
  }
  return all;
}

/** CloudFormation accepts only letters and digits. */
function logicalId(text: string): string {
  return text.replace(/[^A-Za-z0-9]/g, "");
}

/** CloudFormation's names begin with a capital letter. */
function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
