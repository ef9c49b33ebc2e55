import type { Cloud } from "../contract/clouds";

/** Commands that run outside the engine. */
export type Command =
  "version-check" | "former-version" | "smoke-check" | "canary" | "diagnose" | "releases" | "rollback" | "prune";

/** A request to a private function with the user's token, which is not a command line call. */
export const invocation = "request";

/** Permissions of a command line call, by its subcommand, e.g. `lambda update-alias`. */
export type Calls = Readonly<Record<string, readonly string[]>>;

/** `az storage blob --auth-mode key` looks the account up by its name, and asks it for a key. */
const blobsByKey = ["Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/listKeys/action"];

const awsReleases: Calls = {
  "lambda list-versions-by-function": ["lambda:ListVersionsByFunction"],
  "lambda list-aliases": ["lambda:ListAliases"],
};
const azureReleases: Calls = {
  "storage blob list": blobsByKey,
  "deployment group show": ["Microsoft.Resources/deployments/read"],
  // Of a function in two colours.
  "afd route show": ["Microsoft.Cdn/profiles/afdEndpoints/routes/read"],
  "resource show": ["Microsoft.Web/sites/read"],
};
const gcpReleases: Calls = {
  "functions describe": ["cloudfunctions.functions.get"],
  "run revisions list": ["run.revisions.list"],
  "run services describe": ["run.services.get"],
};

/**
 * What each command asks the clouds for, call by call: those of AWS by the actions of the service authorization reference,
 * those of Azure by the operations of Resource Manager that the Azure CLI sends, those of Google Cloud by the permissions of
 * the methods that the Google Cloud CLI calls.
 */
export const commandCalls: Readonly<Record<Cloud, Readonly<Record<Command, Calls>>>> = {
  aws: {
    "version-check": {
      "lambda get-function-configuration": ["lambda:GetFunctionConfiguration"],
      "lambda invoke": ["lambda:InvokeFunction"],
      "lambda get-alias": ["lambda:GetAlias"],
      "lambda create-alias": ["lambda:CreateAlias"],
      // Of a version that has no snapshot, which is published anew.
      "lambda list-versions-by-function": ["lambda:ListVersionsByFunction"],
      "lambda delete-function": ["lambda:DeleteFunction"],
      "lambda update-function-configuration": ["lambda:UpdateFunctionConfiguration"],
      "lambda wait function-updated-v2": ["lambda:GetFunction"],
      "lambda publish-version": ["lambda:PublishVersion"],
    },
    "former-version": {
      "lambda get-policy": ["lambda:GetPolicy"],
      "lambda publish-version": ["lambda:PublishVersion"],
      "lambda add-permission": ["lambda:AddPermission"],
      "apigatewayv2 get-integrations": ["apigateway:GET"],
      "apigatewayv2 update-integration": ["apigateway:PATCH"],
    },
    "smoke-check": {},
    canary: {
      ...awsReleases,
      "lambda create-alias": ["lambda:CreateAlias"],
      "lambda update-alias": ["lambda:UpdateAlias"],
      "lambda delete-alias": ["lambda:DeleteAlias"],
      "cloudwatch get-metric-data": ["cloudwatch:GetMetricData"],
      "cloudwatch describe-alarms": ["cloudwatch:DescribeAlarms"],
    },
    diagnose: {
      "lambda get-function": ["lambda:GetFunction"],
      "lambda get-function-configuration": ["lambda:GetFunctionConfiguration"],
      "lambda get-layer-version-by-arn": ["lambda:GetLayerVersion"],
      "dynamodb describe-table": ["dynamodb:DescribeTable"],
      "sns list-subscriptions-by-topic": ["sns:ListSubscriptionsByTopic"],
      "logs filter-log-events": ["logs:FilterLogEvents"],
    },
    releases: awsReleases,
    rollback: { ...awsReleases, "lambda update-alias": ["lambda:UpdateAlias"] },
    prune: {
      ...awsReleases,
      "lambda list-layers": ["lambda:ListLayers"],
      "lambda list-layer-versions": ["lambda:ListLayerVersions"],
      "lambda get-layer-version": ["lambda:GetLayerVersion"],
      // Of a layer that is signed.
      "signer describe-signing-job": ["signer:DescribeSigningJob"],
      "lambda list-functions": ["lambda:ListFunctions"],
      "lambda delete-alias": ["lambda:DeleteAlias"],
      "lambda delete-function": ["lambda:DeleteFunction"],
      "lambda delete-layer-version": ["lambda:DeleteLayerVersion"],
    },
  },
  azure: {
    "version-check": {},
    "former-version": {},
    "smoke-check": {},
    canary: {},
    diagnose: {
      "resource show": ["Microsoft.Web/sites/read", "Microsoft.Storage/storageAccounts/tableServices/tables/read"],
      // The settings with their values, of which it keeps digests.
      "functionapp config appsettings list": [
        "Microsoft.Web/sites/read",
        "Microsoft.Web/sites/config/read",
        "Microsoft.Web/sites/config/list/action",
      ],
      "monitor log-analytics query": [
        "Microsoft.OperationalInsights/workspaces/read",
        "Microsoft.OperationalInsights/workspaces/query/read",
        // Of the tables that it asks: the right above alone reads none.
        "Microsoft.OperationalInsights/workspaces/query/AppTraces/read",
        "Microsoft.OperationalInsights/workspaces/query/AppExceptions/read",
      ],
    },
    releases: azureReleases,
    rollback: {
      ...azureReleases,
      "storage blob generate-sas": blobsByKey,
      // Of a function in two colours.
      "afd route update": [
        "Microsoft.Cdn/profiles/afdEndpoints/routes/read",
        "Microsoft.Cdn/profiles/afdEndpoints/routes/write",
        "Microsoft.Cdn/operationresults/*",
      ],
      // It validates the template first, and lists the operations while it waits.
      "deployment group create": [
        "Microsoft.Resources/deployments/validate/action",
        "Microsoft.Resources/deployments/write",
        "Microsoft.Resources/deployments/read",
        "Microsoft.Resources/deployments/operationstatuses/read",
        "Microsoft.Resources/deployments/operations/read",
        "Microsoft.Web/sites/extensions/write",
      ],
    },
    prune: { ...azureReleases, "storage blob delete": blobsByKey },
  },
  gcp: {
    "version-check": {},
    "former-version": {},
    "smoke-check": { [invocation]: ["run.routes.invoke"] },
    canary: {
      ...gcpReleases,
      "run services update-traffic": ["run.services.get", "run.services.update", "iam.serviceAccounts.actAs"],
      "logging read": ["logging.logEntries.list"],
    },
    diagnose: {
      "projects describe": ["resourcemanager.projects.get"],
      "functions describe": ["cloudfunctions.functions.get"],
      "run services describe": ["run.services.get"],
      "firestore databases describe": ["datastore.databases.getMetadata"],
      "logging read": ["logging.logEntries.list"],
    },
    releases: gcpReleases,
    rollback: {
      ...gcpReleases,
      // The service runs as an account; a private function is probed with a token.
      [invocation]: ["run.routes.invoke"],
      "run services update-traffic": ["run.services.get", "run.services.update", "iam.serviceAccounts.actAs"],
    },
    prune: { ...gcpReleases, "run revisions delete": ["run.revisions.get", "run.revisions.delete"] },
  },
};

/** Permissions of a call, independent of the command. */
export function callRights(cloud: Cloud, call: string): readonly string[] {
  const found = Object.values(commandCalls[cloud]).find((calls) => call in calls)?.[call];
  if (found === undefined) throw new Error(`bootstrap/commands.ts does not say what ${call} needs on ${cloud}`);
  return found;
}
