import type { SchemaObject } from "ajv";

import type { Translation } from "../translation";

/** The operation of the management SDK that creates a resource. */
export interface Operation {
  /** Python package, with the API's version where it has several, e.g. `azure.mgmt.cdn`. */
  readonly package: string;
  /** Class of the operations, e.g. `RoutesOperations`. */
  readonly operations: string;
  /** Its method, e.g. `begin_create`. */
  readonly method: string;
}

/** A type of `@pulumi/azure-native`. Parameters without a rule are the properties of the same name. */
export interface Model extends Translation {
  readonly operation?: Operation;
  /** Schema for what the management SDK does not cover: data planes and diagnostic settings. */
  readonly described?: SchemaObject;
}

/** The provider's values for parameters that a resource omits. */
export const defaults = {
  subscriptionId: "00000000-0000-4000-8000-000000000001",
  roleAssignmentName: "00000000-0000-4000-8000-000000000002",
};

const of = (name: string, operations: string, method: string, translation: Translation = {}): Model => ({
  operation: { package: `azure.mgmt.${name}`, operations: `${operations}Operations`, method },
  ...translation,
});

const cdn = (operations: string): Model => of("cdn", operations, "begin_create");

const text = { type: "string", minLength: 1 };

/** By https://learn.microsoft.com/rest/api/storageservices/set-blob-service-properties. */
const staticWebsite: SchemaObject = {
  type: "object",
  properties: {
    resourceGroupName: text,
    accountName: text,
    indexDocument: { type: "string", pattern: "^[\\w.-]+$", maxLength: 255 },
    error404Document: { type: "string", pattern: "^[\\w./-]+$", maxLength: 1024 },
  },
  required: ["resourceGroupName", "accountName", "indexDocument"],
  additionalProperties: false,
};

/** By https://learn.microsoft.com/rest/api/storageservices/put-blob and .../naming-and-referencing-containers--blobs--and-metadata. */
const blob: SchemaObject = {
  type: "object",
  properties: {
    resourceGroupName: text,
    accountName: text,
    containerName: text,
    blobName: { type: "string", pattern: "^[\\w./-]*\\w$", maxLength: 1024 },
    contentType: { type: "string", pattern: "^[\\w.+-]+/[\\w.+-]+(; charset=[\\w-]+)?$", maxLength: 255 },
    type: { enum: ["Append", "Block"] },
    source: { type: "object", required: ["hash"], anyOf: [{ required: ["path"] }, { required: ["text"] }] },
    metadata: {
      type: "object",
      // Values become header fields; no other key is used.
      properties: { release: { type: "string", pattern: "^[\\x21-\\x7e]+$", maxLength: 8192 } },
      additionalProperties: false,
    },
  },
  required: ["resourceGroupName", "accountName", "containerName", "blobName", "source"],
  additionalProperties: false,
};

/** By https://learn.microsoft.com/rest/api/monitor/diagnostic-settings/create-or-update. */
const diagnosticSetting: SchemaObject = {
  type: "object",
  properties: {
    name: text,
    resourceUri: text,
    workspaceId: text,
    logs: {
      type: "array",
      items: {
        type: "object",
        properties: { category: text, categoryGroup: text, enabled: { type: "boolean" } },
        required: ["enabled"],
        additionalProperties: false,
      },
    },
  },
  required: ["name", "resourceUri"],
  additionalProperties: false,
};

export const models: Readonly<Record<string, Model>> = {
  "azure-native:resources:ResourceGroup": of("resource.resources.v2024_11_01", "ResourceGroups", "create_or_update"),
  "azure-native:resources:Deployment": of("resource.resources.v2024_11_01", "Deployments", "begin_create_or_update"),
  "azure-native:managedidentity:UserAssignedIdentity": of(
    "msi.v2024_11_30",
    "UserAssignedIdentities",
    "create_or_update",
  ),
  "azure-native:authorization:RoleAssignment": of("authorization.v2022_04_01", "RoleAssignments", "create"),
  "azure-native:authorization:ManagementLockByScope": of(
    "resource.locks.v2016_09_01",
    "ManagementLocks",
    "create_or_update_by_scope",
  ),
  "azure-native:storage:StorageAccount": of("storage", "StorageAccounts", "begin_create", {
    rules: { enableHttpsTrafficOnly: "supportsHttpsTrafficOnly" },
  }),
  "azure-native:storage:BlobContainer": of("storage", "BlobContainers", "create"),
  "azure-native:storage:Table": of("storage", "Table", "create"),
  "azure-native:storage:StorageAccountStaticWebsite": { described: staticWebsite },
  "azure-native:storage:Blob": { described: blob },
  "azure-native:keyvault:Vault": of("keyvault", "Vaults", "begin_create_or_update"),
  "azure-native:keyvault:Secret": of("keyvault", "Secrets", "create_or_update"),
  "azure-native:operationalinsights:Workspace": of("loganalytics", "Workspaces", "begin_create_or_update"),
  "azure-native:applicationinsights:Component": of(
    "applicationinsights.v2020_02_02",
    "Components",
    "create_or_update",
    {
      rules: {
        applicationType: "Application_Type",
        disableLocalAuth: "DisableLocalAuth",
        flowType: "Flow_Type",
        ingestionMode: "IngestionMode",
        requestSource: "Request_Source",
        workspaceResourceId: "WorkspaceResourceId",
      },
    },
  ),
  "azure-native:web:AppServicePlan": of("web", "AppServicePlans", "begin_create_or_update"),
  "azure-native:web:WebApp": of("web", "WebApps", "begin_create_or_update", {
    // A list in the provider, the keys of a map in the API.
    rules: {
      "identity.userAssignedIdentities": (ids) => ({
        userAssignedIdentities: Array.isArray(ids) ? Object.fromEntries(ids.map((id) => [String(id), {}])) : ids,
      }),
      // Newer than the models; a relation checks it.
      "functionAppConfig.siteUpdateStrategy": () => ({}),
    },
  }),
  "azure-native:web:WebAppFtpAllowed": of("web", "WebApps", "update_ftp_allowed"),
  "azure-native:web:WebAppScmAllowed": of("web", "WebApps", "update_scm_allowed"),
  "azure-native:cdn:Profile": cdn("Profiles"),
  "azure-native:cdn:AFDEndpoint": cdn("AFDEndpoints"),
  "azure-native:cdn:AFDOriginGroup": cdn("AFDOriginGroups"),
  "azure-native:cdn:AFDOrigin": cdn("AFDOrigins"),
  "azure-native:cdn:AFDCustomDomain": cdn("AFDCustomDomains"),
  "azure-native:cdn:RuleSet": of("cdn", "RuleSets", "create"),
  "azure-native:cdn:Rule": cdn("Rules"),
  "azure-native:cdn:Route": cdn("Routes"),
  "azure-native:cdn:SecurityPolicy": cdn("SecurityPolicies"),
  "azure-native:frontdoor:Policy": of("frontdoor", "Policies", "begin_create_or_update"),
  "azure-native:monitor:DiagnosticSetting": { described: diagnosticSetting },
  "azure-native:monitor:ActionGroup": of("monitor", "ActionGroups", "create_or_update"),
  "azure-native:monitor:ScheduledQueryRule": of("monitor", "ScheduledQueryRules", "create_or_update"),
};
