import { at, differs, isEmpty, isObject, isProduction, listAt, referring, type Rule, shown, type Value } from "./rule";

const types = {
  assignment: "azure-native:authorization:RoleAssignment",
  app: "azure-native:web:WebApp",
  route: "azure-native:cdn:Route",
  blob: "azure-native:storage:Blob",
  storage: "azure-native:storage:StorageAccount",
  table: "azure-native:storage:Table",
  vault: "azure-native:keyvault:Vault",
  workspace: "azure-native:operationalinsights:Workspace",
} as const;

/** Roles that may change resources or hand out roles, by their definition ids (Microsoft's list of built-in roles). */
const administrators: Readonly<Record<string, string>> = {
  "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
  "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
  "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
  "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
};

const storageRules: readonly Rule[] = [
  {
    name: "azure-storage-tls-floor",
    description: "A storage account takes HTTPS alone, TLS 1.2 at least.",
    references: ["CKV_AZURE_3", "CKV_AZURE_44"],
    types: [types.storage],
    scope: "resource",
    remedy: "Set minimumTlsVersion to TLS1_2 and leave enableHttpsTrafficOnly on",
    check: ({ properties }) => {
      if (properties.enableHttpsTrafficOnly === false) return "the account answers over plain HTTP";
      return differs(properties, "minimumTlsVersion", "TLS1_2", "TLS1_3")
        ? `its TLS floor is ${shown(properties.minimumTlsVersion)}`
        : undefined;
    },
  },
  {
    name: "azure-storage-no-public-blobs",
    description: "No container of a storage account can be opened to everybody.",
    references: ["CKV_AZURE_34", "CKV_AZURE_59", "CKV_AZURE_190"],
    types: [types.storage],
    scope: "resource",
    remedy: "Set allowBlobPublicAccess to false; the static website's $web is served all the same",
    check: ({ properties }) =>
      differs(properties, "allowBlobPublicAccess", false) ? "blobs of the account can be made public" : undefined,
  },
  {
    name: "azure-storage-no-shared-key",
    description: "The function's storage account is reached by identity, never by its key.",
    references: ["CKV2_AZURE_40"],
    types: [types.storage],
    scope: "stack",
    remedy: "Set allowSharedKeyAccess to false and give the function's identity a role on the account",
    check: (account, stack) => {
      // The provider uploads with the account's key, so an account that files are uploaded to keeps it.
      if (referring(stack, types.blob, "accountName", account).length > 0) return undefined;
      return differs(account.properties, "allowSharedKeyAccess", false) ? "the account accepts its key" : undefined;
    },
  },
];

/** Texts with which an account's key or a shared access signature gives itself away. */
const storageSecret = /AccountKey=|SharedAccessSignature=|[?&]sig=/;

const dataRules: readonly Rule[] = [
  {
    name: "azure-table-deletion-protected",
    description: "A production table's account cannot be deleted.",
    references: [],
    types: [types.storage],
    scope: "stack",
    remedy: "Set deletionProtection to true in the stack's settings",
    check: (account, stack) => {
      if (!isProduction(stack.name) || referring(stack, types.table, "accountName", account).length === 0)
        return undefined;
      const locks = referring(stack, "azure-native:authorization:ManagementLockByScope", "scope", account);
      return locks.some(({ properties }) => !differs(properties, "level", "CanNotDelete", "ReadOnly"))
        ? undefined
        : "no lock keeps it from being deleted";
    },
  },
];

/** From "Flex Consumption plan deprecations" of the app settings reference; .NET's from pulumi-azure-native#4168. */
const notOnFlex = [
  "alwaysOn",
  "containerSize",
  "functionAppScaleLimit",
  "javaVersion",
  "linuxFxVersion",
  "minimumElasticInstanceCount",
  "netFrameworkVersion",
  "powerShellVersion",
  "preWarmedInstanceCount",
  "windowsFxVersion",
];

const vaultRules: readonly Rule[] = [
  {
    name: "azure-vault-by-role",
    description: "A vault is opened by roles on its secrets, not by policies on all of them.",
    references: [],
    types: [types.vault],
    scope: "resource",
    remedy: "Set properties.enableRbacAuthorization to true and give the function's identity a role on the secret",
    check: ({ properties }) =>
      differs(properties, "properties.enableRbacAuthorization", true)
        ? "the vault is opened by access policies"
        : undefined,
  },
  {
    name: "azure-vault-recoverable",
    description: "A production vault keeps what was deleted, and refuses to purge it.",
    references: ["CKV_AZURE_110", "CKV_AZURE_42"],
    types: [types.vault],
    scope: "stack",
    remedy: "Set deletionProtection to true in the stack's settings",
    check: ({ properties }, stack) =>
      isProduction(stack.name) && differs(properties, "properties.enablePurgeProtection", true)
        ? "deleted secrets can be purged"
        : undefined,
  },
];

const appRules: readonly Rule[] = [
  {
    name: "azure-app-https-only",
    description: "A function app takes HTTPS alone, TLS 1.2 at least.",
    references: ["CKV_AZURE_70", "CKV_AZURE_145"],
    types: [types.app],
    scope: "resource",
    remedy: "Set httpsOnly to true and siteConfig.minTlsVersion to 1.2",
    check: ({ properties }) => {
      if (differs(properties, "httpsOnly", true)) return "the app answers over plain HTTP";
      for (const key of ["siteConfig.minTlsVersion", "siteConfig.scmMinTlsVersion"]) {
        if (differs(properties, key, "1.2", "1.3")) return `${key} is ${shown(at(properties, key))}`;
      }
      return undefined;
    },
  },
  {
    name: "azure-app-no-basic-credentials",
    description: "A function app is not published to with a user name and a password, over FTP or otherwise.",
    references: ["CKV_AZURE_78"],
    types: [types.app],
    scope: "stack",
    remedy: "Declare WebAppScmAllowed and WebAppFtpAllowed for the app, each with allow set to false",
    check: (app, stack) => {
      const open = ["WebAppScmAllowed", "WebAppFtpAllowed"].find(
        (policy) =>
          !referring(stack, `azure-native:web:${policy}`, "name", app).some(
            ({ properties }) => !differs(properties, "allow", false),
          ),
      );
      return open === undefined ? undefined : `${open} does not switch basic publishing credentials off`;
    },
  },
  {
    name: "azure-app-flex-settings",
    description: "An app on Flex Consumption has none of the settings of a site that this plan refuses (code 51021).",
    references: [],
    types: [types.app],
    scope: "resource",
    remedy: "Leave the setting out; functionAppConfig says what the app runs on and how it scales",
    check: ({ properties }) => {
      if (isEmpty(properties.functionAppConfig) || !isObject(properties.siteConfig)) return undefined;
      const { siteConfig } = properties;
      const refused = notOnFlex.find((key) => !isEmpty(siteConfig[key]));
      return refused === undefined ? undefined : `siteConfig.${refused} is set`;
    },
  },
  {
    name: "azure-app-identity",
    description: "A function app has an identity, and no key in its settings.",
    references: ["CKV_AZURE_71"],
    types: [types.app],
    scope: "resource",
    remedy: "Give the app a user-assigned identity and use <TABLE>_STORAGE__tableServiceUri",
    check: ({ properties }) => {
      if (differs(properties, "identity.type", "UserAssigned", "SystemAssigned", "SystemAssigned, UserAssigned")) {
        return "the app has no identity";
      }
      const withKey = listAt(properties, "siteConfig.appSettings").find((setting) => holdsSecret(at(setting, "value")));
      return withKey === undefined ? undefined : `its setting ${shown(at(withKey, "name"))} holds a storage key`;
    },
  },
];

const otherRules: readonly Rule[] = [
  {
    name: "azure-role-not-administrator",
    description: "No identity of the stack may change resources or hand out roles.",
    references: [],
    types: [types.assignment],
    scope: "resource",
    remedy: "Assign the data role that the code needs, e.g. Storage Table Data Contributor",
    check: ({ properties: { roleDefinitionId } }) => {
      if (typeof roleDefinitionId !== "string") return undefined;
      const role = administrators[roleDefinitionId.split("/").at(-1) ?? ""];
      return role === undefined ? undefined : `it assigns the role ${role}`;
    },
  },
  {
    name: "azure-role-narrow-scope",
    description: "A role is assigned on a resource, not on a whole subscription or management group.",
    references: [],
    types: [types.assignment],
    scope: "resource",
    remedy: "Set scope to the id of the resource that the code works with",
    check: ({ properties: { scope } }) =>
      typeof scope === "string" && !/\/providers\/(?!Microsoft\.Management\/)/i.test(scope)
        ? `its scope is ${shown(scope)}`
        : undefined,
  },
  {
    name: "azure-front-door-https",
    description: "Front Door redirects to HTTPS and calls its origins over HTTPS.",
    references: [],
    types: [types.route],
    scope: "resource",
    remedy: "Set httpsRedirect to Enabled and forwardingProtocol to HttpsOnly",
    check: ({ properties }) => {
      if (differs(properties, "httpsRedirect", "Enabled")) return "viewers are not redirected to HTTPS";
      return differs(properties, "forwardingProtocol", "HttpsOnly")
        ? "its origin is called over plain HTTP"
        : undefined;
    },
  },
  {
    name: "azure-log-retention",
    description: "A workspace has a retention.",
    references: [],
    types: [types.workspace],
    scope: "resource",
    remedy: "Set retentionInDays; the setting logRetentionDays is for it",
    check: ({ properties }) => (isEmpty(properties.retentionInDays) ? "its retention is not stated" : undefined),
  },
];

export const azureRules: readonly Rule[] = [...storageRules, ...dataRules, ...vaultRules, ...appRules, ...otherRules];

function holdsSecret(value: Value): boolean {
  return typeof value === "string" && storageSecret.test(value);
}
