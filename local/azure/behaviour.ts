import type { Behaviour, Behaviours } from "../behaviour";
import { azureTypes } from "./types";

const replacement = "pulumi-azure-native: provider/pkg/gen/replacement.go (forceNewMap)";
const customStorage = "pulumi-azure-native: provider/pkg/resources/customresources/custom_storage_azidentity.go";

/** Rules for all ARM types, and where the provider's source implements them. */
const common = [
  // Parameters in the path force a replacement; so do properties that the API's description declares immutable.
  "pulumi-azure-native: provider/pkg/provider/diff.go (calculateDetailedDiff)",
  // A replaced resource is deleted first, unless the provider generated its name.
  "pulumi-azure-native: provider/pkg/provider/provider.go (Diff)",
];

/** ARM's rule for resources with a location: it cannot be changed. */
const immutableLocation = "azure-openapi-validator: docs/location-must-have-xms-mutability.md";

/** Path parameters of a type's id, by the names of its emulation. */
const pathOf = (type: string): readonly string[] =>
  (azureTypes[type]?.replaceOn ?? []).filter((property) => property !== "location" && property !== "type");

/** @param replaceOn further properties that force a replacement, beside the parameters of the path. */
const arm = (type: string, replaceOn: readonly string[] = [], more: Partial<Behaviour> = {}): Behaviour => ({
  first: "old",
  ...more,
  sources: [...common, ...(replaceOn.includes("location") ? [immutableLocation] : []), ...(more.sources ?? [])],
  replaceOn: [...pathOf(type), ...replaceOn],
});

/**
 * A long-running operation of Azure Resource Manager: the PUT is accepted, and the state is saved even if the operation
 * fails later.
 */
const accepted = (message: string, needs: readonly string[] = []): Partial<Behaviour> => ({
  sources: ["pulumi-azure-native: provider/pkg/provider/crud/crud.go (HandleErrorWithCheckpoint)"],
  fails: { how: "partial", message, needs },
});

const notUnique = (id: string) => `Code="Conflict": The workspace name '${id.split("/").at(-1) ?? id}' is not unique`;

const role = "azure-native:authorization:RoleAssignment";

export const azureBehaviours: Behaviours = {
  "azure-native:resources:ResourceGroup": arm("azure-native:resources:ResourceGroup", ["location"], {
    sources: [replacement],
  }),
  "azure-native:storage:StorageAccount": arm("azure-native:storage:StorageAccount", ["location", "isHnsEnabled"], {
    sources: [replacement],
  }),
  "azure-native:storage:BlobContainer": arm("azure-native:storage:BlobContainer", [], { sources: [replacement] }),
  "azure-native:storage:Queue": arm("azure-native:storage:Queue"),
  "azure-native:eventgrid:SystemTopic": arm("azure-native:eventgrid:SystemTopic", ["location", "source", "topicType"]),
  "azure-native:eventgrid:SystemTopicEventSubscription": arm("azure-native:eventgrid:SystemTopicEventSubscription"),
  "azure-native:eventgrid:EventSubscription": arm("azure-native:eventgrid:EventSubscription"),
  "azure-native:storage:Table": arm("azure-native:storage:Table"),
  "azure-native:storage:StorageAccountStaticWebsite": arm("azure-native:storage:StorageAccountStaticWebsite", [], {
    sources: [customStorage],
  }),
  "azure-native:storage:Blob": arm("azure-native:storage:Blob", ["source", "contentMd5", "type"], {
    sources: [customStorage],
    unread: ["source"],
    readsWith: "Microsoft.Storage/storageAccounts/listKeys/action",
  }),
  "azure-native:managedidentity:UserAssignedIdentity": arm("azure-native:managedidentity:UserAssignedIdentity", [
    "location",
  ]),
  "azure-native:managedidentity:FederatedIdentityCredential": arm(
    "azure-native:managedidentity:FederatedIdentityCredential",
  ),
  "azure-native:authorization:RoleDefinition": arm("azure-native:authorization:RoleDefinition", [
    "scope",
    "roleDefinitionId",
  ]),
  [role]: {
    ...arm(role, ["scope", "principalId", "roleAssignmentName"], {
      sources: [
        replacement,
        "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting (up to 10 minutes)",
      ],
    }),
    replaceOn: ["scope", "principalId", "roleAssignmentName"],
    frozen: {
      inputs: ["roleDefinitionId", "principalType"],
      message:
        "RoleAssignmentUpdateNotPermitted: Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
    },
    lateSeconds: 600,
  },
  "azure-native:authorization:ManagementLockByScope": arm("azure-native:authorization:ManagementLockByScope"),
  "azure-native:keyvault:Vault": arm("azure-native:keyvault:Vault", ["location", "properties.tenantId"], {
    first: "named",
    autoNamed: "vaultName",
  }),
  "azure-native:keyvault:Secret": arm("azure-native:keyvault:Secret", [], { unread: ["properties"] }),
  "azure-native:operationalinsights:Workspace": arm("azure-native:operationalinsights:Workspace", ["location"], {
    sources: [
      "https://learn.microsoft.com/rest/api/loganalytics/workspaces/delete",
      "https://github.com/hashicorp/terraform-provider-azurerm/issues/26644",
      "https://github.com/hashicorp/terraform-provider-azurerm/issues/5465",
    ],
    kept: { days: 14, inputs: ["location"], refusal: notUnique },
  }),
  "azure-native:applicationinsights:Component": arm("azure-native:applicationinsights:Component", ["location"]),
  "azure-native:web:AppServicePlan": arm("azure-native:web:AppServicePlan", ["location"], { sources: [replacement] }),
  "azure-native:web:WebApp": arm("azure-native:web:WebApp", ["location", "kind"], {
    sources: [replacement, "https://github.com/pulumi/pulumi-azure-native/issues/4263"],
    unread: ["siteConfig"],
  }),
  "azure-native:web:WebAppFtpAllowed": arm("azure-native:web:WebAppFtpAllowed"),
  "azure-native:web:WebAppScmAllowed": arm("azure-native:web:WebAppScmAllowed"),
  "azure-native:resources:Deployment": {
    ...arm(
      "azure-native:resources:Deployment",
      ["location"],
      accepted("Status=Failed Code=DeploymentFailed: BadRequest: InaccessibleStorageException (403 Forbidden)", [role]),
    ),
    unread: ["properties"],
  },
  "azure-native:cdn:Profile": arm("azure-native:cdn:Profile", ["location", "sku.name"], { sources: [replacement] }),
  "azure-native:cdn:AFDEndpoint": arm("azure-native:cdn:AFDEndpoint", ["location"], {
    ...accepted("Code=InternalServerError: the endpoint was not provisioned"),
    lateSeconds: 1200,
  }),
  "azure-native:cdn:AFDOriginGroup": arm("azure-native:cdn:AFDOriginGroup"),
  "azure-native:cdn:AFDOrigin": arm("azure-native:cdn:AFDOrigin"),
  "azure-native:cdn:RuleSet": arm("azure-native:cdn:RuleSet"),
  "azure-native:cdn:Rule": arm("azure-native:cdn:Rule"),
  "azure-native:cdn:Route": arm("azure-native:cdn:Route", [], {
    ...accepted("Code=Conflict: another operation is running"),
    // "Azure Front Door: frequently asked questions": a deployment takes up to 20 minutes.
    lateUpdateSeconds: 1200,
  }),
  "azure-native:cdn:AFDCustomDomain": arm("azure-native:cdn:AFDCustomDomain", ["hostName"]),
  "azure-native:monitor:DiagnosticSetting": arm("azure-native:monitor:DiagnosticSetting"),
  "azure-native:monitor:ActionGroup": arm("azure-native:monitor:ActionGroup", ["location"]),
  "azure-native:monitor:ScheduledQueryRule": arm("azure-native:monitor:ScheduledQueryRule", ["location", "scopes"], {
    sources: ["pulumi-azure-native: provider/pkg/provider/test-programs/scheduledqueryrule-scopes-forcenew"],
  }),
  "azure-native:frontdoor:Policy": arm("azure-native:frontdoor:Policy"),
  "azure-native:cdn:SecurityPolicy": arm("azure-native:cdn:SecurityPolicy"),
};
