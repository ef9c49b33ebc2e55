import { randomBytes } from "node:crypto";

import { account } from "./aws/types";
import { subscriptionId } from "./azure/types";
import type { CloudContext, InertType, Inputs } from "./resource-type";

/** Inputs whose change replaces the resource, as for nearly all types of the three clouds. */
const identity = ["name", "namePrefix", "location", "region", "project", "resourceGroupName"] as const;

/** Splits `aws:sqs/queue:Queue` into service `sqs` and kind `queue`. */
function parts(token: string): { service: string; kind: string } {
  const [, module = "", name = ""] = token.split(":");
  const [service = ""] = module.split("/");
  return { service, kind: name.charAt(0).toLowerCase() + name.slice(1) };
}

/** A name that is unique among the resources of the type: several records of one name, for example, are no conflict. */
function unused(token: string, id: string, { store }: CloudContext): string {
  return store.get(token, id) === undefined ? id : `${id}-${randomBytes(4).toString("hex").slice(1)}`;
}

const text = (value: unknown, otherwise = "") => (typeof value === "string" ? value : otherwise);

const lastPart = (id: string) => id.split("/").at(-1);

/** The resource's name: the first of these inputs, otherwise the name of the Pulumi resource with a random suffix. */
function nameOf(inputs: Inputs, names: readonly string[], logicalName: string): string {
  const given = names.map((name) => inputs[name]).find((value) => typeof value === "string" && value !== "");
  return typeof given === "string" ? given : `${logicalName}-${randomBytes(4).toString("hex").slice(1)}`;
}

/** Services whose ARNs have no region, and those whose ARNs end in the name only. */
const global: readonly string[] = ["iam", "cloudfront", "route53", "organizations", "budgets"];
const bare: readonly string[] = ["sqs", "sns", "s3"];

export const inertAws: InertType = (token) => {
  const { service, kind } = parts(token);
  return {
    replaceOn: identity,
    id: (inputs, context, logicalName) => unused(token, nameOf(inputs, ["name"], logicalName), context),
    outputs: ({ id, inputs }, { configuration }) => {
      const region = global.includes(service) ? "" : text(inputs.region, configuration.region);
      const name = typeof inputs.name === "string" ? inputs.name : id;
      const resource = bare.includes(service) ? name : `${kind}/${name}`;
      return { name, arn: `arn:aws:${service}:${region}:${account}:${resource}` };
    },
  };
};

export const inertAzure: InertType = (token) => {
  const { service, kind } = parts(token);
  return {
    replaceOn: identity,
    id: (inputs, context, logicalName) => {
      const name = nameOf(inputs, [`${kind}Name`, "resourceName", "name"], logicalName);
      const group = String(inputs.resourceGroupName);
      const path = `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/${service}/${kind}/${name}`;
      return unused(token, path, context);
    },
    outputs: ({ id }) => ({ name: lastPart(id) }),
  };
};

export const inertGcp: InertType = (token) => {
  const { kind } = parts(token);
  return {
    replaceOn: identity,
    id: (inputs, context, logicalName) => {
      const project = text(inputs.project, context.configuration.project);
      const name = nameOf(inputs, ["name", `${kind}Id`], logicalName);
      return unused(token, `projects/${project}/${kind}/${name}`, context);
    },
    outputs: ({ id, inputs }, { configuration }) => ({
      name: typeof inputs.name === "string" ? inputs.name : lastPart(id),
      project: inputs.project ?? configuration.project,
      selfLink: `https://www.googleapis.com/${id}`,
    }),
  };
};
