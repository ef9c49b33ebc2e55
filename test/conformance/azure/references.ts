import type { ByPath, Reference } from "../rules";

const to = (...types: string[]): Reference => ({ types });
const named = (type: string, by: string): Reference => ({ types: [type], by });

const group = { resourceGroupName: named("azure-native:resources:ResourceGroup", "resourceGroupName") };
const account = { ...group, accountName: named("azure-native:storage:StorageAccount", "accountName") };
const profile = { ...group, profileName: named("azure-native:cdn:Profile", "profileName") };
const app = { ...group, name: named("azure-native:web:WebApp", "name") };
const identity = to("azure-native:managedidentity:UserAssignedIdentity");

/** Inputs that have to name another resource of the program. */
export const references: ByPath<Reference> = {
  "azure-native:resources:Deployment": group,
  "azure-native:managedidentity:UserAssignedIdentity": group,
  "azure-native:authorization:RoleAssignment": {
    principalId: named("azure-native:managedidentity:UserAssignedIdentity", "principalId"),
    scope: to(
      "azure-native:storage:StorageAccount",
      "azure-native:storage:Table",
      "azure-native:storage:BlobContainer",
      "azure-native:applicationinsights:Component",
      "azure-native:keyvault:Secret",
    ),
  },
  "azure-native:authorization:ManagementLockByScope": { scope: to("azure-native:storage:StorageAccount") },
  "azure-native:storage:StorageAccount": group,
  "azure-native:storage:BlobContainer": account,
  "azure-native:storage:Table": account,
  "azure-native:storage:StorageAccountStaticWebsite": account,
  "azure-native:storage:Blob": {
    ...account,
    containerName: {
      types: ["azure-native:storage:BlobContainer", "azure-native:storage:StorageAccountStaticWebsite"],
      by: "containerName",
    },
  },
  "azure-native:keyvault:Vault": group,
  "azure-native:keyvault:Secret": { ...group, vaultName: named("azure-native:keyvault:Vault", "vaultName") },
  "azure-native:operationalinsights:Workspace": group,
  "azure-native:applicationinsights:Component": {
    ...group,
    workspaceResourceId: to("azure-native:operationalinsights:Workspace"),
  },
  "azure-native:web:AppServicePlan": group,
  "azure-native:web:WebApp": {
    ...group,
    serverFarmId: to("azure-native:web:AppServicePlan"),
    "identity.userAssignedIdentities": identity,
    "functionAppConfig.deployment.storage.authentication.userAssignedIdentityResourceId": identity,
    keyVaultReferenceIdentity: identity,
    "siteConfig.ipSecurityRestrictions.headers.x-azure-fdid": named("azure-native:cdn:Profile", "frontDoorId"),
  },
  "azure-native:web:WebAppFtpAllowed": app,
  "azure-native:web:WebAppScmAllowed": app,
  "azure-native:cdn:Profile": group,
  "azure-native:cdn:AFDEndpoint": profile,
  "azure-native:cdn:AFDOriginGroup": profile,
  "azure-native:cdn:AFDOrigin": {
    ...profile,
    originGroupName: named("azure-native:cdn:AFDOriginGroup", "originGroupName"),
  },
  "azure-native:cdn:AFDCustomDomain": profile,
  "azure-native:cdn:RuleSet": profile,
  "azure-native:cdn:Rule": { ...profile, ruleSetName: named("azure-native:cdn:RuleSet", "ruleSetName") },
  "azure-native:cdn:Route": {
    ...profile,
    endpointName: named("azure-native:cdn:AFDEndpoint", "endpointName"),
    "originGroup.id": to("azure-native:cdn:AFDOriginGroup"),
    "ruleSets.id": to("azure-native:cdn:RuleSet"),
    "customDomains.id": to("azure-native:cdn:AFDCustomDomain"),
  },
  "azure-native:cdn:SecurityPolicy": {
    ...profile,
    "parameters.wafPolicy.id": to("azure-native:frontdoor:Policy"),
    "parameters.associations.domains.id": to("azure-native:cdn:AFDEndpoint", "azure-native:cdn:AFDCustomDomain"),
  },
  "azure-native:frontdoor:Policy": group,
  "azure-native:monitor:DiagnosticSetting": {
    resourceUri: to("azure-native:cdn:Profile"),
    workspaceId: to("azure-native:operationalinsights:Workspace"),
  },
  "azure-native:monitor:ActionGroup": group,
  "azure-native:monitor:ScheduledQueryRule": {
    ...group,
    scopes: to("azure-native:operationalinsights:Workspace", "azure-native:applicationinsights:Component"),
    "actions.actionGroups": to("azure-native:monitor:ActionGroup"),
  },
};
