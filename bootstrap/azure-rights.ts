import type { Rights, TypeRights } from "./rights";

/**
 * What Azure Resource Manager checks of a type: PUT and PATCH are `write`, GET is `read`, DELETE is `delete`, a POST is the
 * action that its path ends in (Azure RBAC, "Control and data actions"; the resource provider operations of each namespace).
 */
const arm = (type: string, more: Partial<TypeRights> = {}): TypeRights => ({
  create: [`${type}/write`],
  read: [`${type}/read`],
  update: [`${type}/write`],
  delete: [`${type}/delete`],
  ...more,
});

const account = "Microsoft.Storage/storageAccounts";
/** azure-native uploads and reads blobs, and configures the static website, with an account key. */
const byKey = [`${account}/listKeys/action`];
/** Actions that assign an identity to an app, or a workspace to a log source. */
const assign = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
const join = "Microsoft.OperationalInsights/workspaces/sharedKeys/action";

/**
 * What Azure answers 202 to is asked for until it is done, at an address whose right is not among the type's own. The built-in
 * contributor roles have these too (Azure resource provider operations; "CDN Profile Contributor" for the wildcard, since
 * a result's path follows that of what is made).
 */
const polled = {
  cdn: ["Microsoft.Cdn/operationresults/*"],
  web: [
    "Microsoft.Web/locations/operationResults/read",
    "Microsoft.Web/locations/operations/read",
    "Microsoft.Web/serverfarms/operationresults/read",
    "Microsoft.Web/sites/operationresults/read",
    "Microsoft.Web/sites/operations/read",
  ],
  keyVault: ["Microsoft.KeyVault/locations/operationResults/read"],
  wafPolicy: ["Microsoft.Network/frontdooroperationresults/read"],
  workspace: ["Microsoft.OperationalInsights/locations/operationstatuses/read"],
  group: ["Microsoft.Resources/subscriptions/operationresults/read"],
} as const;

/** With the action that polls for completion. */
const polling = (operation: keyof typeof polled, type: TypeRights): TypeRights => {
  const { create, read, update = [], delete: deleted } = type;
  const asked = polled[operation];
  return {
    create: [...create, ...asked],
    read,
    update: [...update, ...asked],
    delete: deleted.length === 0 ? [] : [...deleted, ...asked],
  };
};

export const azureRights: Rights = {
  "azure-native:resources:ResourceGroup": polling("group", arm("Microsoft.Resources/subscriptions/resourceGroups")),
  "azure-native:storage:StorageAccount": arm(account),
  "azure-native:storage:BlobContainer": arm(`${account}/blobServices/containers`),
  "azure-native:storage:Table": arm(`${account}/tableServices/tables`),
  "azure-native:storage:StorageAccountStaticWebsite": { create: byKey, read: byKey, update: byKey, delete: byKey },
  "azure-native:storage:Blob": { create: byKey, read: byKey, update: byKey, delete: byKey },
  "azure-native:managedidentity:UserAssignedIdentity": arm("Microsoft.ManagedIdentity/userAssignedIdentities"),
  "azure-native:authorization:RoleAssignment": arm("Microsoft.Authorization/roleAssignments", {
    read: ["Microsoft.Authorization/roleAssignments/read", "Microsoft.Authorization/roleDefinitions/read"],
  }),
  "azure-native:authorization:ManagementLockByScope": arm("Microsoft.Authorization/locks"),
  "azure-native:keyvault:Vault": polling("keyVault", arm("Microsoft.KeyVault/vaults")),
  // Through the management API, which writes secrets and never returns their values.
  "azure-native:keyvault:Secret": arm("Microsoft.KeyVault/vaults/secrets", { delete: [] }),
  "azure-native:operationalinsights:Workspace": polling("workspace", arm("Microsoft.OperationalInsights/workspaces")),
  "azure-native:applicationinsights:Component": arm("Microsoft.Insights/components", {
    create: ["Microsoft.Insights/components/write", "Microsoft.OperationalInsights/workspaces/read"],
  }),
  "azure-native:web:AppServicePlan": polling("web", arm("Microsoft.Web/serverfarms")),
  "azure-native:web:WebApp": polling(
    "web",
    arm("Microsoft.Web/sites", {
      create: ["Microsoft.Web/sites/write", "Microsoft.Web/serverfarms/join/action", assign],
      // The provider reads the site's configuration with it.
      read: ["Microsoft.Web/sites/read", "Microsoft.Web/sites/config/read"],
      update: ["Microsoft.Web/sites/write", "Microsoft.Web/serverfarms/join/action", assign],
    }),
  ),
  "azure-native:web:WebAppFtpAllowed": arm("Microsoft.Web/sites/basicPublishingCredentialsPolicies", { delete: [] }),
  "azure-native:web:WebAppScmAllowed": arm("Microsoft.Web/sites/basicPublishingCredentialsPolicies", { delete: [] }),
  // Includes the template's resource: one deploy is an extension of the site.
  "azure-native:resources:Deployment": arm("Microsoft.Resources/deployments", {
    create: ["Microsoft.Resources/deployments/write", "Microsoft.Web/sites/extensions/write"],
    update: ["Microsoft.Resources/deployments/write", "Microsoft.Web/sites/extensions/write"],
    read: ["Microsoft.Resources/deployments/read", "Microsoft.Resources/deployments/operationstatuses/read"],
  }),
  "azure-native:cdn:Profile": polling("cdn", arm("Microsoft.Cdn/profiles")),
  "azure-native:cdn:AFDEndpoint": polling("cdn", arm("Microsoft.Cdn/profiles/afdEndpoints")),
  "azure-native:cdn:AFDOriginGroup": polling("cdn", arm("Microsoft.Cdn/profiles/originGroups")),
  "azure-native:cdn:AFDOrigin": polling("cdn", arm("Microsoft.Cdn/profiles/originGroups/origins")),
  "azure-native:cdn:RuleSet": polling("cdn", arm("Microsoft.Cdn/profiles/ruleSets")),
  "azure-native:cdn:Rule": polling("cdn", arm("Microsoft.Cdn/profiles/ruleSets/rules")),
  "azure-native:cdn:Route": polling("cdn", arm("Microsoft.Cdn/profiles/afdEndpoints/routes")),
  "azure-native:cdn:AFDCustomDomain": polling("cdn", arm("Microsoft.Cdn/profiles/customDomains")),
  "azure-native:cdn:SecurityPolicy": polling("cdn", arm("Microsoft.Cdn/profiles/securityPolicies")),
  "azure-native:frontdoor:Policy": polling(
    "wafPolicy",
    arm("Microsoft.Network/frontDoorWebApplicationFirewallPolicies", {
      create: [
        "Microsoft.Network/frontDoorWebApplicationFirewallPolicies/write",
        "Microsoft.Network/frontDoorWebApplicationFirewallPolicies/join/action",
      ],
    }),
  ),
  "azure-native:monitor:DiagnosticSetting": arm("Microsoft.Insights/diagnosticSettings", {
    create: ["Microsoft.Insights/diagnosticSettings/write", join],
    update: ["Microsoft.Insights/diagnosticSettings/write", join],
  }),
  "azure-native:monitor:ActionGroup": arm("Microsoft.Insights/actionGroups"),
  "azure-native:monitor:ScheduledQueryRule": arm("Microsoft.Insights/scheduledQueryRules"),
};
