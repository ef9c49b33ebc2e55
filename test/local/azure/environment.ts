import { startAzure } from "../../../local/azure/data-plane";
import { bundleFor } from "../bundle";
import { Environment } from "../environment";
import { freePort } from "../../../local/free-port";
import { blob } from "../resources";

const group = "/subscriptions/s/resourceGroups/g";
const accountId = `${group}/providers/Microsoft.Storage/storageAccounts/data`;
const identityId = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/api`;

/** The local Azure around the application's own bundle. Tests can change everything in `resources`. */
export class AzureEnvironment extends Environment {
  protected startCloud() {
    return startAzure(this.resources, this.state);
  }

  protected async declare(): Promise<void> {
    const { resources, state } = this;
    const apiHost = `127.0.0.1:${await freePort()}`;
    const siteHost = `127.0.0.1:${await freePort()}`;
    this.apiUrl = `http://${apiHost}`;
    this.siteUrl = `http://${siteHost}`;
    const bundle = await bundleFor("azure");

    const endpoints = (name: string) => ({
      web: `https://${name}.z11.web.core.windows.net/`,
      table: `https://${name}.table.core.windows.net/`,
      queue: `https://${name}.queue.core.windows.net/`,
    });
    for (const [name, id] of [
      ["data", accountId],
      ["site", `${group}/providers/Microsoft.Storage/storageAccounts/site`],
    ] as const) {
      resources.put(
        "azure-native:storage:StorageAccount",
        id,
        { accountName: name },
        { primaryEndpoints: endpoints(name) },
      );
    }
    resources.put("azure-native:storage:Table", `${accountId}/tableServices/default/tables/messages`, {
      accountName: "data",
      tableName: "messages",
    });
    resources.put(
      "azure-native:managedidentity:UserAssignedIdentity",
      identityId,
      {},
      { clientId: "client", principalId: "principal" },
    );
    resources.put("azure-native:authorization:RoleAssignment", "role", {
      principalId: "principal",
      roleDefinitionId:
        "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
      scope: `${accountId}/tableServices/default/tables/messages`,
    });
    const settings = {
      MESSAGES_TABLE: "messages",
      APPLICATION_VERSION: "3.0.0",
      MESSAGES_STORAGE__tableServiceUri: endpoints("data").table,
      MESSAGES_STORAGE__credential: "managedidentity",
      MESSAGES_STORAGE__clientId: "client",
    };
    resources.put(
      "azure-native:web:WebApp",
      `${group}/providers/Microsoft.Web/sites/api`,
      {
        name: "api",
        identity: { type: "UserAssigned", userAssignedIdentities: [identityId] },
        functionAppConfig: { runtime: { name: "python", version: bundle.pythonVersion } },
        siteConfig: { appSettings: Object.entries(settings).map(([name, value]) => ({ name, value })) },
      },
      { defaultHostName: apiHost },
    );
    const url = "https://site.blob.core.windows.net/packages/api.zip";
    resources.put(
      "azure-native:storage:Blob",
      "package",
      {
        accountName: "site",
        containerName: "packages",
        blobName: "api.zip",
        source: { path: bundle.path, sha256: bundle.sha256 },
      },
      { url },
    );
    resources.put("azure-native:resources:Deployment", "onedeploy", {
      properties: {
        mode: "Incremental",
        template: {
          resources: [
            {
              type: "Microsoft.Web/sites/extensions",
              name: "api/onedeploy",
              properties: { packageUri: "[parameters('packageUri')]", remoteBuild: false },
            },
          ],
        },
        parameters: { packageUri: { value: `${url}?sig=secret` } },
      },
    });

    resources.put("azure-native:storage:StorageAccountStaticWebsite", "website", {
      accountName: "site",
      indexDocument: "index.html",
    });
    for (const [blobName, contentType, content] of [
      ["index.html", "text/html", `<!doctype html><title>page</title>${"<p>text</p>".repeat(200)}`],
      ["logo.png", "image/png", "not really"],
    ] as const) {
      resources.put(
        "azure-native:storage:Blob",
        `site-${blobName}`,
        { accountName: "site", containerName: "$web", blobName, contentType, source: blob(state, content) },
        { url: `https://site.blob.core.windows.net/$web/${blobName}` },
      );
    }
    const profileName = "profile";
    resources.put(
      "azure-native:cdn:AFDEndpoint",
      "endpoint",
      { profileName, endpointName: "web" },
      { hostName: siteHost },
    );
    for (const [part, hostName] of [
      ["api", apiHost],
      ["site", "site.z11.web.core.windows.net"],
    ]) {
      resources.put("azure-native:cdn:AFDOriginGroup", `group-${part}`, { profileName, originGroupName: part });
      resources.put("azure-native:cdn:AFDOrigin", `origin-${part}`, {
        profileName,
        originGroupName: part,
        hostName,
        originHostHeader: hostName,
      });
    }
    resources.put("azure-native:cdn:RuleSet", "set-headers", { profileName, ruleSetName: "headers" });
    resources.put("azure-native:cdn:Rule", "rule-security", {
      profileName,
      ruleSetName: "headers",
      order: 1,
      actions: [
        {
          name: "ModifyResponseHeader",
          parameters: { headerAction: "Overwrite", headerName: "X-Frame-Options", value: "DENY" },
        },
      ],
    });
    resources.put("azure-native:cdn:RuleSet", "set-site", { profileName, ruleSetName: "site" });
    resources.put("azure-native:cdn:Rule", "rule-page", {
      profileName,
      ruleSetName: "site",
      order: 1,
      conditions: [{ name: "UrlFileExtension", parameters: { operator: "LessThan", matchValues: ["1"] } }],
      actions: [
        {
          name: "UrlRewrite",
          parameters: { sourcePattern: "/", destination: "/index.html", preserveUnmatchedPath: false },
        },
      ],
    });
    resources.put("azure-native:cdn:Route", "route-api", {
      routeName: "api",
      profileName,
      endpointName: "web",
      originGroup: { id: "group-api" },
      patternsToMatch: ["/api/*"],
      ruleSets: [{ id: "set-headers" }],
    });
    resources.put("azure-native:cdn:Route", "route-site", {
      routeName: "site",
      profileName,
      endpointName: "web",
      originGroup: { id: "group-site" },
      patternsToMatch: ["/*"],
      ruleSets: [{ id: "set-headers" }, { id: "set-site" }],
      cacheConfiguration: {
        compressionSettings: { isCompressionEnabled: true, contentTypesToCompress: ["text/html"] },
      },
    });
  }
}
