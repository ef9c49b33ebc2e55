import type { Cloud } from "../contract/clouds";
import { awsRights } from "./aws-rights";
import { azureRights } from "./azure-rights";
import { type Command, commandCalls } from "./commands";
import { gcpRights } from "./gcp-rights";

/** Permissions that a provider may need for each operation on a resource type, in the cloud's terms. */
export interface TypeRights {
  readonly create: readonly string[];
  readonly read: readonly string[];
  /** Absent if every change is a replacement. */
  readonly update?: readonly string[];
  /** Empty if the provider deletes nothing. */
  readonly delete: readonly string[];
}

export type Operation = keyof TypeRights;

export type Rights = Readonly<Record<string, TypeRights>>;

/** By the type tokens of the cloud's provider, for each type that the program declares. */
export const rights: Readonly<Record<Cloud, Rights>> = { aws: awsRights, azure: azureRights, gcp: gcpRights };

/**
 * The identities: `deploy` runs updates, `preview` runs previews without reading the clouds' resources, `drift` compares
 * the stack with them.
 */
export const identities = ["deploy", "preview", "drift"] as const;
export type Identity = (typeof identities)[number];

/** Provider functions that the program calls in each run, with their permissions. */
export const invokeRights: Readonly<Record<Cloud, Readonly<Record<string, readonly string[]>>>> = {
  // `sts:GetCallerIdentity` cannot be refused.
  aws: {},
  azure: {
    "azure-native:storage:listStorageAccountServiceSAS": ["Microsoft.Storage/storageAccounts/listServiceSas/action"],
    "azure-native:storage:getBlobContainer": ["Microsoft.Storage/storageAccounts/blobServices/containers/read"],
    "azure-native:cdn:getRoute": ["Microsoft.Cdn/profiles/afdEndpoints/routes/read"],
    "azure-native:web:getWebApp": ["Microsoft.Web/sites/read"],
  },
  gcp: { "gcp:organizations/getProject:getProject": ["resourcemanager.projects.get"] },
};

/** Commands of an identity besides the engine; `.github/workflows/deploy-stack.yml` runs `diagnose` as `deploy`. */
const commandsOf: Readonly<Record<Identity, readonly Command[]>> = {
  deploy: [
    ...(["version-check", "former-version", "smoke-check", "canary"] as const),
    ...(["diagnose", "releases", "rollback", "prune"] as const),
  ],
  preview: [],
  drift: ["diagnose"],
};

/** All permissions of an operation, including reading back. */
export function needed(of: TypeRights, operation: Operation): readonly string[] {
  return [...new Set([...(of[operation] ?? []), ...(operation === "delete" ? [] : of.read)])];
}

/** Permissions of an identity on a cloud, for all types of the program; sorted. */
export function rightsOf(cloud: Cloud, identity: Identity): string[] {
  const types = Object.values(rights[cloud]);
  const onResources = {
    deploy: types.flatMap((type) => [...type.create, ...type.read, ...(type.update ?? []), ...type.delete]),
    preview: [],
    drift: types.flatMap(({ read }) => read),
  }[identity];
  const ofCommands = commandsOf[identity].flatMap((command) => Object.values(commandCalls[cloud][command]).flat());
  return [...new Set([...onResources, ...Object.values(invokeRights[cloud]).flat(), ...ofCommands])].sort();
}
