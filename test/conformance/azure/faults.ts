import type { Fault } from "../cloud-tests";

const origin = "azure-native:cdn:AFDOrigin";
const rule = "azure-native:cdn:Rule";
const app = "azure-native:web:WebApp";
const role = "azure-native:authorization:RoleAssignment";

const setting = (name: string, value: string): Fault => ({
  type: app,
  inputs: { siteConfig: { appSettings: [{ name, value }] } },
});

/** A fault for each rule of relations.ts. */
export const faults: Readonly<Record<string, Fault>> = {
  "a route waits for an origin of its origin group": { type: origin, inputs: { originGroupName: "another" } },
  "an origin group of a route has an origin that is the app or the site": {
    type: origin,
    inputs: { hostName: "elsewhere.example.com" },
  },
  "an origin group asks for no more successes than samples": {
    type: "azure-native:cdn:AFDOriginGroup",
    inputs: { loadBalancingSettings: { successfulSamplesRequired: 5 } },
  },
  "no two routes of an endpoint match the same": {
    type: "azure-native:cdn:Route",
    inputs: { patternsToMatch: ["/*"] },
  },
  "no two rules of a rule set have one order": { type: rule, inputs: { order: 1 } },
  "a rule that compares lengths names whole numbers": {
    type: rule,
    inputs: { conditions: [{ parameters: { operator: "LessThan", matchValues: ["one"] } }] },
  },
  "managed rules need Front Door Premium, and the policy's tier is the profile's": {
    type: "azure-native:frontdoor:Policy",
    inputs: { sku: { name: "Standard_AzureFrontDoor" } },
  },
  "every name of a profile that has a firewall is behind it": {
    type: "azure-native:cdn:SecurityPolicy",
    inputs: { parameters: "none" },
  },
  "a Flex Consumption plan has one app, in its own region": {
    type: "azure-native:web:AppServicePlan",
    inputs: { location: "westus" },
  },
  "an app on Flex Consumption has none of the settings that it refuses": setting("FUNCTIONS_WORKER_RUNTIME", "python"),
  "an app's instances make way in one of the ways that Flex Consumption has": {
    type: app,
    inputs: { functionAppConfig: { siteUpdateStrategy: { type: "Swap" } } },
  },
  "an app's settings have names of their own": setting("MESSAGES_TABLE", "another"),
  "an identity's connections name an account, or an address, of the program, and the identity": setting(
    "AzureWebJobsStorage__accountName",
    "nobody",
  ),
  "an account without keys is reached by identity": setting("AzureWebJobsStorage", "AccountKey=none"),
  "the app's deployment container is one of the program's, where its identity may write": {
    type: app,
    inputs: { functionAppConfig: { deployment: { storage: { value: "https://nobody.blob.core.windows.net/none" } } } },
  },
  "a role is built in, and assigned once to one principal in one place": {
    type: role,
    inputs: { roleDefinitionId: "none" },
  },
  "the principal of a managed identity is a service principal": { type: role, inputs: { principalType: "User" } },
  "a static website is of a general-purpose account": {
    type: "azure-native:storage:StorageAccount",
    inputs: { kind: "BlobStorage" },
  },
  "the package has the entry point and the host's settings at its top": {
    type: "azure-native:storage:Blob",
    inputs: { source: "none" },
  },
  "a deployment's template is given its parameters, deploys to the app, and fetches a package of the program": {
    type: "azure-native:resources:Deployment",
    inputs: { properties: { template: { parameters: { another: { type: "string" } } } } },
  },
  "a setting that a vault holds names a version of a secret there, which the identity of the app may read": setting(
    "PAYMENT_KEY_OF_ANOTHER",
    "@Microsoft.KeyVault(SecretUri=https://nobody.vault.azure.net/secrets/none)",
  ),
  "a vault on which roles are assigned asks for roles": {
    type: "azure-native:keyvault:Vault",
    inputs: { properties: { enableRbacAuthorization: false } },
  },
  "a timer's schedule is NCRONTAB of six fields": setting("MULTICLOUD_SCHEDULE", "0 * * * *"),
  "an alert needs no more failing periods than it looks at": {
    type: "azure-native:monitor:ScheduledQueryRule",
    inputs: {
      criteria: { allOf: [{ failingPeriods: { minFailingPeriodsToAlert: 2, numberOfEvaluationPeriods: 1 } }] },
    },
  },
};
