import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { Provider } from "@pulumi/azure-native/provider";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import type { Serving } from "../../../components/azure/colour";
import { servingColours } from "../../../components/azure/serving-colours";
import { asMetadata, keptOf, rememberedSite } from "../../../components/azure/site-memory";
import { WebApplication, type WebApplicationArgs } from "../../../components/azure/web-application";
import type { HttpFunction } from "../../../contract/application";
import { settingDigest } from "../../../contract/setting-digest";
import type { FunctionPlan } from "../../../components/function-plan";
import { packageBundle } from "../bundles";
import { type CloudAnswers, record, type Recording, unseal, valueOf } from "../mocks";
import { temporarySite } from "../site";

const subscription = "/subscriptions/11111111-2222-3333-4444-555555555555";
const inGroup = (type: string, name: unknown) =>
  `${subscription}/resourceGroups/shop-test-resources/providers/${type}/${String(name)}`;

const answers: CloudAnswers = {
  "command:local:Command": ({ inputs }) =>
    String(inputs.create).includes("toISOString") ? { stdout: "2026-01-02T03:04:05.678Z\n" } : {},
  "azure-native:resources:ResourceGroup": ({ inputs }) => ({ name: inputs.resourceGroupName }),
  "azure-native:storage:StorageAccount": ({ inputs }) => ({
    id: inGroup("Microsoft.Storage/storageAccounts", inputs.accountName),
    name: inputs.accountName,
    primaryEndpoints: Object.fromEntries(
      ["blob", "table", "web"].map((service) => [
        service,
        `https://${String(inputs.accountName)}.${service}.core.windows.net/`,
      ]),
    ),
  }),
  "azure-native:storage:BlobContainer": ({ inputs }) => ({ name: inputs.containerName }),
  "azure-native:storage:Table": ({ inputs }) => ({ name: inputs.tableName }),
  "azure-native:storage:Blob": ({ inputs }) => ({
    url: `https://account.blob.core.windows.net/${String(inputs.containerName)}/${String(inputs.blobName)}`,
  }),
  "azure-native:storage:StorageAccountStaticWebsite": () => ({ containerName: "$web" }),
  "azure-native:managedidentity:UserAssignedIdentity": () => ({ clientId: "client-id", principalId: "principal-id" }),
  "azure-native:keyvault:Vault": ({ name }) => ({ name: `${name}-1` }),
  "azure-native:keyvault:Secret": ({ inputs }) => ({
    properties: { secretUriWithVersion: `https://v.vault.azure.net/secrets/${String(inputs.secretName)}/1` },
  }),
  "azure-native:operationalinsights:Workspace": ({ inputs }) => ({ name: inputs.workspaceName, customerId: "w-1" }),
  "azure-native:applicationinsights:Component": () => ({ connectionString: "InstrumentationKey=0;Endpoint=x" }),
  "azure-native:web:WebApp": ({ inputs }) => ({ defaultHostName: `${String(inputs.name)}.azurewebsites.net` }),
  "azure-native:cdn:Profile": ({ inputs }) => ({ name: inputs.profileName, frontDoorId: "front-door-id" }),
  "azure-native:cdn:AFDEndpoint": ({ inputs }) => ({
    name: inputs.endpointName,
    hostName: `${String(inputs.endpointName)}-x1.z01.azurefd.net`,
  }),
  "azure-native:cdn:AFDOriginGroup": ({ inputs }) => ({ name: inputs.originGroupName }),
  "azure-native:cdn:RuleSet": ({ inputs }) => ({ name: inputs.ruleSetName }),
  "azure-native:cdn:AFDCustomDomain": () => ({ validationProperties: { validationToken: "prove-it" } }),
};

const site = temporarySite();

/** A function that answers requests, and its settings in the stack. */
function http(name: string, description: Partial<HttpFunction> = {}, plan: Partial<FunctionPlan> = {}): FunctionPlan {
  return {
    description: {
      name,
      kind: "http",
      entryPoints: {},
      requirements: {},
      environment: {},
      secrets: [],
      tables: [],
      routes: ["/*"],
      probes: [{ path: "/api/", status: 200 }],
      ...description,
    },
    environment: {},
    secrets: {},
    ...plan,
  };
}

const messages = { name: "messages", partitionKey: "board", sortKey: "id" };

async function environment(
  overrides: Partial<WebApplicationArgs> = {},
  options: () => pulumi.ComponentResourceOptions = () => ({}),
) {
  return record(
    () =>
      new WebApplication(
        "azure",
        {
          scope: { project: "shop", stack: "test" },
          region: "japaneast",
          functions: [http("api", { tables: ["messages"] })],
          tables: [messages],
          bundles: [packageBundle],
          version: "1.2.3",
          site: site.directory,
          ...overrides,
        },
        options(),
      ),
    {
      answers,
      invokes: {
        "azure-native:authorization:getClientConfig": {
          subscriptionId: subscription.split("/")[2],
          tenantId: "tenant",
        },
        "azure-native:storage:listStorageAccountServiceSAS": { serviceSasToken: "sv=1&sig=s3cret" },
      },
    },
  );
}

const ofType = (recording: Recording, type: string) => recording.of(`azure-native:${type}`);
const only = (recording: Recording, type: string) => recording.only(`azure-native:${type}`);

function named(recording: Recording, type: string, name: string): Record<string, unknown> {
  const found = ofType(recording, type).find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name} among ${recording.all.map((r) => r.name).join(", ")}`);
  return found.inputs;
}

function appSettings(app: Record<string, unknown>): Record<string, string> {
  const { siteConfig } = app as { siteConfig: { appSettings: { name: string; value: string }[] } };
  return Object.fromEntries(siteConfig.appSettings.map(({ name, value }) => [name, value]));
}

test("the digest of a secret value, which could be guessed from it, is in no output", async () => {
  const plan = http("api", {}, { environment: { MODE: "careful", TOKEN: pulumi.secret("hush") } });
  const { result } = await environment({ functions: [plan] });
  const outputs = JSON.stringify(await valueOf(result.outputs));
  expect(outputs).toContain(settingDigest("MODE", "careful"));
  expect(outputs).not.toContain(settingDigest("TOKEN", "hush"));
});

test.each(["provider", "providers"])("every resource is on the provider that a program passes as %s", async (key) => {
  const { recording } = await environment(
    {
      notificationEmail: "a@example.com",
      functions: [http("api", { tables: ["messages"], secrets: ["KEY"] }, { secrets: { KEY: "hush" } })],
    },
    () => {
      const mine = new Provider("mine", { subscriptionId: "s" });
      return key === "provider" ? { provider: mine } : { providers: [mine] };
    },
  );
  expect(recording.providersOf("azure-native")).toEqual(["mine"]);
});

test("a function that only reads a table may only read it", async () => {
  const roleOn = async (operations: HttpFunction["operations"]) => {
    const { recording } = await environment({ functions: [http("api", { tables: ["messages"], operations })] });
    const roles = ofType(recording, "authorization:RoleAssignment").map(({ inputs }) => inputs);
    return String(roles.find(({ scope }) => scope === "azure-messages-id")?.roleDefinitionId)
      .split("/")
      .at(-1);
  };
  expect(await roleOn({ messages: ["get", "query"] })).toBe("76199698-9eea-4c19-bc75-cec21354c6b6");
  expect(await roleOn({ messages: ["get", "put"] })).toBe("0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3");
});

describe("with the defaults", () => {
  let recording: Recording;
  let deployed: WebApplication;

  beforeAll(async () => {
    ({ recording, result: deployed } = await environment());
  });

  test("both storage accounts ask for TLS 1.2 and have no public blob; the function's has no shared keys", () => {
    const accounts = ofType(recording, "storage:StorageAccount");
    expect(accounts).toHaveLength(2);
    for (const { inputs } of accounts) {
      expect(inputs).toMatchObject({
        minimumTlsVersion: "TLS1_2",
        enableHttpsTrafficOnly: true,
        allowBlobPublicAccess: false,
        allowCrossTenantReplication: false,
        kind: "StorageV2",
        sku: { name: "Standard_LRS" },
        tags: { project: "shop", stack: "test" },
      });
      expect(inputs.accountName).toMatch(/^(data|web)shoptest[0-9a-f]{8}$/);
    }
    expect(named(recording, "storage:StorageAccount", "azure-data").allowSharedKeyAccess).toBe(false);
    expect(named(recording, "storage:StorageAccount", "azure-web").allowSharedKeyAccess).toBe(true);
  });

  test("no container is public", () => {
    const containers = ofType(recording, "storage:BlobContainer");
    expect(containers.map(({ inputs }) => inputs.containerName).sort()).toEqual([
      "deployment",
      "packages",
      "site-files",
    ]);
    for (const { inputs } of containers) expect(inputs.publicAccess).toBe("None");
  });

  test("the function's identity has four roles, each on one resource and none on the group or the subscription", () => {
    const account = named(recording, "storage:StorageAccount", "azure-data").accountName;
    const scopes = ofType(recording, "authorization:RoleAssignment").map(({ inputs }) => {
      expect(inputs).toMatchObject({ principalId: "principal-id", principalType: "ServicePrincipal" });
      return [String(inputs.roleDefinitionId).split("/").at(-1), inputs.scope];
    });
    const storage = inGroup("Microsoft.Storage/storageAccounts", account);
    expect(Object.fromEntries(scopes)).toEqual({
      "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": storage,
      "974c5e8b-45b9-4653-ba55-5f855dd0fb88": storage,
      "3913510d-42f4-4e42-8a64-420c390055eb": "azure-api-id",
      "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "azure-messages-id",
    });
    expect(named(recording, "authorization:RoleAssignment", "azure-api-storage-blob-data-owner").roleDefinitionId).toBe(
      `${subscription}/providers/Microsoft.Authorization/roleDefinitions/b7e6dc6d-f1e8-4753-8033-0f276bb0955b`,
    );
  });

  test("the function app runs on Flex Consumption, only over HTTPS and TLS 1.2, as its identity", () => {
    expect(only(recording, "web:AppServicePlan")).toMatchObject({
      sku: { name: "FC1", tier: "FlexConsumption" },
      reserved: true,
    });
    const app = only(recording, "web:WebApp");
    expect(app).toMatchObject({
      kind: "functionapp,linux",
      httpsOnly: true,
      identity: { type: "UserAssigned", userAssignedIdentities: ["azure-api-id"] },
      functionAppConfig: {
        deployment: {
          storage: {
            type: "blobContainer",
            authentication: { type: "UserAssignedIdentity", userAssignedIdentityResourceId: "azure-api-id" },
          },
        },
        runtime: { name: "python", version: "3.12" },
        scaleAndConcurrency: { instanceMemoryMB: 512, maximumInstanceCount: 40 },
      },
      siteConfig: { minTlsVersion: "1.2", scmMinTlsVersion: "1.2" },
    });
    // An update keeps omitted properties, such as restrictions from before.
    expect(app.siteConfig).toMatchObject({ ipSecurityRestrictionsDefaultAction: "Allow", ipSecurityRestrictions: [] });
    for (const absent of ["cors", "ftpsState"]) {
      expect(app.siteConfig, absent).not.toHaveProperty(absent);
    }
  });

  test("passwords give access neither to FTP nor to the deployment site", () => {
    for (const type of ["web:WebAppFtpAllowed", "web:WebAppScmAllowed"]) {
      expect(only(recording, type)).toMatchObject({ allow: false });
    }
  });

  test("the app settings connect by managed identity; they contain no keys, and nothing that Flex Consumption rejects", () => {
    const settings = appSettings(only(recording, "web:WebApp"));
    const account = String(named(recording, "storage:StorageAccount", "azure-data").accountName);
    expect(settings).toEqual({
      AzureWebJobsStorage__accountName: account,
      AzureWebJobsStorage__credential: "managedidentity",
      AzureWebJobsStorage__clientId: "client-id",
      MESSAGES_STORAGE__tableServiceUri: `https://${account}.table.core.windows.net/`,
      MESSAGES_STORAGE__credential: "managedidentity",
      MESSAGES_STORAGE__clientId: "client-id",
      MESSAGES_TABLE: "messages",
      APPLICATION_VERSION: "1.2.3",
      AzureFunctionsWebHost__hostid: expect.stringMatching(/^[a-z0-9-]{1,32}$/) as string,
      MULTICLOUD_RELEASE: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
      AzureWebJobsDisableHomepage: "true",
      APPLICATIONINSIGHTS_CONNECTION_STRING: "InstrumentationKey=0;Endpoint=x",
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: "ClientId=client-id;Authorization=AAD",
    });
  });

  test("telemetry is accepted only from identities and kept for the configured time", () => {
    expect(only(recording, "applicationinsights:Component")).toMatchObject({
      disableLocalAuth: true,
      ingestionMode: "LogAnalytics",
    });
    expect(only(recording, "operationalinsights:Workspace")).toMatchObject({ retentionInDays: 365 });
  });

  test("the package is uploaded under the time and its content's hash, and deployed by a secret address", () => {
    const packageName = `api-20260102030405-${"d".repeat(12)}.zip`;
    const package_ = named(recording, "storage:Blob", "azure-api");
    expect(package_).toMatchObject({ containerName: "packages", blobName: packageName });
    const properties = unseal(only(recording, "resources:Deployment").properties);
    expect(properties.secret).toBe(true);
    expect(properties.value).toMatchObject({
      mode: "Incremental",
      template: {
        parameters: { packageUri: { type: "secureString" }, release: { type: "string" } },
        resources: [
          {
            type: "Microsoft.Web/sites/extensions",
            apiVersion: "2022-09-01",
            name: expect.stringMatching(/^shop-test-api-[0-9a-f]{8}\/onedeploy$/) as string,
            properties: { packageUri: "[parameters('packageUri')]", remoteBuild: false },
          },
        ],
      },
      parameters: {
        packageUri: {
          value: `https://account.blob.core.windows.net/packages/${packageName}?sv=1&sig=s3cret`,
        },
        release: { value: packageName },
      },
    });
    // The deployment fails until the roles have propagated.
    const roles = recording.of("command:local:Command").find(({ name }) => name === "azure-api-roles");
    expect(roles?.inputs).toMatchObject({
      create: expect.stringContaining("600000 * Number(process.env.LOCAL_SECOND ?? 1)") as string,
      triggers: [
        "azure-api-storage-blob-data-owner-id",
        "azure-api-storage-queue-data-contributor-id",
        "azure-api-monitoring-metrics-publisher-id",
        "azure-api-storage-table-data-contributor-messages-id",
      ],
    });
  });

  test("the package's address reads only that package, over HTTPS, until a fixed time", () => {
    const [call] = recording.calls.filter(({ token }) => token.endsWith("ServiceSAS"));
    expect(call?.inputs).toMatchObject({
      canonicalizedResource: expect.stringMatching(
        /^\/blob\/webshoptest\w+\/packages\/api-\d{14}-d{12}\.zip$/,
      ) as string,
      resource: "b",
      permissions: "r",
      protocols: "https",
      sharedAccessExpiryTime: expect.stringMatching(/^\d{4}-01-01T00:00:00Z$/) as string,
    });
  });

  test("no registered resource has a signature as plain text", () => {
    const inClear = JSON.stringify(recording.all, (_key, value: unknown) => (unseal(value).secret ? "secret" : value));
    expect(inClear).not.toContain("s3cret");
  });

  test("the site's files are uploaded with their types, hidden ones are not", () => {
    const files = ofType(recording, "storage:Blob").filter(({ inputs }) => inputs.containerName === "$web");
    expect(files.map(({ inputs }) => [inputs.blobName, inputs.contentType])).toEqual([
      ["app.js", "text/javascript; charset=utf-8"],
      ["index.html", "text/html; charset=utf-8"],
      [expect.stringMatching(/^index\.[0-9a-f]{12}\.html$/) as string, "text/html; charset=utf-8"],
    ]);
    expect(only(recording, "storage:StorageAccountStaticWebsite")).toMatchObject({ indexDocument: "index.html" });
  });

  test("Front Door redirects HTTP to HTTPS, uses HTTPS to its origins, caches the site and never the API", () => {
    expect(only(recording, "cdn:Profile")).toMatchObject({
      location: "Global",
      sku: { name: "Standard_AzureFrontDoor" },
    });
    const api = named(recording, "cdn:Route", "azure-web-api");
    const web = named(recording, "cdn:Route", "azure-web-site");
    for (const route of [api, web]) {
      expect(route).toMatchObject({ forwardingProtocol: "HttpsOnly", httpsRedirect: "Enabled" });
      expect(route.customDomains).toBeUndefined();
    }
    expect(api).toMatchObject({ patternsToMatch: ["/api/*"], originGroup: { id: "azure-web-api-id" } });
    expect(api.cacheConfiguration).toBeUndefined();
    expect(web).toMatchObject({
      patternsToMatch: ["/*"],
      cacheConfiguration: { compressionSettings: { isCompressionEnabled: true } },
    });
    const host = `${String(only(recording, "web:WebApp").name)}.azurewebsites.net`;
    expect(named(recording, "cdn:AFDOrigin", "azure-web-api")).toMatchObject({
      hostName: host,
      originHostHeader: host,
      enforceCertificateNameCheck: true,
    });
    expect(ofType(recording, "cdn:AFDCustomDomain")).toEqual([]);
    expect(ofType(recording, "cdn:SecurityPolicy")).toEqual([]);
    expect(ofType(recording, "frontdoor:Policy")).toEqual([]);
  });

  test("origins exist before the routes to them, and one route is created at a time", () => {
    const order = recording.all.map(({ type, name }) => `${type} ${name}`);
    const at = (type: string, name: string) => order.indexOf(`azure-native:cdn:${type} ${name}`);
    expect(at("AFDOrigin", "azure-web-api")).toBeLessThan(at("Route", "azure-web-api"));
    expect(at("AFDOrigin", "azure-web-site")).toBeLessThan(at("Route", "azure-web-site"));
    expect(at("Route", "azure-web-api")).toBeLessThan(at("Route", "azure-web-site"));
  });

  test("every response carries the security headers, and a path without an extension is the single page", () => {
    const { actions } = named(recording, "cdn:Rule", "azure-web-headers-security") as {
      actions: { parameters: { headerName: string; value: string } }[];
    };
    // Front Door accepts at most five actions per rule.
    expect(actions.map(({ parameters }) => parameters.headerName)).toEqual([
      "Content-Security-Policy",
      "Referrer-Policy",
      "Strict-Transport-Security",
      "X-Content-Type-Options",
      "X-Frame-Options",
    ]);
    for (const route of ["azure-web-api", "azure-web-site"]) {
      expect(named(recording, "cdn:Route", route).ruleSets).toContainEqual({ id: "azure-web-headers-id" });
    }
    expect(named(recording, "cdn:Rule", "azure-web-site-singlepage")).toMatchObject({
      actions: [
        {
          name: "UrlRewrite",
          parameters: { destination: expect.stringMatching(/^\/index\.[0-9a-f]{12}\.html$/) as string },
        },
      ],
    });
    expect(named(recording, "cdn:Route", "azure-web-api").ruleSets).not.toContainEqual({ id: "azure-web-site-id" });
  });

  test("nothing is locked against deletion", () => {
    expect(ofType(recording, "authorization:ManagementLockByScope")).toEqual([]);
  });

  test("the requests of Front Door are in the same log as the function's", () => {
    expect(only(recording, "monitor:DiagnosticSetting")).toMatchObject({
      resourceUri: "azure-id",
      workspaceId: "azure-api-id",
      logs: [
        { category: "FrontDoorAccessLog", enabled: true },
        { category: "FrontDoorWebApplicationFirewallLog", enabled: true },
      ],
    });
  });

  test("the outputs match the contract", async () => {
    const functionName = expect.stringMatching(/^shop-test-api-[0-9a-f]{8}$/) as string;
    const url = expect.stringMatching(/^https:\/\/shop-test-api-[0-9a-f]{8}\.azurewebsites\.net$/) as string;
    expect(await valueOf(deployed.outputs)).toEqual({
      region: "japaneast",
      functions: {
        api: {
          kind: "http",
          functionName,
          url,
          runtimeIdentity: "client-id",
          logs: functionName,
          settings: expect.objectContaining({ MESSAGES_TABLE: settingDigest("MESSAGES_TABLE", "messages") }) as object,
          variables: [],
          tables: ["messages"],
          routes: ["/*"],
          probes: [{ path: "/api/", status: 200 }],
          release: expect.stringMatching(/^c0de\.[0-9a-f]{12}$/) as string,
        },
      },
      tables: { messages: "messages" },
      apiUrl: expect.stringMatching(/^https:\/\/shop-test-api-[0-9a-f]{8}\.azurewebsites\.net$/) as string,
      frontendUrl: "https://shop-test-web-x1.z01.azurefd.net",
      frontendHost: "shop-test-web-x1.z01.azurefd.net",
      functionName: expect.stringMatching(/^shop-test-api-[0-9a-f]{8}$/) as string,
      messagesTable: "messages",
      runtimeIdentity: "client-id",
      logs: expect.stringMatching(/^shop-test-api-[0-9a-f]{8}$/) as string,
      version: "1.2.3",
      package: {
        sha256: "d".repeat(64),
        lockSha256: "e".repeat(64),
        pythonVersion: "3.12",
        architecture: "x86_64",
        size: 9_000_000,
        packages: { "azure-functions": "1.0.0", fastapi: "1.0.0", pydantic: "1.0.0" },
      },
      subscriptionId: expect.any(String) as string,
      resourceGroup: "shop-test-resources",
      storageAccount: expect.stringMatching(/^datashoptest[0-9a-f]{8}$/) as string,
      workspaceId: "w-1",
      frontDoorProfile: "shop-test-web",
      frontDoorEndpoint: "shop-test-web",
    });
  });
});

describe("with other settings", () => {
  test("without a frontend none of its resources is declared and its outputs are absent", async () => {
    const { recording, result } = await environment({ site: undefined });
    expect(recording.all.filter(({ type }) => /:cdn:|:frontdoor:|StaticWebsite/.test(type))).toEqual([]);
    for (const absent of ["frontendUrl", "frontendHost", "frontDoorProfile", "frontDoorEndpoint", "domainValidation"]) {
      expect(result.outputs).not.toHaveProperty(absent);
    }
  });

  test("the function answers only its own Front Door", async () => {
    const { recording } = await environment({ frontDoorOnly: true });
    expect(only(recording, "web:WebApp").siteConfig).toMatchObject({
      ipSecurityRestrictionsDefaultAction: "Deny",
      ipSecurityRestrictions: [
        {
          action: "Allow",
          tag: "ServiceTag",
          ipAddress: "AzureFrontDoor.Backend",
          headers: { "x-azure-fdid": ["front-door-id"] },
        },
      ],
    });
  });

  test("a firewall blocks by Microsoft's rules, which need Front Door Premium", async () => {
    const { recording } = await environment({ frontend: { waf: true } });
    expect(only(recording, "cdn:Profile")).toMatchObject({ sku: { name: "Premium_AzureFrontDoor" } });
    expect(only(recording, "frontdoor:Policy")).toMatchObject({
      sku: { name: "Premium_AzureFrontDoor" },
      policySettings: { enabledState: "Enabled", mode: "Prevention" },
      managedRules: { managedRuleSets: [{ ruleSetType: "Microsoft_DefaultRuleSet", ruleSetAction: "Block" }] },
    });
    expect(only(recording, "cdn:SecurityPolicy")).toMatchObject({
      parameters: { associations: [{ domains: [{ id: "azure-web-id" }], patternsToMatch: ["/*"] }] },
    });
  });

  test("a domain brings a certificate, a floor of TLS 1.2 and the record that proves it", async () => {
    const { recording, result } = await environment({ frontend: { domain: "app.example.com" } });
    expect(only(recording, "cdn:AFDCustomDomain")).toMatchObject({
      hostName: "app.example.com",
      tlsSettings: { certificateType: "ManagedCertificate", minimumTlsVersion: "TLS12" },
    });
    expect(named(recording, "cdn:Route", "azure-web-site").customDomains).toEqual([{ id: "azure-web-id" }]);
    expect(await valueOf(result.outputs)).toMatchObject({
      frontendUrl: "https://app.example.com",
      frontendHost: "shop-test-web-x1.z01.azurefd.net",
      domainValidation: { record: "_dnsauth.app.example.com", value: "prove-it" },
    });
  });

  test("deletion protection locks the account that holds the messages", async () => {
    const { recording } = await environment({ deletionProtection: true });
    expect(only(recording, "authorization:ManagementLockByScope")).toMatchObject({
      level: "CanNotDelete",
      scope: expect.stringMatching(/storageAccounts\/datashoptest\w{8}$/) as string,
    });
  });

  test("the Azure CLI replaces one deploy, with the same secret address", async () => {
    const { recording } = await environment({ function: { deployment: "az" } });
    expect(ofType(recording, "resources:Deployment")).toEqual([]);
    const command = recording.of("command:local:Command").find(({ name }) => name === "azure-api")?.inputs ?? {};
    expect(command).toMatchObject({
      create: expect.stringContaining("az functionapp deployment source config-zip") as string,
      triggers: ["d".repeat(64)],
    });
    const variables = unseal(command.environment);
    expect(variables.secret).toBe(true);
    expect(variables.value).toMatchObject({ PACKAGE_URI: expect.stringContaining("sig=s3cret") as string });
    // Another machine has the package at another path; that is no change.
    expect(JSON.stringify(command)).not.toContain("/nowhere");
  });

  test("the package's address stays over a new year, and is valid whenever it is deployed again", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const expiries = [];
      // It was uploaded at the beginning of 2026.
      for (const now of [
        "2026-01-02T03:04:05Z",
        "2026-12-31T23:59:59Z",
        "2027-01-01T00:00:00Z",
        "2031-06-01T00:00:00Z",
      ]) {
        vi.setSystemTime(now);
        const { recording } = await environment();
        expiries.push(recording.calls.find(({ token }) => token.endsWith("SAS"))?.inputs.sharedAccessExpiryTime);
      }
      const first = "2028-01-01T00:00:00Z";
      expect(expiries).toEqual([first, first, first, "2032-01-01T00:00:00Z"]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a given storage account name is used, and a transform overrides properties of a child", async () => {
    const { recording } = await environment({
      storageAccountName: "shopmessages",
      function: { maximumInstances: 3, transform: { function: (args) => ({ ...args, sshEnabled: false }) } },
    });
    expect(named(recording, "storage:StorageAccount", "azure-data").accountName).toBe("shopmessages");
    expect(only(recording, "web:WebApp")).toMatchObject({
      sshEnabled: false,
      functionAppConfig: { scaleAndConcurrency: { maximumInstanceCount: 3 } },
    });
  });
});

describe("several functions", () => {
  const orders = { name: "orders", partitionKey: "id" };
  const bundles = ["api", "shop"].map((name) => ({ ...packageBundle, name, functions: [name] }));
  const functions = [
    http("api", { routes: ["/*"], tables: ["messages"] }, { memory: 300, timeout: 90 }),
    http(
      "shop",
      { routes: ["/shop/*", "/cart"], tables: ["messages", "orders"] },
      { environment: { CURRENCY: "JPY" } },
    ),
  ];
  let recording: Recording;
  let result: WebApplication;

  beforeAll(async () => {
    ({ recording, result } = await environment({ functions, bundles, tables: [messages, orders] }));
  });

  test("no two resources of a type share a name, and no two share a physical name", () => {
    const names = recording.all.map(({ type, name }) => `${type} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const [type, key] of [
      ["web:WebApp", "name"],
      ["resources:Deployment", "deploymentName"],
    ] as const) {
      expect(new Set(ofType(recording, type).map(({ inputs }) => inputs[key])).size).toBe(2);
    }
    const containers = ofType(recording, "storage:BlobContainer").map(({ inputs }) => inputs.containerName);
    expect(containers.sort()).toEqual(["deployment", "deployment-shop", "packages", "packages-shop", "site-files"]);
  });

  test("each uses its own tables, by a role on each of them", () => {
    const scopes = ofType(recording, "authorization:RoleAssignment").map(({ name, inputs }) => [name, inputs.scope]);
    expect(scopes.filter(([name]) => String(name).includes("-table-")).sort()).toEqual([
      ["azure-api-storage-table-data-contributor-messages", "azure-messages-id"],
      ["azure-shop-storage-table-data-contributor-messages", "azure-messages-id"],
      ["azure-shop-storage-table-data-contributor-orders", "azure-orders-id"],
    ]);
    const api = appSettings(named(recording, "web:WebApp", "azure-api"));
    const shop = appSettings(named(recording, "web:WebApp", "azure-shop"));
    expect(Object.keys(api).filter((name) => name.startsWith("ORDERS"))).toEqual([]);
    expect(shop).toMatchObject({
      CURRENCY: "JPY",
      ORDERS_TABLE: "orders",
      MESSAGES_TABLE: "messages",
      ORDERS_STORAGE__tableServiceUri: api.MESSAGES_STORAGE__tableServiceUri,
    });
    expect(api.AzureFunctionsWebHost__hostid).not.toBe(shop.AzureFunctionsWebHost__hostid);
  });

  test("memory is rounded up to an instance size, a timeout is the host's", () => {
    const api = named(recording, "web:WebApp", "azure-api");
    expect(api).toMatchObject({ functionAppConfig: { scaleAndConcurrency: { instanceMemoryMB: 512 } } });
    expect(appSettings(api)).toMatchObject({ AzureFunctionsJobHost__functionTimeout: "00:01:30" });
    expect(appSettings(named(recording, "web:WebApp", "azure-shop"))).not.toHaveProperty(
      "AzureFunctionsJobHost__functionTimeout",
    );
  });

  test("Front Door sends each pattern to its function, and the rest to the site", () => {
    const routes = ofType(recording, "cdn:Route").map(({ inputs }) => [
      inputs.routeName,
      inputs.patternsToMatch,
      inputs.originGroup,
    ]);
    expect(routes.sort()).toEqual([
      ["api", ["/api/*"], { id: "azure-web-api-id" }],
      ["shop", ["/shop/*", "/cart"], { id: "azure-web-shop-id" }],
      ["site", ["/*"], { id: "azure-web-site-id" }],
    ]);
    expect(named(recording, "cdn:AFDOrigin", "azure-web-shop").hostName).toMatch(/^shop-test-shop-\w+\.azurewebsites/);
  });

  test("are in the outputs, and accessible to the program", async () => {
    const { functions: described, tables, apiUrl } = await valueOf(result.outputs);
    expect(Object.keys(described ?? {})).toEqual(["api", "shop"]);
    expect(described?.shop).toMatchObject({ tables: ["messages", "orders"], variables: ["CURRENCY"] });
    expect(tables).toEqual({ messages: "messages", orders: "orders" });
    expect(apiUrl).toBe(described?.api?.kind === "http" ? described.api.url : undefined);
    expect(await valueOf(result.functions.shop?.functionName)).toMatch(/^shop-test-shop-/);
    expect(await valueOf(result.tables.orders?.tableName)).toBe("orders");
  });
});

describe("a function on a schedule, with a secret", () => {
  const worker: FunctionPlan = {
    description: {
      name: "worker",
      kind: "schedule",
      schedule: { kind: "rate", minutes: 15 },
      entryPoints: {},
      requirements: {},
      environment: {},
      secrets: ["PAYMENT_KEY"],
      tables: [],
    },
    environment: { CURRENCY: "JPY" },
    secrets: { PAYMENT_KEY: pulumi.secret("pay-s3cret") },
  };
  const bundles = ["api", "worker"].map((name) => ({ ...packageBundle, functions: [name] }));
  let recording: Recording;
  let result: WebApplication;

  beforeAll(async () => {
    ({ recording, result } = await environment({ functions: [http("api"), worker], bundles, tables: [] }));
  });

  test("has its schedule in the setting of the timer trigger", () => {
    const settings = appSettings(named(recording, "web:WebApp", "azure-worker"));
    expect(settings).toMatchObject({ MULTICLOUD_SCHEDULE: "0 */15 * * * *", CURRENCY: "JPY" });
    expect(appSettings(named(recording, "web:WebApp", "azure-api"))).not.toHaveProperty("MULTICLOUD_SCHEDULE");
  });

  test("reads the secret from a vault, by a role on only this secret and as its own identity", () => {
    expect(only(recording, "keyvault:Vault").properties).toMatchObject({
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      tenantId: "tenant",
    });
    const secret = only(recording, "keyvault:Secret");
    expect(secret).toMatchObject({ secretName: "worker-PAYMENT-KEY", vaultName: "azure-secrets-1" });
    expect(unseal(secret.properties)).toEqual({ secret: true, value: { value: "pay-s3cret" } });
    const app = named(recording, "web:WebApp", "azure-worker");
    expect(app.keyVaultReferenceIdentity).toBe("azure-worker-id");
    expect(appSettings(app).PAYMENT_KEY).toBe(
      "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/worker-PAYMENT-KEY/1)",
    );
    expect(
      named(recording, "authorization:RoleAssignment", "azure-worker-key-vault-secrets-user-PAYMENT_KEY"),
    ).toMatchObject({ scope: "azure-secrets-worker-PAYMENT-KEY-id", principalType: "ServicePrincipal" });
  });

  test("a function without secrets has neither role nor identity for the vault", () => {
    expect(named(recording, "web:WebApp", "azure-api").keyVaultReferenceIdentity).toBeUndefined();
    const roles = ofType(recording, "authorization:RoleAssignment").map(({ name }) => name);
    expect(roles.filter((name) => name.includes("key-vault"))).toHaveLength(1);
  });

  test("the secret is nowhere plain text, and its address is no secret", async () => {
    const inClear = JSON.stringify(recording.all, (_key, value: unknown) => (unseal(value).secret ? "secret" : value));
    expect(inClear).not.toContain("pay-s3cret");
    expect(unseal(named(recording, "web:WebApp", "azure-worker").siteConfig).secret).toBe(false);
    const { functions } = await valueOf(result.outputs);
    expect(functions?.worker).toMatchObject({
      kind: "schedule",
      schedule: "0 */15 * * * *",
      variables: ["CURRENCY", "PAYMENT_KEY"],
    });
  });

  test("the site has no route to it", () => {
    expect(ofType(recording, "cdn:Route").map(({ inputs }) => inputs.routeName)).toEqual(["api", "site"]);
  });

  test("with deletion protection a deleted secret cannot be purged", async () => {
    const protectedOne = await environment({ functions: [worker], bundles, tables: [], deletionProtection: true });
    expect(only(protectedOne.recording, "keyvault:Vault").properties).toMatchObject({
      enablePurgeProtection: true,
      softDeleteRetentionInDays: 90,
    });
  });
});

test("an application without tables and without a site has none", async () => {
  const { recording, result } = await environment({ functions: [http("api")], tables: [], site: undefined });
  expect(ofType(recording, "storage:Table")).toEqual([]);
  expect(Object.keys(appSettings(only(recording, "web:WebApp"))).join()).not.toContain("MESSAGES");
  expect(result.outputs).not.toHaveProperty("messagesTable");
});

describe("what could not work is rejected", () => {
  test.each<[string, Partial<WebApplicationArgs>, RegExp]>([
    [
      "a storage account name that does not fit",
      { storageAccountName: "Shop-Messages" },
      /"Shop-Messages" \(13 characters\) does not fit: Azure accepts 3 to 24 lower-case letters and digits/,
    ],
    [
      "more memory than an instance has",
      { functions: [http("api", {}, { memory: 8192 })] },
      /functions\.api\.memory is 8192 MiB.*512, 2048, 4096 MiB; expected 4096 at most/,
    ],
    [
      "a table that is not described",
      { functions: [http("api", { tables: ["orders"] })] },
      /functions\.api\.tables has "orders"; expected one of messages/,
    ],
    ["a function without its package", { functions: [http("shop")] }, /left out the package of shop/],
    [
      "a function with the name of the site's route",
      { functions: [http("site")], bundles: [{ ...packageBundle, functions: ["site"] }] },
      /a function is called site/,
    ],
    ["a function that nothing reaches", { frontDoorOnly: true, site: undefined }, /frontDoorOnly needs a frontend/],
    ["a frontend without a page", { site: "/nowhere" }, /no index\.html in \/nowhere/],
  ])("%s", async (_, overrides, message) => {
    await expect(environment(overrides)).rejects.toThrow(message);
  });
});

describe("with a twin that is probed first", () => {
  /** The environment of a check, by the name of its resource. */
  const asked = (recording: Recording, name: string) => {
    const check = recording.of("command:local:Command").find((command) => command.name === name);
    return check?.inputs.environment as Record<string, string> | undefined;
  };
  const twinned = (overrides: Partial<WebApplicationArgs> = {}) => environment({ smokeCheck: true, ...overrides });

  test("an update goes to the twin, then to the function, then to the site's files, the page last", async () => {
    const { recording } = await twinned();
    const order = recording.all.map(({ type, name }) => `${type} ${name}`);
    const steps = [
      "command:local:Command azure-api-roles",
      "azure-native:resources:Deployment azure-api-next",
      "command:local:Command azure-api-next",
      "azure-native:web:WebApp azure-api",
      "azure-native:resources:Deployment azure-api",
      "command:local:Command azure-smoke-check",
      "azure-native:storage:Blob azure-web/app.js",
      "azure-native:storage:Blob azure-web/index.html",
    ];
    expect(steps.map((step) => order.indexOf(step))).not.toContain(-1);
    expect(order.filter((step) => steps.includes(step))).toEqual(steps);
  });

  test("the twin equals the future function, except for its names and its update strategy", async () => {
    const { recording } = await twinned();
    const [live, next] = ["azure-api", "azure-api-next"].map((name) => named(recording, "web:WebApp", name));
    const settings = { ...appSettings(live ?? {}) };
    expect(appSettings(next ?? {})).toEqual({
      ...settings,
      AzureFunctionsWebHost__hostid: expect.not.stringMatching(
        String(settings.AzureFunctionsWebHost__hostid),
      ) as string,
      MULTICLOUD_TWIN: "true",
    });
    expect(next).toMatchObject({
      name: expect.stringMatching(/^shop-test-api-next-[0-9a-f]{8}$/) as string,
      identity: live?.identity,
      functionAppConfig: {
        scaleAndConcurrency: { instanceMemoryMB: 512, triggers: { http: { perInstanceConcurrency: 10 } } },
        siteUpdateStrategy: { type: "Recreate" },
      },
    });
    expect(live).toMatchObject({ functionAppConfig: { siteUpdateStrategy: { type: "RollingUpdate" } } });
    expect(ofType(recording, "storage:BlobContainer").map(({ inputs }) => inputs.containerName)).toContain(
      "deployment-next",
    );
    expect(ofType(recording, "managedidentity:UserAssignedIdentity")).toHaveLength(1);
  });

  test("both are probed for the release, which changes with the configuration", async () => {
    const release = async (plan: Partial<FunctionPlan>) => {
      const { recording } = await twinned({ functions: [http("api", { tables: ["messages"] }, plan)] });
      const releases = ["azure-api-next", "azure-smoke-check"].map((name) => asked(recording, name)?.RELEASE);
      expect(new Set(releases).size).toBe(1);
      const app = named(recording, "web:WebApp", "azure-api");
      expect(releases[0]).toBe(`${String(packageBundle.releases.api)}.${String(appSettings(app).MULTICLOUD_RELEASE)}`);
      return releases[0];
    };
    const first = await release({});
    expect(await release({})).toBe(first);
    expect(await release({ environment: { CURRENCY: "JPY" } })).not.toBe(first);
    expect(await release({ memory: 2048 })).not.toBe(first);
  });

  test("a function on a schedule has a twin that does no work and answers its probe", async () => {
    const worker: FunctionPlan = {
      ...http("worker"),
      description: { ...http("worker").description, kind: "schedule", schedule: { kind: "rate", minutes: 15 } },
    };
    const { recording } = await twinned({
      functions: [http("api"), worker],
      bundles: [packageBundle, { ...packageBundle, functions: ["worker"] }],
      tables: [],
    });
    expect(appSettings(named(recording, "web:WebApp", "azure-worker-next"))).toMatchObject({
      MULTICLOUD_SCHEDULE: "0 0 0 1 1 *",
      MULTICLOUD_TWIN: "true",
    });
    expect(asked(recording, "azure-worker-next")?.PROBES).toContain("/multicloud/probe");
    expect(asked(recording, "azure-worker-smoke-check")).toBeUndefined();
  });

  test("an application whose functions all have a schedule has no API, and its site no path to one", async () => {
    const tell = vi.spyOn(pulumi.log, "info").mockResolvedValue();
    const worker: FunctionPlan = {
      ...http("worker"),
      description: { ...http("worker").description, kind: "schedule", schedule: { kind: "rate", minutes: 15 } },
    };
    const { recording, result } = await twinned({
      functions: [worker],
      bundles: [{ ...packageBundle, functions: ["worker"] }],
      tables: [],
      notificationEmail: "ops@example.com",
    });
    // KQL rejects an empty list, so without routes no query names any.
    expect(JSON.stringify(recording.all.map(({ inputs }) => inputs))).not.toContain(" in ()");
    expect(ofType(recording, "cdn:Route").map(({ inputs }) => inputs.routeName)).toEqual(["site"]);
    expect(asked(recording, "azure-worker-next")?.PROBES).toContain("/multicloud/probe");
    expect(asked(recording, "azure-smoke-check")).toBeUndefined();
    expect(tell).toHaveBeenCalledWith(expect.stringContaining("asks no API"), expect.anything());
    tell.mockRestore();
    const outputs = await valueOf(result.outputs);
    expect(outputs.functions).toMatchObject({ worker: { kind: "schedule" } });
    expect(outputs).not.toHaveProperty("apiUrl");
  });

  test("the twin of a function behind Front Door answers requests with its id", async () => {
    const { recording } = await twinned({ frontDoorOnly: true });
    expect(named(recording, "web:WebApp", "azure-api-next").siteConfig).toMatchObject({
      ipSecurityRestrictionsDefaultAction: "Deny",
      ipSecurityRestrictions: [{ ipAddress: "Any", headers: { "x-azure-fdid": ["front-door-id"] } }],
    });
    expect(asked(recording, "azure-api-next")).toMatchObject({ HEADERS: '{"x-azure-fdid":"front-door-id"}' });
  });

  test("the function is probed at its own address, or at Front Door if it answers only Front Door", async () => {
    expect(asked((await twinned()).recording, "azure-smoke-check")).toMatchObject({
      CLOUD: "azure",
      ADDRESS: expect.stringContaining("azurewebsites.net") as string,
      PATIENCE: "300",
    });
    // The domain's records can only be created after the first update, which returns their values.
    for (const frontend of [{}, { domain: "app.example.com" }]) {
      const { recording } = await twinned({ frontDoorOnly: true, frontend });
      expect(asked(recording, "azure-smoke-check")).toMatchObject({
        ADDRESS: expect.stringContaining("azurefd.net") as string,
        PATIENCE: "3000",
      });
    }
  });

  test("there is no twin without probes", async () => {
    const { recording } = await environment();
    expect(ofType(recording, "web:WebApp")).toHaveLength(1);
  });

  test("a function may not have the name of another one's twin", async () => {
    await expect(twinned({ functions: [http("api"), http("api-next")] })).rejects.toThrow(
      "the function api-next has the name of the twin of api; rename it",
    );
  });
});

describe("blue and green", () => {
  const colours = (serving?: Serving, ending = false) => ({ api: { serving, secrets: "s", ending } });
  const inTurn = (serving?: Serving, overrides: Partial<WebApplicationArgs> = {}) =>
    environment({ smokeCheck: true, colours: colours(serving), ...overrides });
  const groupOfRoute = (recording: Recording) => {
    const { originGroup } = named(recording, "cdn:Route", "azure-web-api") as { originGroup: { id: string } };
    return originGroup.id;
  };
  const releaseOf = (recording: Recording) => {
    const { tags } = named(recording, "web:WebApp", "azure-api") as { tags: { release: string } };
    return tags.release;
  };

  test("an update goes to the app that does not serve, or to none if the serving one has the release", async () => {
    const first = await inTurn();
    expect(groupOfRoute(first.recording)).toBe("azure-web-api-id");
    const release = releaseOf(first.recording);
    expect(release).toMatch(new RegExp(`^${String(packageBundle.releases.api)}\\.[0-9a-f]{12}$`));
    for (const [serving, group] of [
      [{ colour: "blue", release }, "azure-web-api-id"],
      [{ colour: "green", release }, "azure-web-api-green-id"],
      [{ colour: "blue", release: "other" }, "azure-web-api-green-id"],
      [{ colour: "green", release: "other" }, "azure-web-api-id"],
      // Deployed before it had a colour.
      [{ colour: "blue" }, "azure-web-api-green-id"],
    ] as const) {
      expect(groupOfRoute((await inTurn(serving)).recording), JSON.stringify(serving)).toBe(group);
    }
  });

  test("the release covers everything that is declared of the app, and its secrets", async () => {
    const release = releaseOf((await inTurn()).recording);
    expect(releaseOf((await inTurn()).recording)).toBe(release);
    for (const overrides of [
      { function: { maximumInstances: 7 } },
      { function: { transform: { function: { clientAffinityEnabled: true } } } },
      { functions: [http("api", { tables: ["messages"] }, { environment: { CURRENCY: "JPY" } })] },
      { colours: { api: { secrets: "other", ending: false } } },
    ] satisfies Partial<WebApplicationArgs>[]) {
      expect(releaseOf((await inTurn(undefined, overrides)).recording), JSON.stringify(overrides)).not.toBe(release);
    }
  });

  test("the app is probed before the route moves to it, Front Door afterwards, and the site's files are last", async () => {
    const { recording, result } = await inTurn({ colour: "blue", release: "other" });
    const order = recording.all.map(({ type, name }) => `${type} ${name}`);
    const steps = [
      "azure-native:resources:Deployment azure-api-next",
      "command:local:Command azure-api-colour",
      "azure-native:cdn:Route azure-web-api",
      "command:local:Command azure-smoke-check",
      "azure-native:storage:Blob azure-web/index.html",
    ];
    expect(order.filter((step) => steps.includes(step))).toEqual(steps);
    const asked = (name: string) =>
      recording.of("command:local:Command").find((each) => each.name === name)?.inputs.environment;
    const release = releaseOf(recording);
    expect(asked("azure-api-colour")).toMatchObject({
      ADDRESS: expect.stringMatching(/shop-test-api-next-[0-9a-f]{8}\.azurewebsites\.net/) as string,
      RELEASE: release,
    });
    expect(asked("azure-smoke-check")).toMatchObject({
      ADDRESS: expect.stringContaining("azurefd.net") as string,
      RELEASE: release,
      PATIENCE: "3000",
    });
    const outputs = await valueOf(result.outputs);
    expect(outputs.apiUrl).toContain("azurefd.net");
    expect(outputs.functionName).toMatch(/^shop-test-api-next-/);
  });

  test("both apps have the same configuration, separate state, and a route each", async () => {
    const { recording } = await inTurn();
    const [blue, green] = ["azure-api", "azure-api-next"].map((name) => named(recording, "web:WebApp", name));
    const { AzureFunctionsWebHost__hostid: id, ...settings } = appSettings(blue ?? {});
    const { AzureFunctionsWebHost__hostid: other, ...same } = appSettings(green ?? {});
    expect(same).toEqual(settings);
    expect(other).not.toBe(id);
    expect(settings).not.toHaveProperty("MULTICLOUD_TWIN");
    expect(green?.tags).toEqual(blue?.tags);
    const origins = ofType(recording, "cdn:AFDOrigin").map(({ inputs }) => String(inputs.hostName));
    expect(origins.filter((host) => host.includes("-api-"))).toHaveLength(2);
  });

  test("apps that only answer Front Door accept requests with its id, since the idle one is probed too", async () => {
    const { recording } = await inTurn(undefined, { frontDoorOnly: true });
    for (const name of ["azure-api", "azure-api-next"]) {
      expect(named(recording, "web:WebApp", name).siteConfig).toMatchObject({
        ipSecurityRestrictions: [{ ipAddress: "Any", headers: { "x-azure-fdid": ["front-door-id"] } }],
      });
    }
  });

  test("on a return to one app, the update goes to blue, whichever app has the release", async () => {
    const tell = vi.spyOn(pulumi.log, "info").mockResolvedValue();
    const { recording } = await inTurn(undefined, { colours: colours({ colour: "green", release: "x" }, true) });
    expect(groupOfRoute(recording)).toBe("azure-web-api-id");
    expect(tell).toHaveBeenCalledWith(expect.stringContaining("goes back to the blue one"), expect.anything());
    tell.mockRestore();
  });

  test("need a frontend, and a unique name", async () => {
    await expect(inTurn(undefined, { site: undefined })).rejects.toThrow("blue and green are behind a frontend");
    const functions = [http("api"), http("api-green")];
    const bundles = [{ ...packageBundle, functions: ["api", "api-green"] }];
    await expect(inTurn(undefined, { functions, bundles, tables: [] })).rejects.toThrow(
      "the function api-green has the name of the green app of api; rename it",
    );
  });

  test("the serving app is read from Front Door's route and the tag of the route's app", async () => {
    const route = (group: string) => ({
      "azure-native:cdn:getRoute": { originGroup: { id: `/x/originGroups/${group}` } },
    });
    const app = { "azure-native:web:getWebApp": { tags: { release: "a.b" } } };
    const read = async (blueGreen: boolean, invokes: Record<string, Record<string, unknown>>) => {
      const client = { "azure-native:authorization:getClientConfig": { subscriptionId: "s" } };
      const { result, recording } = await record(
        () => servingColours({ scope: { project: "shop", stack: "test" }, functions: [http("api")], blueGreen }),
        { invokes: Object.defineProperties(client, Object.getOwnPropertyDescriptors(invokes)) },
      );
      return { found: result, calls: recording.calls };
    };
    const green = await read(true, { ...route("api-green"), ...app });
    expect(green.found).toMatchObject({ api: { serving: { colour: "green", release: "a.b" }, ending: false } });
    expect(green.calls.at(-1)?.inputs.name).toMatch(/^shop-test-api-next-/);
    expect((await read(false, route("api"))).found).toEqual({});
    expect((await read(false, { ...route("api-green"), ...app })).found).toMatchObject({ api: { ending: true } });
    await expect(read(true, failing("RESPONSE 403: 403 Forbidden"))).rejects.toThrow("403 Forbidden");
  });

  /** An error response of the provider, as the engine passes it on. */
  const failing = (details: string) =>
    Object.defineProperty({}, "azure-native:cdn:getRoute", {
      enumerable: true,
      get: () => {
        throw Object.assign(new Error(details), { details });
      },
    }) as Record<string, Record<string, unknown>>;

  test("nothing serves before the first deployment, for which Azure answers 404", async () => {
    const invokes = failing("RESPONSE 404: 404 Not Found\nERROR CODE: ResourceGroupNotFound");
    const { result } = await record(
      () => servingColours({ scope: { project: "shop", stack: "test" }, functions: [http("api")], blueGreen: true }),
      { invokes },
    );
    expect(result).toMatchObject({ api: { serving: undefined, ending: false } });
  });
});

describe("the site's files with a hash", () => {
  const files = (recording: Recording) =>
    ofType(recording, "storage:Blob")
      .filter(({ inputs }) => inputs.containerName === "$web")
      .map(({ inputs }) => String(inputs.blobName));
  const memory = (recording: Recording) => named(recording, "storage:BlobContainer", "azure-web-files").metadata;
  let folder = "";
  const remembered = (files: readonly string[], before: readonly string[] = []) =>
    environment({ site: folder, frontend: { remembered: { files, before } } });

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "site-"));
    writeFileSync(path.join(folder, "index.html"), '<script src="app.js"></script>');
    writeFileSync(path.join(folder, "app.js"), "//");
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test("stay for one release, and are deleted with the next", async () => {
    const first = (await environment({ site: folder })).recording;
    const hashed = files(first).filter((name) => /\.[0-9a-f]{12}\./.test(name));
    expect(hashed).not.toEqual([]);
    expect(memory(first)).toEqual({ files: hashed.join(" "), before: "" });

    const old = "app.0123456789ab.js";
    const next = (await remembered([old], ["app.older.js"])).recording;
    expect(files(next)).toContain(old);
    expect(files(next)).not.toContain("app.older.js");
    expect(memory(next)).toEqual({ files: hashed.join(" "), before: old });

    const same = (await remembered(hashed, [old])).recording;
    expect(files(same)).toContain(old);
    expect(memory(same)).toEqual(memory(next));
  });

  test("exist before Front Door serves the page that names them", async () => {
    const { recording } = await environment({ site: folder });
    const order = recording.all.map(({ type, name }) => `${type} ${name}`);
    const page = order.findIndex((each) => /storage:Blob azure-web\/index\.[0-9a-f]{12}\.html$/.test(each));
    const rule = order.indexOf("azure-native:cdn:Rule azure-web-site-singlepage");
    expect(page).toBeGreaterThan(order.indexOf("azure-native:storage:Blob azure-web/app.js"));
    expect(rule).toBeGreaterThan(page);
  });

  test("have a header that a response for a deleted file may have too", async () => {
    const { recording } = await environment();
    const rules = JSON.stringify(ofType(recording, "cdn:Rule").map(({ inputs }) => inputs.actions));
    expect(rules).toContain("public, max-age=3600");
    expect(rules).not.toMatch(/immutable|31536000|365\./);
  });

  test("are recorded in a container's metadata as far as it has room, those of this release first", () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `chunks/é-${index}.0123456789ab.js`);
    const { files = "", before = "" } = asMetadata({ files: many(100), before: many(200) });
    expect(keptOf({ files: [], before: [] }, [])).toEqual([]);
    expect(files.split(" ")).toHaveLength(100);
    expect(before.split(" ").length).toBeGreaterThan(10);
    expect(files.length + before.length).toBeLessThan(8_000);
    expect(asMetadata({ files: many(1_000), before: [] })).toEqual({});
  });

  test("are read from the record", async () => {
    const { result } = await record(() => rememberedSite({ project: "shop", stack: "test" }), {
      invokes: {
        "azure-native:authorization:getClientConfig": { subscriptionId: "s" },
        "azure-native:storage:getBlobContainer": { metadata: { files: "a%2Fb.js c.js", before: "" } },
      },
    });
    expect(result).toEqual({ files: ["a/b.js", "c.js"], before: [] });
  });
});
