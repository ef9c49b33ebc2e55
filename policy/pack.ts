import {
  PolicyPack,
  type PolicyResource,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
} from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";

import { judge, type Resource, type ResourceRule, settingsOf, type StackRule, unknown, type Value } from "./rule";
import { rules } from "./rules";

/** The pack that `pulumi preview --policy-pack policy` loads: the table of rules, handed to the engine. */
new PolicyPack("multicloud-auto-deploy", {
  enforcementLevel: "mandatory",
  policies: rules.map((rule) => (rule.scope === "resource" ? resourcePolicy(rule) : stackPolicy(rule))),
});

function resourcePolicy(rule: ResourceRule): ResourceValidationPolicy {
  return {
    ...described(rule),
    validateResource: ({ type, name, urn, props }, report) => {
      if (!rule.types.includes(type)) return;
      const resource = { urn, type, name, properties: known(props), dependencies: {} };
      const message = judge(rule, resource, { name: pulumi.getStack(), configuration: {}, resources: [] });
      if (message !== undefined) report(message);
    },
  };
}

function stackPolicy(rule: StackRule): StackValidationPolicy {
  return {
    ...described(rule),
    validateStack: ({ resources }, report) => {
      const stack = {
        name: pulumi.getStack(),
        configuration: settingsOf(pulumi.runtime.allConfig()),
        resources: resources.map(seen),
      };
      for (const resource of stack.resources) {
        const message = judge(rule, resource, stack);
        if (message !== undefined) report(message, resource.urn);
      }
    },
  };
}

function described({ name, description, enforcement }: ResourceRule | StackRule) {
  return { name, description, enforcementLevel: enforcement ?? ("mandatory" as const) };
}

function seen({ urn, type, name, props, propertyDependencies }: PolicyResource): Resource {
  const dependencies = Object.fromEntries(
    Object.entries(propertyDependencies).map(([property, sources]) => [property, sources.map((source) => source.urn)]),
  );
  return { urn, type, name, properties: known(props), dependencies };
}

/** The properties with `unknown` for each that throws when it is read, which is how the engine says "not yet". */
function known(properties: object): Record<string, Value> {
  return Object.fromEntries(Object.keys(properties).map((key) => [key, read(properties, key)]));
}

function read(container: object, key: string): Value {
  let value: unknown;
  try {
    value = Reflect.get(container, key);
  } catch {
    return unknown;
  }
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value !== "object" || value === null) return null;
  const items = value;
  return Array.isArray(items) ? Object.keys(items).map((index) => read(items, index)) : known(items);
}
