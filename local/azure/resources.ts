import { z } from "zod";

import type { Resources } from "../store";
import { TypedResources } from "../typed-resources";

const blob = z.object({ path: z.string(), sha256: z.string() });
const reference = z.object({ id: z.string() });

/** Supported actions and conditions of Front Door rules; others are an error. */
const action = z.discriminatedUnion("name", [
  z.object({
    name: z.literal("ModifyResponseHeader"),
    parameters: z.object({
      headerAction: z.enum(["Overwrite", "Append", "Delete"]),
      headerName: z.string(),
      value: z.string().default(""),
    }),
  }),
  z.object({
    name: z.literal("UrlRewrite"),
    parameters: z.object({ sourcePattern: z.string(), destination: z.string(), preserveUnmatchedPath: z.boolean() }),
  }),
  z.object({ name: z.literal("RouteConfigurationOverride") }),
]);
const matching = { matchValues: z.array(z.string()).default([]), negateCondition: z.boolean().default(false) };
const condition = z.discriminatedUnion("name", [
  z.object({
    name: z.literal("UrlFileExtension"),
    parameters: z.object({ operator: z.enum(["Any", "Equal", "LessThan"]), ...matching }),
  }),
  z.object({
    name: z.literal("UrlFileName"),
    parameters: z.object({ operator: z.enum(["Any", "Equal", "RegEx"]), ...matching }),
  }),
]);

/** Where Event Grid delivers here. */
export const destinationSchema = z.discriminatedUnion("endpointType", [
  z.object({ endpointType: z.literal("StorageQueue"), resourceId: z.string(), queueName: z.string() }),
  z.object({ endpointType: z.literal("AzureFunction"), resourceId: z.string() }),
  z.object({ endpointType: z.literal("WebHook"), endpointUrl: z.url() }),
]);

const subscription = {
  id: z.string(),
  destination: destinationSchema,
  filter: z
    .object({
      includedEventTypes: z.array(z.string()).optional(),
      subjectBeginsWith: z.string().default(""),
      subjectEndsWith: z.string().default(""),
      isSubjectCaseSensitive: z.boolean().default(false),
    })
    .prefault({}),
  retryPolicy: z.object({ maxDeliveryAttempts: z.number().optional() }).optional(),
};

/** The properties of each resource type that the data planes read, by the type's own property names. */
const schemas = {
  "azure-native:web:WebApp": z.object({
    id: z.string(),
    name: z.string(),
    defaultHostName: z.string(),
    identity: z
      .object({
        userAssignedIdentities: z.union([
          z.array(z.string()),
          z.record(z.string(), z.unknown()).transform(Object.keys),
        ]),
      })
      .optional(),
    keyVaultReferenceIdentity: z.string().optional(),
    tags: z.record(z.string(), z.string()).default({}),
    functionAppConfig: z.object({
      runtime: z.object({ name: z.literal("python"), version: z.string() }),
      siteUpdateStrategy: z
        .object({ type: z.enum(["Recreate", "RollingUpdate"]).default("Recreate") })
        .default({ type: "Recreate" }),
    }),
    siteConfig: z
      .object({ appSettings: z.array(z.object({ name: z.string(), value: z.string() })).default([]) })
      .default({ appSettings: [] }),
  }),
  "azure-native:resources:Deployment": z.object({
    properties: z.object({
      template: z.object({
        resources: z.array(
          z.object({ type: z.string(), name: z.string(), properties: z.object({ packageUri: z.string().optional() }) }),
        ),
      }),
      parameters: z.record(z.string(), z.object({ value: z.unknown() })).default({}),
    }),
  }),
  "azure-native:managedidentity:UserAssignedIdentity": z.object({
    id: z.string(),
    clientId: z.string(),
    principalId: z.string(),
  }),
  "azure-native:keyvault:Secret": z.object({
    id: z.string(),
    vaultName: z.string(),
    secretName: z.string(),
    properties: z.object({ value: z.string() }),
  }),
  "azure-native:authorization:RoleAssignment": z.object({
    principalId: z.string(),
    roleDefinitionId: z.string(),
    scope: z.string(),
  }),
  "azure-native:storage:StorageAccount": z.object({
    id: z.string(),
    accountName: z.string(),
    primaryEndpoints: z.object({
      ...{ web: z.string(), table: z.string(), queue: z.string() },
      blob: z.string().default(""),
    }),
  }),
  "azure-native:storage:StorageAccountStaticWebsite": z.object({
    accountName: z.string(),
    indexDocument: z.string().optional(),
    error404Document: z.string().optional(),
  }),
  "azure-native:storage:Blob": z.object({
    id: z.string(),
    accountName: z.string(),
    containerName: z.string(),
    blobName: z.string(),
    url: z.string(),
    contentType: z.string().default("application/octet-stream"),
    source: blob,
    metadata: z.record(z.string(), z.string()).default({}),
  }),
  "azure-native:storage:BlobContainer": z.object({
    id: z.string(),
    accountName: z.string(),
    containerName: z.string(),
  }),
  "azure-native:eventgrid:SystemTopic": z.object({ id: z.string(), source: z.string() }),
  "azure-native:eventgrid:SystemTopicEventSubscription": z.object(subscription),
  "azure-native:eventgrid:EventSubscription": z.object({ ...subscription, scope: z.string() }),
  "azure-native:storage:Queue": z.object({ id: z.string(), accountName: z.string(), queueName: z.string() }),
  "azure-native:storage:Table": z.object({ id: z.string(), accountName: z.string(), tableName: z.string() }),
  "azure-native:cdn:AFDEndpoint": z.object({ id: z.string(), endpointName: z.string(), profileName: z.string() }),
  "azure-native:cdn:Route": z.object({
    routeName: z.string(),
    endpointName: z.string(),
    profileName: z.string(),
    enabledState: z.enum(["Enabled", "Disabled"]).default("Enabled"),
    originGroup: reference,
    originPath: z.string().default(""),
    patternsToMatch: z.array(z.string()).default(["/*"]),
    ruleSets: z.array(reference).default([]),
    cacheConfiguration: z
      .object({
        compressionSettings: z
          .object({
            isCompressionEnabled: z.boolean().default(false),
            contentTypesToCompress: z.array(z.string()).default([]),
          })
          .optional(),
      })
      .optional(),
  }),
  "azure-native:cdn:AFDOriginGroup": z.object({ id: z.string(), originGroupName: z.string() }),
  "azure-native:cdn:AFDOrigin": z.object({
    originGroupName: z.string(),
    profileName: z.string(),
    hostName: z.string(),
    originHostHeader: z.string().optional(),
    enabledState: z.enum(["Enabled", "Disabled"]).default("Enabled"),
    priority: z.number().default(1),
  }),
  "azure-native:cdn:RuleSet": z.object({ id: z.string(), ruleSetName: z.string() }),
  "azure-native:cdn:Rule": z.object({
    ruleSetName: z.string(),
    order: z.number(),
    actions: z.array(action).default([]),
    conditions: z.array(condition).default([]),
  }),
};

type Types = { [T in keyof typeof schemas]: z.output<(typeof schemas)[T]> };
export type Type = keyof Types;
/** A resource of a type, with the properties that a data plane reads. */
export type Resource<T extends Type> = Types[T];

/** The current resources of the local Azure. */
export class AzureResources extends TypedResources<Types> {
  constructor(stored: Resources) {
    super(schemas, stored);
  }
}

/** Definition ids of an identity's roles on a resource or its parents. */
export function rolesOn(
  resources: AzureResources,
  resourceId: string,
  { principalId }: Pick<Resource<"azure-native:managedidentity:UserAssignedIdentity">, "principalId">,
): string[] {
  return resources
    .list("azure-native:authorization:RoleAssignment")
    .filter((assignment) => assignment.principalId === principalId && isWithin(resourceId, assignment.scope))
    .map(({ roleDefinitionId }) => roleDefinitionId.split("/").at(-1) ?? "");
}

/** Whether a resource id equals a scope or is below it. */
export function isWithin(id: string, scope: string): boolean {
  return `${id.toLowerCase()}/`.startsWith(`${scope.toLowerCase()}/`);
}
