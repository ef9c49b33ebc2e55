import { randomBytes } from "node:crypto";

import { account } from "./aws/types";
import { subscriptionId } from "./azure/types";
import type { CloudContext, InertType, Inputs } from "./resource-type";

/** With another value of these it is another resource, as with nearly all types of the three clouds. */
const identity = ["name", "namePrefix", "location", "region", "project", "resourceGroupName"] as const;

/** `aws:sqs/queue:Queue` as service `sqs` and kind `queue`. */
function parts(token: string): { service: string; kind: string } {
  const [, module = "", name = ""] = token.split(":");
  const [service = ""] = module.split("/");
  return { service, kind: name.charAt(0).toLowerCase() + name.slice(1) };
}

/** Names that no other resource of the type has: several records of one name are no conflict, for example. */
function unused(token: string, id: string, { store }: CloudContext): string {
  return store.get(token, id) === undefined ? id : `${id}-${randomBytes(4).toString("hex").slice(1)}`;
}

const text = (value: unknown, otherwise = "") => (typeof value === "string" ? value : otherwise);

const lastPart = (id: string) => id.split("/").at(-1);

/** What the resource is called: by the first of these inputs, else as its Pulumi resource with a random ending. */
function nameOf(inputs: Inputs, names: readonly string[], logicalName: string): string {
  const given = names.map((name) => inputs[name]).find((value) => typeof value === "string" && value !== "");
  return typeof given === "string" ? given : `${logicalName}-${randomBytes(4).toString("hex").slice(1)}`;
}

/** Services whose ARNs have no region, and those whose ARNs end in the bare name. */
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
