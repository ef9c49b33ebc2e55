import { createHash } from "node:crypto";

import { PathTemplate } from "../path-template";
import { blobsExtensionKey, undeliverable } from "./event-grid";
import { AzureResources, destinationSchema } from "./resources";
import type { CloudContext, Draft, Inputs, Reference, ResourceType, Rule } from "../resource-type";
import type { Properties } from "../provider-server";

/** The subscription and tenant that own all local resources. */
export const subscriptionId = "00000000-0000-4000-8000-000000000001";
const tenantId = "00000000-0000-4000-8000-000000000002";

/** A GUID derived from a text. */
function guid(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}

const matching = (pattern: RegExp, expected: string): Rule => ({
  accepts: (value) => typeof value === "string" && pattern.test(value),
  expected,
});

const oneOf = (...values: unknown[]): Rule => ({
  accepts: (value) => values.includes(value),
  expected: `one of ${values.join(", ")}`,
});

interface ArmType extends Omit<ResourceType, "id" | "outputs"> {
  readonly outputs?: (draft: Draft, context: CloudContext, previous: Inputs) => Inputs | Promise<Inputs>;
}

const group: Reference = { type: "azure-native:resources:ResourceGroup", by: "name" };

/** A resource in a resource group, by its path below `providers/`. */
function arm(path: string, type: ArmType = {}): ResourceType {
  const template = new PathTemplate(
    `/subscriptions/${subscriptionId}/resourceGroups/{resourceGroupName}/providers/${path}`,
  );
  return {
    ...type,
    required: [...template.properties, ...(type.required ?? [])],
    references: { resourceGroupName: group, ...type.references },
    replaceOn: [...template.properties, "location", ...(type.replaceOn ?? [])],
    id: (inputs) => template.fill(inputs),
    outputs: async (draft, context, previous) => ({
      name: draft.id.split("/").at(-1),
      ...(await type.outputs?.(draft, context, previous)),
    }),
  };
}

const account: Reference = { type: "azure-native:storage:StorageAccount", by: "name" };
const profile: Reference = { type: "azure-native:cdn:Profile", by: "name" };
const byId = (type: string): Reference => ({ type });

const storage = "Microsoft.Storage/storageAccounts/{accountName}";
const frontDoor = "Microsoft.Cdn/profiles/{profileName}";

/** An event subscription of a storage account, however it names the account. */
const eventSubscription: Omit<ArmType, "outputs"> = {
  name: "eventSubscriptionName",
  required: ["destination.endpointType"],
  rules: {
    "destination.endpointType": oneOf("StorageQueue", "AzureFunction", "WebHook"),
    eventSubscriptionName: matching(/^[A-Za-z0-9-]{3,64}$/, "3 to 64 letters, digits and hyphens"),
    eventDeliverySchema: oneOf(undefined, "EventGridSchema"),
    "filter.advancedFilters": oneOf(undefined),
    deadLetterDestination: oneOf(undefined),
    deliveryWithResourceIdentity: oneOf(undefined),
    deadLetterWithResourceIdentity: oneOf(undefined),
  },
  refuses: ({ destination }, { store }) => {
    const refused = undeliverable(new AzureResources(store), destinationSchema.parse(destination));
    return refused === undefined ? undefined : `Code="InvalidRequest": ${refused}`;
  },
};

export const azureTypes: Readonly<Record<string, ResourceType>> = {
  "azure-native:resources:ResourceGroup": {
    required: ["resourceGroupName", "location"],
    rules: { resourceGroupName: matching(/^[\w().-]{0,89}[\w()-]$/, "1 to 90 letters, digits, ( ) . _ -") },
    replaceOn: ["resourceGroupName", "location"],
    id: (inputs) => `/subscriptions/${subscriptionId}/resourceGroups/${String(inputs.resourceGroupName)}`,
    outputs: ({ inputs }) => ({ name: inputs.resourceGroupName }),
  },
  "azure-native:storage:StorageAccount": arm(storage, {
    required: ["kind", "sku.name", "location"],
    rules: {
      accountName: matching(/^[a-z0-9]{3,24}$/, "3 to 24 lower-case letters and digits"),
      minimumTlsVersion: oneOf("TLS1_2", "TLS1_3"),
    },
    outputs: ({ inputs }) => ({
      primaryEndpoints: Object.fromEntries(
        ["blob", "queue", "table", "web"].map((part) => [part, endpoint(String(inputs.accountName), part)]),
      ),
    }),
  }),
  "azure-native:storage:BlobContainer": arm(`${storage}/blobServices/default/containers/{containerName}`, {
    references: { accountName: account },
    contains: (inner, { inputs }) =>
      inner.type === "azure-native:storage:Blob" &&
      inner.inputs.accountName === inputs.accountName &&
      inner.inputs.containerName === inputs.containerName,
  }),
  "azure-native:storage:Table": arm(`${storage}/tableServices/default/tables/{tableName}`, {
    references: { accountName: account },
    rules: { tableName: matching(/^[A-Za-z][A-Za-z0-9]{2,62}$/, "3 to 63 letters and digits, a letter first") },
  }),
  "azure-native:storage:Queue": arm(`${storage}/queueServices/default/queues/{queueName}`, {
    references: { accountName: account },
    rules: {
      queueName: matching(
        /^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/,
        "3 to 63 lower-case letters, digits and single hyphens between them",
      ),
    },
  }),
  "azure-native:eventgrid:SystemTopic": arm("Microsoft.EventGrid/systemTopics/{systemTopicName}", {
    name: "systemTopicName",
    required: ["location", "source", "topicType"],
    rules: { topicType: oneOf("Microsoft.Storage.StorageAccounts") },
    references: { source: byId("azure-native:storage:StorageAccount") },
    replaceOn: ["source", "topicType"],
  }),
  "azure-native:eventgrid:SystemTopicEventSubscription": arm(
    "Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}",
    {
      ...eventSubscription,
      references: { systemTopicName: { type: "azure-native:eventgrid:SystemTopic", by: "name" } },
    },
  ),
  "azure-native:eventgrid:EventSubscription": {
    ...eventSubscription,
    required: ["scope", "eventSubscriptionName", ...(eventSubscription.required ?? [])],
    references: { scope: byId("azure-native:storage:StorageAccount") },
    replaceOn: ["scope", "eventSubscriptionName"],
    id: ({ scope, eventSubscriptionName }) =>
      `${String(scope)}/providers/Microsoft.EventGrid/eventSubscriptions/${String(eventSubscriptionName)}`,
    outputs: ({ inputs }) => ({ name: inputs.eventSubscriptionName }),
  },
  "azure-native:storage:StorageAccountStaticWebsite": arm(`${storage}/staticWebsite`, {
    references: { accountName: account },
    outputs: () => ({ containerName: "$web" }),
  }),
  "azure-native:storage:Blob": arm(`${storage}/blobServices/default/containers/{containerName}/blobs/{blobName}`, {
    references: { accountName: account },
    replaceOn: ["type"],
    outputs: ({ inputs }) => ({
      name: inputs.blobName,
      url: `${endpoint(String(inputs.accountName), "blob")}${String(inputs.containerName)}/${String(inputs.blobName)}`,
    }),
  }),
  "azure-native:managedidentity:UserAssignedIdentity": arm(
    "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
    { outputs: ({ id }) => ({ clientId: guid(`client ${id}`), principalId: guid(`principal ${id}`), tenantId }) },
  ),
  "azure-native:managedidentity:FederatedIdentityCredential": arm(
    "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}",
    {
      required: ["issuer", "subject", "audiences"],
      rules: {
        federatedIdentityCredentialResourceName: matching(
          /^[A-Za-z0-9][\w-]{2,119}$/,
          "3 to 120 letters, digits, - and _, a letter or a digit first",
        ),
      },
      references: { resourceName: { type: "azure-native:managedidentity:UserAssignedIdentity", by: "name" } },
    },
  ),
  "azure-native:authorization:RoleDefinition": {
    required: ["scope", "roleName", "assignableScopes"],
    // Names are unique within a tenant.
    refuses: ({ roleName }, { store }, id) =>
      store
        .list("azure-native:authorization:RoleDefinition")
        .some((other) => other.id !== id && other.inputs.roleName === roleName)
        ? `Code="RoleDefinitionWithSameNameExists": A custom role with the same name already exists in this directory: ${String(roleName)}`
        : undefined,
    replaceOn: ["scope", "roleDefinitionId"],
    id: ({ scope, roleName }) =>
      `${String(scope)}/providers/Microsoft.Authorization/roleDefinitions/${guid(String(roleName))}`,
    outputs: ({ id }) => ({ name: id.split("/").at(-1) }),
  },
  "azure-native:authorization:RoleAssignment": {
    required: ["scope", "roleDefinitionId", "principalId", "principalType"],
    rules: { principalType: oneOf("ServicePrincipal", "User", "Group") },
    references: {
      principalId: { type: "azure-native:managedidentity:UserAssignedIdentity", by: "principalId" },
    },
    replaceOn: ["scope", "roleDefinitionId", "principalId", "principalType", "roleAssignmentName"],
    id: (inputs) =>
      `${String(inputs.scope)}/providers/Microsoft.Authorization/roleAssignments/` +
      guid(`${String(inputs.scope)} ${String(inputs.roleDefinitionId)} ${String(inputs.principalId)}`),
    outputs: ({ id }) => ({ name: id.split("/").at(-1) }),
  },
  "azure-native:authorization:ManagementLockByScope": {
    required: ["scope", "level"],
    rules: { level: oneOf("CanNotDelete", "ReadOnly") },
    replaceOn: ["scope", "lockName"],
    id: (inputs) => `${String(inputs.scope)}/providers/Microsoft.Authorization/locks/${String(inputs.lockName)}`,
    outputs: ({ inputs }) => ({ name: inputs.lockName }),
  },
  "azure-native:keyvault:Vault": arm("Microsoft.KeyVault/vaults/{vaultName}", {
    name: "vaultName",
    required: ["properties.tenantId", "properties.sku.family", "properties.sku.name", "location"],
    rules: {
      vaultName: matching(
        /^[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]$/,
        "3 to 24 letters, digits and single hyphens, a letter first",
      ),
      "properties.enablePurgeProtection": oneOf(undefined, true),
    },
    outputs: ({ inputs }) => ({
      properties: {
        ...(inputs.properties as Inputs),
        vaultUri: `https://${String(inputs.vaultName)}.vault.azure.net/`,
      },
    }),
  }),
  "azure-native:keyvault:Secret": arm("Microsoft.KeyVault/vaults/{vaultName}/secrets/{secretName}", {
    required: ["properties.value"],
    rules: { secretName: matching(/^[A-Za-z0-9-]{1,127}$/, "1 to 127 letters, digits and hyphens") },
    references: { vaultName: { type: "azure-native:keyvault:Vault", by: "name" } },
    // The service does not return the value.
    outputs: ({ inputs: { vaultName, secretName, properties } }) => ({
      properties: secretAddress(
        String(vaultName),
        String(secretName),
        String((properties as { value?: unknown }).value),
      ),
    }),
  }),
  "azure-native:operationalinsights:Workspace": arm("Microsoft.OperationalInsights/workspaces/{workspaceName}", {
    rules: { retentionInDays: { accepts: (days) => Number(days) >= 7 && Number(days) <= 730, expected: "7 to 730" } },
    // One that comes back has the id, and with it the log, that it had.
    outputs: (_, { store }, { customerId }) => ({
      customerId: customerId ?? guid(`workspace ${store.next("workspace")}`),
    }),
  }),
  "azure-native:applicationinsights:Component": arm("Microsoft.Insights/components/{resourceName}", {
    required: ["kind", "applicationType"],
    references: { workspaceResourceId: byId("azure-native:operationalinsights:Workspace") },
    outputs: ({ id }) => ({ connectionString: `InstrumentationKey=${guid(id)}`, instrumentationKey: guid(id) }),
  }),
  "azure-native:web:AppServicePlan": arm("Microsoft.Web/serverfarms/{name}", { required: ["sku.name", "location"] }),
  "azure-native:web:WebApp": arm("Microsoft.Web/sites/{name}", {
    required: ["serverFarmId", "functionAppConfig.runtime.version", "location"],
    rules: {
      name: matching(/^[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]$/, "2 to 60 letters, digits and hyphens"),
      "functionAppConfig.runtime.version": oneOf("3.10", "3.11", "3.12", "3.13"),
      "functionAppConfig.scaleAndConcurrency.instanceMemoryMB": oneOf(512, 2048, 4096),
      // Code 51021: "... is not allowed for Flex Consumption". The same holds for other language versions, which
      // nothing here sets.
      "siteConfig.netFrameworkVersion": oneOf(undefined),
    },
    references: {
      serverFarmId: byId("azure-native:web:AppServicePlan"),
      keyVaultReferenceIdentity: byId("azure-native:managedidentity:UserAssignedIdentity"),
      "identity.userAssignedIdentities": byId("azure-native:managedidentity:UserAssignedIdentity"),
    },
    outputs: async (_, context, previous) => ({
      defaultHostName: previous.defaultHostName ?? (await context.freeAddress()),
    }),
  }),
  "azure-native:web:WebAppFtpAllowed": arm("Microsoft.Web/sites/{name}/basicPublishingCredentialsPolicies/ftp", {
    required: ["allow"],
    references: { name: { type: "azure-native:web:WebApp", by: "name" } },
  }),
  "azure-native:web:WebAppScmAllowed": arm("Microsoft.Web/sites/{name}/basicPublishingCredentialsPolicies/scm", {
    required: ["allow"],
    references: { name: { type: "azure-native:web:WebApp", by: "name" } },
  }),
  "azure-native:resources:Deployment": arm("Microsoft.Resources/deployments/{deploymentName}", {
    required: ["properties.mode", "properties.template"],
    rules: { "properties.mode": oneOf("Incremental", "Complete") },
  }),
  "azure-native:cdn:Profile": arm(frontDoor, {
    required: ["sku.name"],
    rules: { "sku.name": oneOf("Standard_AzureFrontDoor", "Premium_AzureFrontDoor") },
    outputs: ({ id }) => ({ frontDoorId: guid(`front door ${id}`) }),
  }),
  "azure-native:cdn:AFDEndpoint": arm(`${frontDoor}/afdEndpoints/{endpointName}`, {
    references: { profileName: profile },
    rules: {
      endpointName: matching(/^[A-Za-z0-9][A-Za-z0-9-]{0,44}[A-Za-z0-9]$/, "2 to 46 letters, digits and hyphens"),
    },
    outputs: async (_, context, previous) => ({ hostName: previous.hostName ?? (await context.freeAddress()) }),
  }),
  "azure-native:cdn:AFDOriginGroup": arm(`${frontDoor}/originGroups/{originGroupName}`, {
    references: { profileName: profile },
  }),
  "azure-native:cdn:AFDOrigin": arm(`${frontDoor}/originGroups/{originGroupName}/origins/{originName}`, {
    required: ["hostName"],
    references: { profileName: profile, originGroupName: { type: "azure-native:cdn:AFDOriginGroup", by: "name" } },
  }),
  "azure-native:cdn:RuleSet": arm(`${frontDoor}/ruleSets/{ruleSetName}`, { references: { profileName: profile } }),
  "azure-native:cdn:Rule": arm(`${frontDoor}/ruleSets/{ruleSetName}/rules/{ruleName}`, {
    required: ["actions", "order"],
    references: { profileName: profile, ruleSetName: { type: "azure-native:cdn:RuleSet", by: "name" } },
  }),
  "azure-native:cdn:Route": arm(`${frontDoor}/afdEndpoints/{endpointName}/routes/{routeName}`, {
    required: ["originGroup.id"],
    references: {
      profileName: profile,
      endpointName: { type: "azure-native:cdn:AFDEndpoint", by: "name" },
      "originGroup.id": byId("azure-native:cdn:AFDOriginGroup"),
      "ruleSets.id": byId("azure-native:cdn:RuleSet"),
    },
  }),
  "azure-native:cdn:AFDCustomDomain": arm(`${frontDoor}/customDomains/{customDomainName}`, {
    required: ["hostName"],
    references: { profileName: profile },
    outputs: ({ id }) => ({
      validationProperties: { validationToken: guid(id), expirationDate: "2099-01-01T00:00:00Z" },
    }),
  }),
  "azure-native:monitor:DiagnosticSetting": {
    required: ["name", "resourceUri"],
    references: {
      resourceUri: byId("azure-native:cdn:Profile"),
      workspaceId: byId("azure-native:operationalinsights:Workspace"),
    },
    replaceOn: ["name", "resourceUri"],
    id: ({ resourceUri, name }) =>
      `${String(resourceUri)}/providers/Microsoft.Insights/diagnosticSettings/${String(name)}`,
  },
  "azure-native:monitor:ActionGroup": arm("Microsoft.Insights/actionGroups/{actionGroupName}", {
    required: ["groupShortName", "enabled"],
    rules: { groupShortName: matching(/^.{1,12}$/, "1 to 12 characters") },
  }),
  "azure-native:monitor:ScheduledQueryRule": arm("Microsoft.Insights/scheduledQueryRules/{ruleName}", {
    required: ["scopes", "criteria.allOf"],
    references: { "actions.actionGroups": byId("azure-native:monitor:ActionGroup") },
  }),
  "azure-native:frontdoor:Policy": arm("Microsoft.Network/frontDoorWebApplicationFirewallPolicies/{policyName}", {
    rules: { resourceGroupName: matching(/^.{1,80}$/, "a group whose name has 1 to 80 characters") },
  }),
  "azure-native:cdn:SecurityPolicy": arm(`${frontDoor}/securityPolicies/{securityPolicyName}`, {
    required: ["parameters"],
    references: { profileName: profile },
  }),
};

/** Addresses of a secret and of this version of it. */
export function secretAddress(vaultName: string, secretName: string, value: string) {
  const secretUri = `https://${vaultName.toLowerCase()}.vault.azure.net/secrets/${secretName}`;
  const version = createHash("sha256").update(`${secretUri} ${value}`).digest("hex").slice(0, 32);
  return { secretUri, secretUriWithVersion: `${secretUri}/${version}` };
}

function endpoint(accountName: string, part: string): string {
  const zone = part === "web" ? "z11.web" : part;
  return `https://${accountName}.${zone}.core.windows.net/`;
}

/** GET of a resource: its properties, or 404. */
const got =
  (type: string) =>
  (args: Properties, context: CloudContext): Properties => {
    const id = azureTypes[type]?.id(args, context, "") ?? "";
    const found = context.store.get(type, id);
    if (found === undefined) throw new Error(`GET ${id}\nRESPONSE 404: 404 Not Found\nERROR CODE: ResourceNotFound`);
    return { ...found.inputs, ...found.outputs, id };
  };

export const azureInvokes: Readonly<Record<string, (args: Properties, context: CloudContext) => Properties>> = {
  "azure-native:storage:getBlobContainer": got("azure-native:storage:BlobContainer"),
  "azure-native:cdn:getRoute": got("azure-native:cdn:Route"),
  "azure-native:web:getWebApp": got("azure-native:web:WebApp"),
  "azure-native:authorization:getClientConfig": () => ({
    subscriptionId,
    tenantId,
    clientId: guid("client"),
    objectId: guid("object"),
  }),
  /** Of the host's keys, the one of the blobs extension opens something here. */
  "azure-native:web:listWebAppHostKeys": (args, context) => {
    const id = azureTypes["azure-native:web:WebApp"]?.id(args, context, "") ?? "";
    if (context.store.get("azure-native:web:WebApp", id) === undefined)
      throw new Error(`POST ${id}/host/default/listkeys\nRESPONSE 404: 404 Not Found\nERROR CODE: ResourceNotFound`);
    return { masterKey: "", functionKeys: {}, systemKeys: { blobs_extension: blobsExtensionKey(id) } };
  },
  /** A signature is the same for the same arguments. */
  "azure-native:storage:listStorageAccountServiceSAS": (args) => ({
    serviceSasToken: `sv=2021-06-08&sr=b&sig=${createHash("sha256").update(JSON.stringify(args)).digest("hex")}`,
  }),
};
