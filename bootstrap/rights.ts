import type { Cloud } from "../contract/clouds";
import { awsRights } from "./aws-rights";
import { azureRights } from "./azure-rights";
import { gcpRights } from "./gcp-rights";

/** What a provider may have to be allowed in order to do something with resources of one type, in the cloud's words. */
export interface TypeRights {
  readonly create: readonly string[];
  readonly read: readonly string[];
  /** Absent where every change is a replacement. */
  readonly update?: readonly string[];
  /** Empty where the provider deletes nothing. */
  readonly delete: readonly string[];
}

export type Operation = keyof TypeRights;

export type Rights = Readonly<Record<string, TypeRights>>;

/** By the type tokens of the cloud's provider, for each type that the program declares. */
export const rights: Readonly<Record<Cloud, Rights>> = { aws: awsRights, azure: azureRights, gcp: gcpRights };

/**
 * Who runs the program: `deploy` makes what is wanted, `preview` runs the program and asks the engine, without the clouds'
 * resources, `drift` compares the stack with them.
 */
export const identities = ["deploy", "preview", "drift"] as const;
export type Identity = (typeof identities)[number];

/** Functions of providers that the program calls at each run, with what they need. */
export const invokeRights: Readonly<Record<Cloud, Readonly<Record<string, readonly string[]>>>> = {
  // `sts:GetCallerIdentity` cannot be refused.
  aws: {},
  azure: {
    "azure-native:storage:listStorageAccountServiceSAS": ["Microsoft.Storage/storageAccounts/listServiceSas/action"],
  },
  gcp: { "gcp:organizations/getProject:getProject": ["resourcemanager.projects.get"] },
};

/**
 * What the commands ask that a deployment runs beside the engine, each named by what asks; `.github/workflows/deploy-stack.yml`
 * runs `diagnose` as the identity that deploys.
 */
export const commandRights: Readonly<Record<Cloud, Readonly<Record<string, readonly string[]>>>> = {
  aws: {
    "cli/version-check.ts": [
      "lambda:GetFunctionConfiguration",
      "lambda:InvokeFunction",
      "lambda:GetAlias",
      "lambda:CreateAlias",
      // Of a version that has no snapshot, which is published anew.
      "lambda:DeleteFunction",
      "lambda:UpdateFunctionConfiguration",
      "lambda:PublishVersion",
    ],
    "cli/former-version.ts": [
      "lambda:GetPolicy",
      "lambda:PublishVersion",
      "lambda:AddPermission",
      "apigateway:GET",
      "apigateway:PATCH",
    ],
    "cli/canary.ts": [
      "lambda:ListVersionsByFunction",
      "lambda:ListAliases",
      "lambda:CreateAlias",
      "lambda:UpdateAlias",
      "lambda:DeleteAlias",
      "cloudwatch:GetMetricData",
      "cloudwatch:DescribeAlarms",
    ],
    "cli/diagnose.ts": [
      "lambda:GetFunction",
      "lambda:GetFunctionConfiguration",
      "lambda:GetLayerVersion",
      "dynamodb:DescribeTable",
      "sns:ListSubscriptionsByTopic",
      "logs:FilterLogEvents",
    ],
  },
  azure: {
    "cli/diagnose.ts": [
      "Microsoft.Web/sites/read",
      "Microsoft.Web/sites/config/read",
      // The settings with their values, of which it keeps digests.
      "Microsoft.Web/sites/config/list/action",
      "Microsoft.Storage/storageAccounts/tableServices/tables/read",
      "Microsoft.OperationalInsights/workspaces/read",
      "Microsoft.OperationalInsights/workspaces/query/read",
      // Of the tables that it asks: the right above alone reads none.
      "Microsoft.OperationalInsights/workspaces/query/AppTraces/read",
      "Microsoft.OperationalInsights/workspaces/query/AppExceptions/read",
    ],
  },
  gcp: {
    // Of functions that are not public; with the token of its own account.
    "cli/smoke-check.ts": ["run.routes.invoke"],
    "cli/canary.ts": [
      "cloudfunctions.functions.get",
      "run.services.get",
      "run.services.update",
      "run.revisions.list",
      "logging.logEntries.list",
    ],
    "cli/diagnose.ts": [
      "resourcemanager.projects.get",
      "cloudfunctions.functions.get",
      "run.services.get",
      "datastore.databases.getMetadata",
      "logging.logEntries.list",
    ],
  },
};

/** All that an operation may need, reading back included. */
export function needed(of: TypeRights, operation: Operation): readonly string[] {
  return [...new Set([...(of[operation] ?? []), ...(operation === "delete" ? [] : of.read)])];
}

/** What an identity has to be allowed on a cloud, over all types of the program; sorted. */
export function rightsOf(cloud: Cloud, identity: Identity): string[] {
  const types = Object.values(rights[cloud]);
  const onResources = {
    deploy: types.flatMap((type) => [...type.create, ...type.read, ...(type.update ?? []), ...type.delete]),
    preview: [],
    drift: types.flatMap(({ read }) => read),
  }[identity];
  const ofCommands = identity === "deploy" ? Object.values(commandRights[cloud]).flat() : [];
  return [...new Set([...onResources, ...Object.values(invokeRights[cloud]).flat(), ...ofCommands])].sort();
}
