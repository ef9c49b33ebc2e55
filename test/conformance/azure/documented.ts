import type { SchemaObject } from "ajv";

import type { ByPath, Documented } from "../rules";

const documented = (source: string, schema: SchemaObject): Documented => ({ source, schema });

const matching = (source: string, pattern: string, maxLength?: number): Documented =>
  documented(source, { type: "string", pattern, ...(maxLength !== undefined && { maxLength }) });

const whole = (source: string, minimum: number, maximum: number): Documented =>
  documented(source, { type: "integer", minimum, maximum });

const names = "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules";

const text = (source: string, maxLength: number) => documented(source, { type: "string", minLength: 1, maxLength });

const location = matching("https://learn.microsoft.com/azure/reliability/regions-list", "^[a-z]{5,20}[1-9]?$");
const everywhere = documented("https://learn.microsoft.com/azure/frontdoor/scenarios#global", { enum: ["Global"] });

const tags = documented(
  "https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations",
  {
    type: "object",
    maxProperties: 50,
    propertyNames: { pattern: "^[^<>%&\\\\?/]{1,128}$" },
    additionalProperties: { type: "string", maxLength: 256 },
  },
);

const hostName = matching(
  "https://www.rfc-editor.org/rfc/rfc1123#section-2",
  "^[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63})+$",
  253,
);

const routes = "https://learn.microsoft.com/azure/frontdoor/front-door-route-matching";
const pattern = matching(routes, "^/[\\w./-]*\\*?$", 260);

const origins = "https://learn.microsoft.com/azure/frontdoor/origin";
const flex = "https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan";
const actions = "https://learn.microsoft.com/azure/frontdoor/front-door-rules-engine-actions";
const queryRules = "https://learn.microsoft.com/rest/api/monitor/scheduled-query-rules/create-or-update";
const template = "https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax";
const access = "https://learn.microsoft.com/azure/app-service/app-service-ip-restrictions";

/** Names of Front Door's objects within a profile. */
const frontDoorName = matching(names, "^[A-Za-z0-9]([A-Za-z0-9-]{0,88}[A-Za-z0-9])?$");
const ruleSetName = matching(names, "^[A-Za-z][A-Za-z0-9]{0,59}$");

const guid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

const deploymentTemplate: SchemaObject = {
  type: "object",
  required: ["$schema", "contentVersion", "resources"],
  properties: {
    $schema: { const: "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#" },
    contentVersion: { type: "string", pattern: "^(\\d+\\.){3}\\d+$", maxLength: 50 },
    parameters: {
      type: "object",
      additionalProperties: {
        type: "object",
        required: ["type"],
        properties: {
          type: { enum: ["string", "secureString", "int", "bool", "object", "secureObject", "array"] },
          defaultValue: {},
        },
        additionalProperties: false,
      },
    },
    resources: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["type", "apiVersion", "name", "properties"],
        properties: {
          // https://learn.microsoft.com/azure/azure-functions/functions-infrastructure-as-code#deploy-your-code
          type: { const: "Microsoft.Web/sites/extensions" },
          apiVersion: { type: "string", pattern: "^20\\d\\d-\\d\\d-\\d\\d$" },
          name: { type: "string", pattern: "^[A-Za-z0-9-]{2,60}/onedeploy$" },
          properties: {
            type: "object",
            required: ["packageUri"],
            properties: {
              packageUri: { type: "string", pattern: "^\\[parameters\\('\\w+'\\)\\]$", maxLength: 255 },
              remoteBuild: { type: "boolean" },
            },
            additionalProperties: false,
          },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};

/** Rules for values from Microsoft's documentation that its management SDK lacks. */
export const documentedValues: ByPath<Documented> = {
  "azure-native:resources:ResourceGroup": { location, tags },
  "azure-native:resources:Deployment": {
    "properties.template": documented(template, deploymentTemplate),
    "properties.parameters.packageUri.value": matching(
      "https://learn.microsoft.com/rest/api/storageservices/create-service-sas",
      "^https://[a-z0-9]{3,24}\\.blob\\.core\\.windows\\.net/[\\w./-]+\\?.*sig=",
      4096,
    ),
    "properties.parameters.release.value": matching(
      "https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata",
      "^[\\w./-]*\\w$",
      1024,
    ),
    "properties.parameters": documented(template, {
      type: "object",
      additionalProperties: {
        type: "object",
        required: ["value"],
        properties: { value: {} },
        additionalProperties: false,
      },
    }),
  },
  "azure-native:managedidentity:UserAssignedIdentity": {
    location,
    tags,
    resourceName: matching(names, "^[A-Za-z0-9][\\w-]{2,127}$"),
  },
  "azure-native:authorization:RoleAssignment": {
    roleDefinitionId: matching(
      "https://learn.microsoft.com/azure/role-based-access-control/role-definitions",
      `^/subscriptions/${guid}/providers/Microsoft\\.Authorization/roleDefinitions/${guid}$`,
    ),
  },
  "azure-native:authorization:ManagementLockByScope": {
    lockName: matching(names, "^[\\w().-]{1,90}$"),
    notes: text("https://learn.microsoft.com/rest/api/resources/management-locks/create-or-update-by-scope", 512),
  },
  "azure-native:storage:StorageAccount": { location, tags },
  "azure-native:storage:BlobContainer": {
    containerName: matching(names, "^([a-z0-9]+(-[a-z0-9]+)*|\\$web)$", 63),
    metadata: documented(
      "https://learn.microsoft.com/rest/api/storageservices/setting-and-retrieving-properties-and-metadata-for-blob-resources",
      {
        type: "object",
        // Lists of encoded names; no other setting is used.
        properties: Object.fromEntries(
          ["files", "before"].map((key) => [key, { type: "string", pattern: "^[\\w.%~ -]*$", maxLength: 8192 }]),
        ),
        additionalProperties: false,
      },
    ),
  },
  "azure-native:keyvault:Vault": {
    location,
    tags,
    vaultName: matching(names, "^[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]$"),
    "properties.tenantId": matching(
      "https://learn.microsoft.com/rest/api/keyvault/vaults/create-or-update",
      `^${guid}$`,
    ),
    "properties.publicNetworkAccess": documented(
      "https://learn.microsoft.com/rest/api/keyvault/vaults/create-or-update",
      {
        enum: ["enabled", "disabled"],
      },
    ),
    "properties.softDeleteRetentionInDays": whole(
      "https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview",
      7,
      90,
    ),
  },
  "azure-native:keyvault:Secret": {
    secretName: matching(names, "^[A-Za-z0-9-]{1,127}$"),
    "properties.value": text("https://learn.microsoft.com/azure/key-vault/secrets/about-secrets", 25 * 1024),
  },
  "azure-native:operationalinsights:Workspace": {
    location,
    tags,
    retentionInDays: whole("https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure", 30, 730),
  },
  "azure-native:applicationinsights:Component": {
    location,
    tags,
    resourceName: matching(names, "^[^%&\\\\?/ ]{1,260}$"),
    kind: documented("https://learn.microsoft.com/rest/api/application-insights/components/create-or-update", {
      enum: ["web", "ios", "other", "store", "java", "phone"],
    }),
  },
  "azure-native:web:AppServicePlan": {
    location,
    tags,
    name: matching(names, "^[\\w-]{1,60}$"),
    kind: documented(
      "https://github.com/Azure/app-service-linux-docs/blob/master/Things_You_Should_Know/kind_property.md",
      {
        enum: ["functionapp"],
      },
    ),
    sku: documented(flex, { const: { name: "FC1", tier: "FlexConsumption" } }),
    reserved: documented(flex, { const: true }),
  },
  "azure-native:web:WebApp": {
    location,
    tags,
    name: matching(names, "^[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]$"),
    kind: documented(
      "https://github.com/Azure/app-service-linux-docs/blob/master/Things_You_Should_Know/kind_property.md",
      {
        enum: ["functionapp,linux"],
      },
    ),
    "functionAppConfig.runtime.version": documented(
      "https://learn.microsoft.com/azure/azure-functions/supported-languages#languages-by-runtime-version",
      { enum: ["3.10", "3.11", "3.12", "3.13"] },
    ),
    "functionAppConfig.deployment.storage.value": matching(
      "https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#configure-deployment-settings",
      "^https://[a-z0-9]{3,24}\\.blob\\.core\\.windows\\.net/[a-z0-9-]{3,63}$",
    ),
    "functionAppConfig.scaleAndConcurrency.instanceMemoryMB": documented(`${flex}#instance-sizes`, {
      enum: [512, 2048, 4096],
    }),
    "functionAppConfig.scaleAndConcurrency.triggers.http.perInstanceConcurrency": whole(
      "https://learn.microsoft.com/azure/azure-functions/functions-concurrency",
      1,
      1000,
    ),
    "functionAppConfig.scaleAndConcurrency.maximumInstanceCount": whole(`${flex}#scale`, 1, 1000),
    "identity.userAssignedIdentities": documented("@pulumi/azure-native", { type: "string" }),
    "siteConfig.appSettings.name": matching(
      "https://learn.microsoft.com/azure/app-service/configure-common#configure-app-settings",
      "^[A-Za-z_][\\w.]*$",
      256,
    ),
    "siteConfig.ipSecurityRestrictions.action": documented(access, { enum: ["Allow", "Deny"] }),
    "siteConfig.ipSecurityRestrictions.ipAddress": matching(
      access,
      "^(AzureFrontDoor\\.Backend|Any|[0-9a-f.:]+/\\d{1,3})$",
      50,
    ),
    "siteConfig.ipSecurityRestrictions.name": matching(access, "^[\\w-]{1,32}$"),
    "siteConfig.ipSecurityRestrictions.priority": whole(access, 1, 2_147_483_647),
    "siteConfig.ipSecurityRestrictions.headers": documented(`${access}#filter-by-http-header`, {
      type: "object",
      propertyNames: { enum: ["x-forwarded-host", "x-forwarded-for", "x-azure-fdid", "x-fd-healthprobe"] },
      additionalProperties: { type: "array", items: { type: "string", maxLength: 255 }, maxItems: 8 },
    }),
  },
  "azure-native:cdn:Profile": { location: everywhere, tags, profileName: frontDoorName },
  "azure-native:cdn:AFDEndpoint": {
    location: everywhere,
    tags,
    endpointName: matching(names, "^[A-Za-z0-9]([A-Za-z0-9-]{0,44}[A-Za-z0-9])?$"),
  },
  "azure-native:cdn:AFDOriginGroup": {
    originGroupName: frontDoorName,
    "loadBalancingSettings.sampleSize": whole(origins, 1, 255),
    "loadBalancingSettings.successfulSamplesRequired": whole(origins, 1, 255),
    "loadBalancingSettings.additionalLatencyInMilliseconds": whole(origins, 0, 1000),
  },
  "azure-native:cdn:AFDOrigin": { originName: frontDoorName, hostName, originHostHeader: hostName },
  "azure-native:cdn:AFDCustomDomain": { customDomainName: frontDoorName, hostName },
  "azure-native:cdn:RuleSet": { ruleSetName },
  "azure-native:cdn:Rule": {
    ruleName: matching(names, "^[A-Za-z][A-Za-z0-9]{0,259}$"),
    order: whole("https://learn.microsoft.com/azure/frontdoor/front-door-rules-engine", 0, 2_147_483_647),
    "conditions.parameters.matchValues": matching(
      "https://learn.microsoft.com/azure/frontdoor/rules-match-conditions",
      "^[\\w.\\\\{}[\\]-]+$",
      256,
    ),
    "actions.parameters.headerName": matching(actions, "^[A-Za-z][A-Za-z0-9-]*$", 255),
    "actions.parameters.value": text(actions, 4096),
    "actions.parameters.cacheConfiguration.cacheDuration": matching(
      actions,
      "^(\\d{1,3}\\.)?[0-2]\\d:[0-5]\\d:[0-5]\\d$",
    ),
    "actions.parameters.destination": matching(actions, "^/[\\w./-]*$", 1024),
    "actions.parameters.sourcePattern": matching(actions, "^/[\\w./-]*$", 1024),
  },
  "azure-native:cdn:Route": {
    routeName: frontDoorName,
    patternsToMatch: pattern,
    "cacheConfiguration.compressionSettings.contentTypesToCompress": documented(
      "https://learn.microsoft.com/azure/frontdoor/standard-premium/how-to-compression",
      {
        enum: [
          "application/javascript",
          "application/json",
          "application/manifest+json",
          "application/xml",
          "image/svg+xml",
          "text/css",
          "text/html",
          "text/javascript",
          "text/plain",
          "text/xml",
        ],
      },
    ),
  },
  "azure-native:cdn:SecurityPolicy": {
    securityPolicyName: frontDoorName,
    "parameters.associations.patternsToMatch": matching(
      "https://learn.microsoft.com/rest/api/frontdoor/azurefrontdoorstandardpremium/security-policies/create",
      "^/\\*$",
    ),
  },
  "azure-native:frontdoor:Policy": {
    location: everywhere,
    tags,
    policyName: matching(names, "^[A-Za-z][A-Za-z0-9]{0,127}$"),
    "managedRules.managedRuleSets": documented(
      "https://learn.microsoft.com/azure/web-application-firewall/afds/waf-front-door-drs",
      {
        type: "object",
        properties: {
          ruleSetType: { enum: ["Microsoft_DefaultRuleSet", "Microsoft_BotManagerRuleSet"] },
          ruleSetVersion: { enum: ["1.1", "2.0", "2.1"] },
        },
      },
    ),
  },
  "azure-native:monitor:DiagnosticSetting": {
    name: matching(
      "https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings",
      "^[^<>*%&:\\\\?+/ ]{1,260}$",
    ),
    "logs.category": documented("https://learn.microsoft.com/azure/frontdoor/monitor-front-door-reference", {
      enum: ["FrontDoorAccessLog", "FrontDoorHealthProbeLog", "FrontDoorWebApplicationFirewallLog"],
    }),
  },
  "azure-native:monitor:ActionGroup": {
    location: documented("https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups", { enum: ["Global"] }),
    tags,
    actionGroupName: matching(names, "^[^:<>+/&%\\\\?|]{0,259}[^:<>+/&%\\\\?| .!]$"),
    "emailReceivers.name": matching(
      "https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups",
      "^[\\w-]{1,128}$",
    ),
    "emailReceivers.emailAddress": matching(
      "https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2",
      "^[^\\s@]+@[^\\s@]+\\.[^\\s@]+$",
      254,
    ),
  },
  "azure-native:monitor:ScheduledQueryRule": {
    location,
    tags,
    description: text(queryRules, 4096),
    displayName: text(queryRules, 260),
    severity: whole(queryRules, 0, 4),
    evaluationFrequency: documented(queryRules, { enum: ["PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT1H"] }),
    windowSize: documented(queryRules, { enum: ["PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT1H"] }),
    "criteria.allOf.metricMeasureColumn": matching(queryRules, "^[A-Za-z_]\\w*$", 128),
    "criteria.allOf.query": matching(
      "https://learn.microsoft.com/azure/azure-monitor/reference/tables/apprequests",
      "^(App(Requests|Exceptions|Traces)|AzureDiagnostics) (\\| (where|extend|summarize) [^|]+)+$",
      10_000,
    ),
    "criteria.allOf.failingPeriods.minFailingPeriodsToAlert": whole(queryRules, 1, 6),
    "criteria.allOf.failingPeriods.numberOfEvaluationPeriods": whole(queryRules, 1, 6),
  },
};
