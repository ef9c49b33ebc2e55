import { awsIdentities } from "../../bootstrap/aws";
import type { Place } from "../../bootstrap/aws-policy";
import { azureIdentities } from "../../bootstrap/azure";
import { gcpIdentities } from "../../bootstrap/gcp";
import type { Identity } from "../../bootstrap/rights";
import { environmentOf, subjects } from "../../bootstrap/subjects";
import type { Cloud } from "../../contract/clouds";
import { awsTypes } from "../../local/aws/types";
import { azureTypes } from "../../local/azure/types";
import { gcpTypes } from "../../local/gcp/types";
import type { CloudContext } from "../../local/resource-type";
import type { Token } from "../../local/sign-in";
import type { StoredResource } from "../../local/store";
import { type CloudAnswers, record, type Registered } from "../components/mocks";

const repository = { name: "ada/shop", ownerId: "12", id: "34" };

/** The token of a job in the repository that the identities trust. */
export function tokenOf(identity: Identity, { stack }: Place): Token {
  return { subject: subjects(repository, environmentOf(identity, stack))[0], repository: repository.name };
}

/** The resources that `bootstrap/` creates for a stack, as the clouds store them. */
export async function deployedIdentities(place: Place): Promise<Record<Cloud, StoredResource[]>> {
  const trusted = (identity: Identity) => subjects(repository, environmentOf(identity, place.stack));
  const invokes = {
    "azure-native:authorization:getClientConfig": { subscriptionId: "subscription", tenantId: "tenant" },
    "gcp:organizations/getProject:getProject": { number: "42" },
  };
  const stored: StoredResource[] = [];
  const context = { configuration: { project: "project" } } as unknown as CloudContext;
  const answers: CloudAnswers = Object.fromEntries(
    Object.entries({ ...awsTypes, ...azureTypes, ...gcpTypes }).map(([type, { id: idOf }]) => {
      const answer = ({ inputs, name }: Registered) => {
        const id = idOf(inputs, context, name);
        const outputs = {
          ...{ arn: id, name: type.startsWith("gcp:") ? id : id.split("/").at(-1) },
          ...{ principalId: `principal of ${id}`, clientId: `client of ${id}` },
          email: `${String(inputs.accountId)}@project.iam.gserviceaccount.com`,
        };
        stored.push({ urn: "", type, id, inputs, outputs });
        return { ...outputs, id };
      };
      return [type, answer];
    }),
  );
  await record(() => void awsIdentities(place, trusted), { answers, invokes });
  await record(() => void azureIdentities({ ...place, location: "japaneast" }, trusted), { answers, invokes });
  await record(() => void gcpIdentities({ ...place, gcpProject: "project" }, repository.name, trusted), {
    answers,
    invokes,
  });
  const of = (prefix: string) => stored.filter(({ type }) => type.startsWith(`${prefix}:`));
  return { aws: of("aws"), azure: of("azure-native"), gcp: of("gcp") };
}

/** The same resources without one permission, in every document and role that has it. */
export function without(right: string, stored: readonly StoredResource[]): StoredResource[] {
  const reduced = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter((item) => item !== right).map(reduced);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, reduced(each)]));
  };
  return stored.map((resource) => {
    const { policy } = resource.inputs;
    const inputs = reduced(resource.inputs) as Record<string, unknown>;
    return {
      ...resource,
      inputs:
        resource.type === "aws:iam/policy:Policy" && typeof policy === "string"
          ? { ...inputs, policy: JSON.stringify(reduced(JSON.parse(policy))) }
          : inputs,
    };
  });
}
