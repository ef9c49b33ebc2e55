import { z } from "zod";

import { settingDigest } from "../../contract/setting-digest";
import { awsCli, azureCli, gcloudCli, lambdaTime, type VendorCli } from "../vendor-cli";
import type { InspectedCloud, InspectedClouds } from "./inspected-cloud";
import type { DeployedOutputs, ValuesOf } from "./outputs";
import { functionInTurn, servingApp } from "./serving-app";
import { UnansweredError } from "../unanswered-error";

/** The clouds that a stack is on, asked by their vendors' command lines. */
export function vendorClouds({ aws, azure, gcp }: DeployedOutputs): InspectedClouds {
  return {
    ...(aws && { aws: inspectedAws(aws) }),
    ...(azure && { azure: inspectedAzure(azure) }),
    ...(gcp && { gcp: inspectedGcp(gcp) }),
  };
}

/** Maximum number of log events to read: a fault of every request is among a few of them too. */
const mostEvents = 1_000;

const callerIdentity = z.object({ Account: z.string(), Arn: z.string() });
const functionConfiguration = z.object({
  Version: z.string().optional(),
  CodeSha256: z.string().optional(),
  /** The release, as the program sets it. */
  Description: z.string().default(""),
  Runtime: z.string(),
  Architectures: z.array(z.string()).default(["x86_64"]),
  State: z.string().default("Active"),
  LastModified: lambdaTime,
  Layers: z.array(z.object({ Arn: z.string() })).default([]),
  Environment: z.object({ Variables: z.record(z.string(), z.string()).default({}) }).default({ Variables: {} }),
});
const lambdaFunction = z.object({
  Configuration: functionConfiguration,
  Concurrency: z.object({ ReservedConcurrentExecutions: z.number().optional() }).default({}),
});
const layerVersion = z.object({
  CreatedDate: lambdaTime,
  CompatibleRuntimes: z.array(z.string()).default([]),
  CompatibleArchitectures: z.array(z.string()).default([]),
  Content: z.object({ CodeSize: z.number(), Location: z.url() }),
});
/** `PendingConfirmation` replaces the ARN of an unconfirmed subscription. */
const subscriptions = z.object({
  Subscriptions: z.array(z.object({ Endpoint: z.string(), SubscriptionArn: z.string() })).default([]),
});
const logEvents = z.object({
  events: z.array(z.object({ timestamp: z.number(), message: z.string(), logStreamName: z.string() })).default([]),
});

/** Matches lines of the HTTP API's access log (components/aws/http-api.ts) with an error of the gateway. */
const gatewayErrors = '{ ($.integrationError != "-") || ($.status = "429") }';

/** In another account the stack's resources are missing, and a redeployment would create all of them again. */
const ownedBy = (owner: string) => (identity: z.output<typeof callerIdentity>) => {
  if (identity.Account === owner) return identity;
  throw new UnansweredError(
    `aws is signed in to account ${identity.Account}, the stack is in account ${owner}`,
    "sign in to the stack's account, e.g. aws sso login --profile PROFILE, then: aws sts get-caller-identity",
  );
};

/** Within one release, the serving version and `$LATEST` have the same code. */
export function patchedLatest(version: string, serving: PublishedCode, latest: PublishedCode): string[] {
  if (serving.Description !== latest.Description || serving.CodeSha256 === latest.CodeSha256) return [];
  return [`$LATEST has other code than version ${version}, which serves, and says that it is the same release`];
}

interface PublishedCode {
  readonly Description: string;
  readonly CodeSha256?: string;
}

function inspectedAws(values: ValuesOf<"aws">): InspectedCloud {
  const { region, functionArn, accessLogs } = values;
  const cli = awsCli(region);
  const owner = functionArn.split(":")[4] ?? "";
  let asking: Promise<z.output<typeof callerIdentity>> | undefined;
  const signedIn = () => (asking ??= cli.ask(callerIdentity, "sts", "get-caller-identity").then(ownedBy(owner)));
  const aws: Pick<VendorCli, "ask" | "find"> = {
    ask: async (...question) => (await signedIn(), cli.ask(...question)),
    find: async (...question) => (await signedIn(), cli.find(...question)),
  };
  const events = async (group: string, since: Date, ...filter: string[]) => {
    const command = ["logs", "filter-log-events", "--log-group-name", group, "--start-time", String(since.getTime())];
    const found = await aws.find(logEvents, ...command, ...filter, "--max-items", String(mostEvents));
    return (found?.events ?? []).map(({ logStreamName, ...event }) => ({ ...event, stream: logStreamName }));
  };
  return {
    async identity() {
      const { Account, Arn } = await signedIn();
      return { account: Account, principal: Arn };
    },
    async function(functionName) {
      const found = await aws.find(lambdaFunction, "lambda", "get-function", "--function-name", functionName);
      if (found === undefined) return undefined;
      const { Concurrency: concurrency } = found;
      // The alias's version serves; a stack of an earlier release of the program has no alias.
      const named = ["--function-name", functionName, "--qualifier", "live"];
      const serving = await aws.find(functionConfiguration, "lambda", "get-function-configuration", ...named);
      const configuration = serving ?? found.Configuration;
      return {
        ...(serving?.Version !== undefined && {
          serving: `version ${serving.Version}`,
          patched: patchedLatest(serving.Version, serving, found.Configuration),
        }),
        runtime: configuration.Runtime,
        architecture: configuration.Architectures[0],
        state: configuration.State,
        layerArns: configuration.Layers.map(({ Arn }) => Arn),
        reservedConcurrency: concurrency.ReservedConcurrentExecutions,
        environment: Object.keys(configuration.Environment.Variables),
        modifiedAt: configuration.LastModified,
      };
    },
    async layer(arn) {
      const found = await aws.find(layerVersion, "lambda", "get-layer-version-by-arn", "--arn", arn);
      return (
        found && {
          arn,
          runtimes: found.CompatibleRuntimes,
          architectures: found.CompatibleArchitectures,
          createdAt: found.CreatedDate,
          size: found.Content.CodeSize,
          content: () => downloaded(found.Content.Location),
        }
      );
    },
    async hasTable(table) {
      return (await aws.find(z.object({}), "dynamodb", "describe-table", "--table-name", table)) !== undefined;
    },
    async subscriptions(topic) {
      const found = await aws.find(subscriptions, "sns", "list-subscriptions-by-topic", "--topic-arn", topic);
      return (found?.Subscriptions ?? []).map(({ Endpoint, SubscriptionArn }) => {
        return { endpoint: Endpoint, confirmed: SubscriptionArn.startsWith("arn:") };
      });
    },
    log: ({ logs }, since) => events(logs, since),
    ...(accessLogs !== undefined && {
      gatewayErrors: (since: Date) => events(accessLogs, since, "--filter-pattern", gatewayErrors),
    }),
  };
}

/** Content at a presigned URL. */
async function downloaded(url: string): Promise<Buffer> {
  const answer = await fetch(url);
  if (!answer.ok) throw new UnansweredError(`GET ${new URL(url).host} answers ${answer.status}`, "try again");
  return Buffer.from(await answer.arrayBuffer());
}

const account = z.object({ id: z.string(), user: z.object({ name: z.string() }) });
const site = z.object({
  properties: z.object({
    state: z.string(),
    lastModifiedTimeUtc: z.string().optional(),
    functionAppConfig: z.object({ runtime: z.object({ name: z.string(), version: z.string() }) }),
  }),
});
const frontDoorRoute = z.object({ originGroup: z.object({ id: z.string() }) });
const appSettings = z.array(z.object({ name: z.string(), value: z.string().nullish() }));
const rows = z.array(z.object({ TimeGenerated: z.coerce.date(), Role: z.string(), Text: z.string() }));

/** Traces of the application and the host, and exceptions, in one column. */
const logQuery = (functionName: string, since: Date) =>
  [
    "union",
    "(AppTraces | extend Text = Message),",
    "(AppExceptions | extend Text = strcat('Exception: ', ExceptionType, ': ', OuterMessage, ' ', InnermostMessage))",
    `| where AppRoleName == '${functionName}' and TimeGenerated >= datetime(${since.toISOString()})`,
    `| project TimeGenerated, Role = AppRoleInstance, Text | top ${mostEvents} by TimeGenerated desc`,
    "| order by TimeGenerated asc",
  ].join(" ");

function inspectedAzure(values: ValuesOf<"azure">): InspectedCloud {
  const { resourceGroup, storageAccount, subscriptionId, workspaceId, frontDoorProfile, frontDoorEndpoint } = values;
  const az = azureCli(subscriptionId);
  const resource = (type: string, name: string, apiVersion: string, ...parent: string[]) => [
    ...["resource", "show", "--resource-group", resourceGroup, "--resource-type", type, "--name", name],
    ...["--api-version", apiVersion, ...parent],
  ];
  const serving = async (deployedTo: string) => {
    const fn = functionInTurn(values, deployedTo);
    if (fn === undefined || frontDoorProfile === undefined || frontDoorEndpoint === undefined) return undefined;
    const found = await az.find(
      frontDoorRoute,
      ...["afd", "route", "show", "--resource-group", resourceGroup, "--profile-name", frontDoorProfile],
      ...["--endpoint-name", frontDoorEndpoint, "--route-name", fn.route],
    );
    return servingApp(fn, found?.originGroup.id);
  };
  return {
    async identity() {
      const { id, user } = await az.ask(account, "account", "show");
      return { account: id, principal: user.name };
    },
    async function(deployedTo) {
      const { functionName = deployedTo, ...inTurn } = (await serving(deployedTo)) ?? {};
      const found = await az.find(site, ...resource("Microsoft.Web/sites", functionName, "2024-04-01"));
      if (found === undefined) return undefined;
      const { state, lastModifiedTimeUtc, functionAppConfig } = found.properties;
      const named = ["--name", functionName, "--resource-group", resourceGroup];
      const list = ["functionapp", "config", "appsettings", "list", ...named];
      const settings = await az.ask(appSettings, ...list, "--query", "[].{name: name, value: value}");
      return {
        runtime: `${functionAppConfig.runtime.name}${functionAppConfig.runtime.version}`,
        state,
        layerArns: [],
        ...inTurn,
        environment: settings.map(({ name }) => name),
        // No value leaves this function. The stack's digests belong to the app of the last deployment.
        ...(functionName === deployedTo && {
          settings: Object.fromEntries(settings.map(({ name, value }) => [name, settingDigest(name, value ?? "")])),
        }),
        modifiedAt: lastModifiedTimeUtc,
      };
    },
    layer: () => Promise.resolve(undefined),
    async hasTable(table) {
      const inAccount = [
        "--namespace",
        "Microsoft.Storage",
        "--parent",
        `storageAccounts/${storageAccount}/tableServices/default`,
      ];
      return (await az.find(z.object({}), ...resource("tables", table, "2023-05-01", ...inAccount))) !== undefined;
    },
    async log({ functionName: deployedTo }, since) {
      const { functionName = deployedTo } = (await serving(deployedTo)) ?? {};
      const query = ["--workspace", workspaceId, "--analytics-query", logQuery(functionName, since)];
      const found = await az.ask(rows, "monitor", "log-analytics", "query", ...query);
      return found.map(({ TimeGenerated, Role, Text }) => ({
        timestamp: TimeGenerated.getTime(),
        stream: Role,
        message: Text,
      }));
    },
  };
}

const cloudProject = z.object({ projectId: z.string() });
const accounts = z.array(z.object({ account: z.string() }));
const cloudFunction = z.object({
  state: z.string(),
  updateTime: z.string(),
  buildConfig: z.object({ runtime: z.string() }),
  serviceConfig: z.object({
    environmentVariables: z.record(z.string(), z.string()).default({}),
    /** Full name of the Cloud Run service; its last part differs from a function name over 49 characters. */
    service: z.string().optional(),
    /** The revision of the function's last deployment. */
    revision: z.string().optional(),
  }),
});
const runService = z.object({
  status: z.object({
    traffic: z.array(z.object({ revisionName: z.string(), percent: z.number().default(0) })).default([]),
  }),
});
const entries = z.array(
  z.object({
    timestamp: z.coerce.date(),
    severity: z.string().default("DEFAULT"),
    textPayload: z.string().optional(),
    jsonPayload: z.record(z.string(), z.unknown()).optional(),
    resource: z.object({ labels: z.record(z.string(), z.string()).default({}) }),
  }),
);

function inspectedGcp({ project, region, database }: ValuesOf<"gcp">): InspectedCloud {
  const gcloud = gcloudCli(project);
  const describe = (functionName: string) =>
    gcloud.find(cloudFunction, "functions", "describe", functionName, "--region", region);
  const serviceOf = (functionName: string, found: z.output<typeof cloudFunction> | undefined) =>
    found?.serviceConfig.service?.split("/").at(-1) ?? functionName;
  return {
    async identity() {
      // With credentials from a workflow no account is active; it matters only that they work.
      const [{ projectId }, [active]] = await Promise.all([
        gcloud.ask(cloudProject, "projects", "describe", project),
        gcloud.ask(accounts, "auth", "list", "--filter", "status:ACTIVE"),
      ]);
      return { account: projectId, principal: active?.account ?? "credentials of the environment" };
    },
    async function(functionName) {
      const found = await describe(functionName);
      if (found === undefined) return undefined;
      const service = serviceOf(functionName, found);
      const run = await gcloud.find(runService, "run", "services", "describe", service, "--region", region);
      const serving = (run?.status.traffic ?? []).filter(({ percent }) => percent > 0);
      const { revision } = found.serviceConfig;
      const others = serving.filter(({ revisionName }) => revision !== undefined && revisionName !== revision);
      return {
        ...(serving.length > 0 && {
          serving: serving.map(({ revisionName, percent }) => `revision ${revisionName} (${percent} %)`).join(", "),
          rolledBack: others.map(({ revisionName }) => {
            return `revision ${revisionName} serves, and the function's last deployment made ${String(revision)}`;
          }),
        }),
        runtime: found.buildConfig.runtime.replace(/^python(\d)(\d+)$/, "python$1.$2"),
        state: found.state,
        layerArns: [],
        environment: Object.keys(found.serviceConfig.environmentVariables),
        modifiedAt: found.updateTime,
      };
    },
    layer: () => Promise.resolve(undefined),
    async hasTable() {
      if (database === undefined) return false;
      // Firestore creates collections on the first write; only their database can be missing.
      const command = ["firestore", "databases", "describe", "--database", database];
      return (await gcloud.find(z.object({}), ...command)) !== undefined;
    },
    async log({ functionName }, since) {
      const filter = [
        'resource.type="cloud_run_revision"',
        `resource.labels.service_name="${serviceOf(functionName, await describe(functionName))}"`,
        `timestamp>="${since.toISOString()}"`,
      ].join(" AND ");
      const found = await gcloud.ask(
        entries,
        "logging",
        "read",
        filter,
        // Ascending order would return the oldest events, without the current failures.
        "--order",
        "desc",
        "--limit",
        String(mostEvents),
      );
      return found.reverse().map(({ timestamp, severity, textPayload, jsonPayload, resource }) => ({
        timestamp: timestamp.getTime(),
        stream: resource.labels.revision_name ?? "",
        // The payload no longer contains the severity.
        message: textPayload ?? JSON.stringify({ severity, ...jsonPayload }),
      }));
    },
  };
}
