import { existsSync, readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";

import type { PulumiCommand } from "@pulumi/pulumi/automation";

import { settingDigest } from "../contract/setting-digest";
import type { Commands } from "../operations/diagnose/check";
import type { Environment } from "../operations/diagnose/diagnose";
import type {
  DeployedFunction,
  DeployedLayer,
  Identity,
  InspectedCloud,
  InspectedClouds,
  LogEvent,
  LoggedFunction,
  Subscription,
} from "../operations/diagnose/inspected-cloud";
import type { DeployedOutputs, ValuesOf } from "../operations/diagnose/outputs";
import { functionInTurn, servingApp } from "../operations/diagnose/serving-app";
import { patchedLatest } from "../operations/diagnose/vendors";
import { InspectedStack } from "../operations/diagnose/stack";
import { project } from "../operations/project";
import { CloudDownError, UnansweredError } from "../operations/unanswered-error";
import { AwsResources, type Resource } from "./aws/resources";
import { versionType } from "./aws/versions";
import { AzureResources } from "./azure/resources";
import type { AskedCall } from "./caller";
import { asker, runningCloud } from "./cloud-process";
import { commandLine, type LocalStackName } from "./command-line";
import { GcpResources } from "./gcp/resources";
import { Logs } from "./logs";
import { providers } from "./deployed-functions";
import { debugProviders } from "./engine-environment";
import { localWorkspace } from "./stack";
import { type Resources, ResourceStore } from "./store";

/** The data of a stack on one local cloud. */
interface View {
  /** Account that owns all local resources. */
  readonly account: string;
  /** Name of a function's log in the data plane. */
  log(fn: LoggedFunction): string;
  /** Name of the gateway's log, if it has one, and the pattern of its error lines. */
  readonly gateway?: { readonly log: string; readonly error: RegExp };
  function(functionName: string): DeployedFunction | undefined;
  /** Subscriptions of a topic; absent if no subscription needs confirmation. */
  subscriptions?(topic: string): readonly Subscription[];
  layer(arn: string): DeployedLayer | undefined;
  hasTable(table: string): boolean;
  /** Calls of the vendor's command line for each question. */
  readonly calls: Readonly<Partial<Record<Question, readonly string[]>>>;
  /** Name of a question's resource in the cloud's policies. Default: no name. */
  readonly resource?: (question: Question, name: string) => string | undefined;
}

type Question = "identity" | "function" | "layer" | "table" | "subscriptions" | "log";

/**
 * A stack that is deployed on this machine.
 *
 * @param engine the engine that deployed it.
 */
export async function localEnvironment(
  engine: PulumiCommand,
  { state, stack: name }: Required<Pick<LocalStackName, "state" | "stack">>,
): Promise<Environment> {
  const up = commandLine({ state, stack: name }, "up --detach");
  if (!existsSync(path.join(state, "engine"))) {
    throw new UnansweredError(`nothing was deployed in ${state}`, up);
  }
  // Without a cloud, so that pending operations of an interrupted run stay visible.
  const workspace = await localWorkspace({ engine, state, stack: name });
  const env = { ...workspace.envVars, PULUMI_DEBUG_PROVIDERS: debugProviders(await runningCloud(state)) };
  const stack = new InspectedStack(name, { command: engine.command, cwd: workspace.workDir, env });
  const outputs = await stack.outputs(up);
  return {
    project,
    stack,
    outputs,
    clouds: localClouds(outputs, { state, stack: name }),
    commands: localCommands({ state, stack: name }),
  };
}

/** Commands that repair a local stack. The next run cleans up after an interrupted one. */
export function localCommands(name: LocalStackName): Commands {
  const [deploy, refresh] = [commandLine(name, "up"), commandLine(name, "up --refresh")];
  return { deploy, redeploy: refresh, reconcile: refresh, cancel: deploy };
}

/** The local clouds of a stack. */
export function localClouds({ aws, azure, gcp }: DeployedOutputs, name: LocalStackName): InspectedClouds {
  return {
    ...(aws && { aws: new LocalCloud(name, "aws", (stored) => awsView(stored, aws)) }),
    ...(azure && { azure: new LocalCloud(name, "azure", (stored) => azureView(stored, azure)) }),
    ...(gcp && { gcp: new LocalCloud(name, "gcp", (stored) => gcpView(stored, gcp)) }),
  };
}

/** A local cloud, read from its state folder: the actual resources, independent of the stack's state. */
class LocalCloud implements InspectedCloud {
  readonly #folder: string;

  constructor(
    private readonly name: LocalStackName,
    private readonly cloud: AskedCall["cloud"],
    private readonly view: (stored: Resources) => View,
  ) {
    this.#folder = path.join(name.state, providers[cloud]);
  }

  async identity(): Promise<Identity> {
    const running = await runningCloud(this.name.state);
    if (running === undefined) {
      throw new CloudDownError(
        `the local clouds of ${this.name.state} are not running`,
        commandLine(this.name, "up --detach"),
      );
    }
    await this.#ask("identity", "");
    return { account: this.#view.account, principal: `process ${running.pid}` };
  }

  async function(functionName: string): Promise<DeployedFunction | undefined> {
    await this.#ask("function", functionName);
    return this.#view.function(functionName);
  }

  async layer(arn: string): Promise<DeployedLayer | undefined> {
    await this.#ask("layer", arn);
    return this.#view.layer(arn);
  }

  async hasTable(table: string): Promise<boolean> {
    await this.#ask("table", table);
    return this.#view.hasTable(table);
  }

  async subscriptions(topic: string): Promise<readonly Subscription[]> {
    await this.#ask("subscriptions", topic);
    return this.#view.subscriptions?.(topic) ?? [];
  }

  async log(fn: LoggedFunction, since: Date): Promise<readonly LogEvent[]> {
    const log = this.#view.log(fn);
    await this.#ask("log", log);
    return this.#events(log, since);
  }

  async gatewayErrors(since: Date): Promise<readonly LogEvent[]> {
    const { gateway } = this.#view;
    if (gateway === undefined) return [];
    await this.#ask("log", gateway.log);
    return this.#events(gateway.log, since).filter(({ message }) => gateway.error.test(message));
  }

  /** @throws {UnansweredError} if the caller lacks the permission. */
  async #ask(question: Question, name: string): Promise<void> {
    const { calls, resource } = this.#view;
    const about = resource?.(question, name);
    for (const call of calls[question] ?? []) {
      await asker(this.name.state)({ cloud: this.cloud, call, ...(about !== undefined && { resource: about }) });
    }
  }

  #events(log: string, since: Date): LogEvent[] {
    const file = new Logs(path.join(this.#folder, "logs")).file(log);
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as LogEvent)
      .filter(({ timestamp }) => timestamp >= since.getTime());
  }

  /** Read for each call, since another process changes the file. */
  get #view(): View {
    return this.view(new ResourceStore(this.#folder));
  }
}

function awsView(stored: Resources, { functionName, accessLogs }: ValuesOf<"aws">): View {
  const resources = new AwsResources(stored);
  const find = (functionName: string) =>
    resources.find("aws:lambda/function:Function", ({ name }) => name === functionName);
  return {
    account: find(functionName)?.arn.split(":")[4] ?? "",
    log: ({ logs }) => logs,
    ...(accessLogs !== undefined && {
      gateway: { log: accessLogs, error: /"integrationError":"(?!-")|"status":"429"/ },
    }),
    function(name) {
      const fn = find(name);
      const serving = resources.find("aws:lambda/alias:Alias", (alias) => {
        return alias.functionName === name && alias.name === "live";
      });
      const version = resources.find(versionType, (each) => {
        return each.versionOf === name && each.version === serving?.functionVersion;
      });
      return (
        fn && {
          ...describeFunction(version ?? fn, fn.reservedConcurrentExecutions),
          ...(version && {
            serving: `version ${version.version}`,
            patched: patchedLatest(version.version, published(version), published(fn)),
          }),
        }
      );
    },
    subscriptions: (topic) =>
      resources
        .list("aws:sns/topicSubscription:TopicSubscription")
        .filter((subscription) => subscription.topic === topic)
        .map(({ endpoint, pendingConfirmation }) => ({ endpoint, confirmed: !pendingConfirmation })),
    layer(arn) {
      const layer = resources.find("aws:lambda/layerVersion:LayerVersion", (version) => version.arn === arn);
      return (
        layer && {
          arn,
          runtimes: layer.compatibleRuntimes,
          architectures: layer.compatibleArchitectures,
          createdAt: layer.createdDate,
          size: statSync(layer.code.path).size,
          content: () => readFile(layer.code.path),
        }
      );
    },
    hasTable: (table) => resources.find("aws:dynamodb/table:Table", ({ name }) => name === table) !== undefined,
    calls: {
      function: ["lambda get-function", "lambda get-function-configuration"],
      layer: ["lambda get-layer-version-by-arn"],
      table: ["dynamodb describe-table"],
      subscriptions: ["sns list-subscriptions-by-topic"],
      log: ["logs filter-log-events"],
    },
    resource(question, name) {
      const [, , , region = "", account = ""] = find(functionName)?.arn.split(":") ?? [];
      const here = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
      if (question === "function") return find(name)?.arn ?? here("lambda", `function:${name}`);
      if (question === "table") return here("dynamodb", `table/${name}`);
      return question === "log" ? here("logs", `log-group:${name}`) : name;
    },
  };
}

const published = ({ description, code }: Resource<"aws:lambda/function:Function">) => {
  return { Description: description, CodeSha256: code.sha256 };
};

/** @param fn the serving version of the function. */
function describeFunction(fn: Resource<"aws:lambda/function:Function">, reserved: number): DeployedFunction {
  return {
    runtime: fn.runtime,
    architecture: fn.architectures[0],
    state: "Active",
    layerArns: fn.layers,
    reservedConcurrency: reserved < 0 ? undefined : reserved,
    environment: Object.keys(fn.environment?.variables ?? {}),
  };
}

function azureView(stored: Resources, values: ValuesOf<"azure">): View {
  const { functionName, frontDoorProfile } = values;
  const resources = new AzureResources(stored);
  const find = (functionName: string) => resources.find("azure-native:web:WebApp", ({ name }) => name === functionName);
  const serving = (deployedTo: string) => {
    const fn = functionInTurn(values, deployedTo);
    if (fn === undefined) return undefined;
    const { originGroup } =
      resources.find(
        "azure-native:cdn:Route",
        ({ profileName, routeName }) => profileName === frontDoorProfile && routeName === fn.route,
      ) ?? {};
    return servingApp(fn, originGroup?.id);
  };
  const inTurn = Object.values(values.functions).some(({ colours }) => colours !== undefined);
  const route = inTurn ? ["afd route show"] : [];
  return {
    account: find(functionName)?.id.split("/")[2] ?? "",
    log: (fn) => serving(fn.functionName)?.functionName ?? fn.functionName,
    function(deployedTo) {
      const { functionName: name = deployedTo, ...served } = serving(deployedTo) ?? {};
      const app = find(name);
      return (
        app && {
          ...served,
          runtime: `python${app.functionAppConfig.runtime.version}`,
          state: "Running",
          layerArns: [],
          environment: app.siteConfig.appSettings.map(({ name }) => name),
          // What the stack tells of settings is of the app that was deployed to last.
          ...(name === deployedTo && {
            settings: Object.fromEntries(
              app.siteConfig.appSettings.map(({ name, value }) => [name, settingDigest(name, value)]),
            ),
          }),
        }
      );
    },
    layer: () => undefined,
    hasTable: (table) =>
      resources.find("azure-native:storage:Table", ({ tableName }) => tableName === table) !== undefined,
    calls: {
      function: [...route, "resource show", "functionapp config appsettings list"],
      table: ["resource show"],
      log: [...route, "monitor log-analytics query"],
    },
  };
}

function gcpView(stored: Resources, { functionName, database }: ValuesOf<"gcp">): View {
  const resources = new GcpResources(stored);
  const find = (functionName: string) =>
    resources.find("gcp:cloudfunctionsv2/function:Function", ({ name }) => name === functionName);
  return {
    account: find(functionName)?.project ?? "",
    log: (fn) => fn.functionName,
    function(name) {
      const fn = find(name);
      return (
        fn && {
          runtime: fn.buildConfig.runtime.replace(/^python(\d)(\d+)$/, "python$1.$2"),
          state: "ACTIVE",
          layerArns: [],
          environment: Object.keys(fn.serviceConfig.environmentVariables),
        }
      );
    },
    layer: () => undefined,
    // Firestore creates collections on write; only their database can be missing.
    hasTable: () => resources.find("gcp:firestore/database:Database", ({ name }) => name === database) !== undefined,
    calls: {
      identity: ["projects describe"],
      function: ["functions describe", "run services describe"],
      table: ["firestore databases describe"],
      log: ["functions describe", "logging read"],
    },
  };
}
