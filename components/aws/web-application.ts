import { Provider } from "@pulumi/aws/provider";
import * as pulumi from "@pulumi/pulumi";

import { type TableDescription, tableOperations } from "../../contract/application";
import { awsScheduleExpression } from "../../contract/schedule";
import type { ApplicationBundle, LayerBundle } from "../../layers/bundle";
import { entryOf } from "../../layers/adapters";
import { DependencyLayer } from "../dependency-layer";
import type { FunctionPlan } from "../function-plan";
import { nameLimits, resourceName, type Scope } from "../names";
import { type AwsOutputs, describeBundle, type FunctionOutputs, type LayerOutputs } from "../outputs";
import { functionPaths } from "../site";
import { providerSettings } from "../provider-settings";
import { smokeCheck, tellNoApi } from "../smoke-check";
import { Alarms, type AlarmsArgs } from "./alarms";
import { ApiFunction, type ApiFunctionArgs } from "./api-function";
import { CodeSigning, type CodeSigningPolicy } from "./code-signing";
import { Frontend, type FrontendArgs } from "./frontend";
import { HttpApi, type HttpApiArgs } from "./http-api";
import type { LambdaFunctionArgs } from "./lambda-function";
import type { PublicLayer } from "./public-layers";
import { ScheduledFunction } from "./scheduled-function";
import { Table, type TableArgs } from "./table";

export interface WebApplicationArgs {
  readonly scope: Scope;
  readonly region: string;
  /** The application's functions, at least one. */
  readonly functions: readonly FunctionPlan[];
  /** The application's tables. Default: none. */
  readonly tables?: readonly TableDescription[];
  /** The builder's bundles for AWS: the functions' code and their layers. */
  readonly bundles: readonly (ApplicationBundle | LayerBundle)[];
  /** Public layers that every function has beside those in `bundles`. Default: none. */
  readonly publicLayers?: readonly PublicLayer[];
  /** Version of the application, in every function's `APPLICATION_VERSION`. */
  readonly version: string;
  /** Environment variables of every function, beside its own. */
  readonly environment?: Record<string, pulumi.Input<string>>;
  /** Folder with the frontend's files. Default: no frontend. */
  readonly site?: string;
  /** ARN of the permissions boundary of the functions' roles. Default: none. */
  readonly permissionsBoundary?: string;
  /** Has the code and the layers signed, and says what Lambda does with what is not. Default: nothing is signed. */
  readonly codeSigning?: CodeSigningPolicy;
  /** Whether the tables and the log groups cannot be deleted. Default: false. */
  readonly deletionProtection?: boolean;
  /** Address for alarms about errors, throttling and latency. Default: no alarms. */
  readonly notificationEmail?: string;
  readonly logRetentionDays?: number;
  /** Whether the update fails if the deployed API does not answer. Default: false. */
  readonly smokeCheck?: boolean;
  /** Settings of all functions; a function's own memory and timeout take precedence. */
  readonly function?: Pick<
    ApiFunctionArgs,
    "memorySize" | "timeout" | "reservedConcurrency" | "snapStart" | "kmsKeyArn" | "canary" | "transform"
  >;
  /** Further accounts that may use the layers; see `DependencyLayerArgs`. Default: none. */
  readonly shareLayersWith?: readonly string[];
  readonly api?: Pick<HttpApiArgs, "throttle" | "transform">;
  readonly table?: Pick<TableArgs, "transform">;
  readonly frontend?: Pick<FrontendArgs, "domain" | "waf" | "logBucket" | "transform">;
  readonly alarms?: Pick<AlarmsArgs, "latencyMs" | "transform">;
}

/** A whole application on AWS, in one region: layers, tables, functions, HTTP API and frontend. */
export class WebApplication extends pulumi.ComponentResource {
  readonly outputs: AwsOutputs;
  /** Outputs of each layer for other stacks, by layer name. */
  readonly layers: Record<string, LayerOutputs>;
  /** The functions, by their names in the application's description. */
  readonly functions: Readonly<Record<string, ApiFunction | ScheduledFunction>>;
  /** The tables, by their names in the application's description. */
  readonly tables: Readonly<Record<string, Table>>;
  /** Absent if no function answers requests. */
  readonly api?: HttpApi;
  /** Absent without a site. */
  readonly frontend?: Frontend;
  /** Absent without `notificationEmail`. */
  readonly alarms?: Alarms;
  /** The provider of `region`: that of the options, otherwise the component's own. */
  readonly provider: pulumi.ProviderResource;

  private readonly child: pulumi.ComponentResourceOptions;
  private readonly dependencies: readonly DependencyLayer[];
  private readonly codeSigning?: CodeSigning;

  constructor(
    private readonly name: string,
    private readonly args: WebApplicationArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    // The type token is older than the class name; another token would replace all resources of existing stacks.
    super("multicloud:aws:Environment", name, {}, opts);
    this.provider =
      this.getProvider("aws:index/provider:Provider") ??
      new Provider(`${name}-${args.region}`, { ...providerSettings("aws"), region: args.region }, { parent: this });
    this.child = { parent: this, providers: [this.provider] };

    this.codeSigning = this.declareCodeSigning();
    const layers = this.declareLayers();
    this.dependencies = layers;
    this.tables = this.declareTables();
    this.functions = this.declareFunctions(layers);
    this.api = this.declareApi();
    this.layers = Object.fromEntries(layers.map((layer) => [layer.layerName, describeLayer(layer)]));
    const checks = this.declareChecks();
    this.frontend = this.declareFrontend(checks);
    this.alarms = this.declareAlarms();

    this.outputs = this.describe();
    this.registerOutputs({ ...this.outputs });
  }

  private get tags(): Record<string, string> {
    const { project, stack } = this.args.scope;
    return { project, stack };
  }

  private declareCodeSigning(): CodeSigning | undefined {
    const { codeSigning: policy, scope } = this.args;
    if (policy === undefined) return undefined;
    const signingName = resourceName(scope, "signing", nameLimits.bucketPrefix);
    return new CodeSigning(`${this.name}-signing`, { signingName, policy, tags: this.tags }, this.child);
  }

  private declareLayers(): DependencyLayer[] {
    return this.args.bundles
      .filter((bundle) => bundle.kind === "layer")
      .map(
        (bundle) =>
          new DependencyLayer(
            `${this.name}-${layerPart(bundle)}`,
            {
              layerName: resourceName(this.args.scope, layerPart(bundle), nameLimits.lambdaLayer),
              bundle,
              shareWith: this.args.shareLayersWith,
              codeSigning: this.codeSigning,
              tags: this.tags,
            },
            this.child,
          ),
      );
  }

  private declareTables(): Record<string, Table> {
    const { scope, deletionProtection, tables = [] } = this.args;
    const declared = tables.map(({ name, partitionKey, sortKey }) => {
      const tableName = resourceName(scope, name, nameLimits.dynamodbTable);
      const args: TableArgs = {
        ...this.args.table,
        tableName,
        partitionKey,
        sortKey,
        deletionProtection,
        tags: this.tags,
      };
      return [name, new Table(`${this.name}-${name}`, args, this.child)] as const;
    });
    return Object.fromEntries(declared);
  }

  private declareFunctions(layers: readonly DependencyLayer[]): Record<string, ApiFunction | ScheduledFunction> {
    const declared = this.args.functions.map((plan) => {
      const { name } = plan.description;
      return [name, this.declareFunction(`${this.name}-${name}`, plan, this.functionArgs(plan, layers))] as const;
    });
    return Object.fromEntries(declared);
  }

  private declareFunction(name: string, { description }: FunctionPlan, args: LambdaFunctionArgs) {
    if (description.kind === "http") return new ApiFunction(name, { ...args, probes: description.probes }, this.child);
    const { schedule } = description;
    // Function names contain no dot, so this name differs from the functions' own roles.
    const scheduleName = resourceName(this.args.scope, `${description.name}.schedule`, nameLimits.role);
    return new ScheduledFunction(name, { ...args, schedule, scheduleName }, this.child);
  }

  private functionArgs(plan: FunctionPlan, layers: readonly DependencyLayer[]): LambdaFunctionArgs {
    const { scope, bundles, publicLayers = [], logRetentionDays, environment, version } = this.args;
    const { name, tables } = plan.description;
    const isForIt = ({ functions }: ApplicationBundle | LayerBundle) => functions.includes(name);
    const code = bundles.filter((bundle) => bundle.kind === "application").find(isForIt);
    if (code === undefined) throw missingBundle(name, "code");
    return {
      ...this.args.function,
      ...(plan.memory !== undefined && { memorySize: plan.memory }),
      ...(plan.timeout !== undefined && { timeout: plan.timeout }),
      functionName: resourceName(scope, name, Math.min(nameLimits.lambdaFunction, nameLimits.role)),
      code: this.codeSigning?.sign(code.name, code) ?? new pulumi.asset.FileArchive(code.path),
      codeSigning: this.codeSigning,
      handler: entryOf.aws(name),
      layers: (code.layers[name] ?? []).map((needed) => layerOf(name, needed, layers)),
      platform: code,
      publicLayerArns: publicLayers.map(({ arn }) => arn),
      environment: {
        ...environment,
        ...plan.environment,
        ...Object.fromEntries(
          tables.map((table) => [`${table.toUpperCase()}_TABLE`, this.tableOf(name, table).tableName]),
        ),
        APPLICATION_VERSION: version,
      },
      release: code.releases[name],
      verified: this.args.smokeCheck,
      secrets: plan.secrets,
      secretRecoveryDays: this.args.deletionProtection ? 30 : 0,
      permissions: tables.map((table) => {
        return this.tableOf(name, table).allow(plan.description.operations?.[table] ?? tableOperations);
      }),
      logRetentionDays,
      protectLog: this.args.deletionProtection,
      permissionsBoundary: this.args.permissionsBoundary,
      tags: this.tags,
    };
  }

  private tableOf(fn: string, name: string): Table {
    const table = this.tables[name];
    if (table === undefined) {
      const known = Object.keys(this.tables).join(", ") || "none";
      throw new Error(`aws: the function ${fn} uses the table ${name}; tables has ${known}; add it there`);
    }
    return table;
  }

  /** The plans of functions that answer requests, with their functions. */
  private get answering() {
    return this.args.functions.flatMap(({ description }) => {
      const fn = this.functions[description.name];
      return description.kind === "http" && fn !== undefined ? [{ description, fn }] : [];
    });
  }

  private declareApi(): HttpApi | undefined {
    if (this.answering.length === 0) return undefined;
    return new HttpApi(
      `${this.name}-http`,
      {
        ...this.args.api,
        apiName: resourceName(this.args.scope, "api", nameLimits.httpApi),
        functions: this.answering.map(({ description: { name, routes }, fn }) => {
          return { name, routes, invocation: fn.invocation };
        }),
        logRetentionDays: this.args.logRetentionDays,
        protectLog: this.args.deletionProtection,
        tags: this.tags,
      },
      this.child,
    );
  }

  private declareFrontend(checks: readonly pulumi.Resource[]): Frontend | undefined {
    const { scope, site } = this.args;
    if (site === undefined) return undefined;
    // A page of this release may need the functions of this release.
    const filesAfter = [...(this.api ? [this.api] : []), ...Object.values(this.functions), ...checks];
    const apiPaths = functionPaths(this.answering.flatMap(({ description }) => description.routes));
    return new Frontend(
      `${this.name}-web`,
      { ...this.args.frontend, scope, directory: site, apiUrl: this.api?.url, apiPaths, tags: this.tags, filesAfter },
      this.child,
    );
  }

  private declareAlarms(): Alarms | undefined {
    const { scope, region, notificationEmail } = this.args;
    if (notificationEmail === undefined) return undefined;
    return new Alarms(
      `${this.name}-alarms`,
      {
        ...this.args.alarms,
        alarmsName: resourceName(scope, "alarms", nameLimits.alarms),
        notificationEmail,
        region,
        functions: Object.entries(this.functions).map(([name, { functionName }]) => ({ name, functionName })),
        apiId: this.api?.apiId,
        tags: this.tags,
      },
      this.child,
    );
  }

  /** Probes each function that answers requests at the API's address, before the site's files change. */
  private declareChecks(): pulumi.Resource[] {
    const { api } = this;
    if (!this.args.smokeCheck) return [];
    if (api === undefined) {
      tellNoApi("each new version is asked whether it could run", this);
      return [];
    }
    return this.answering.map(({ description, fn }, index) =>
      smokeCheck(
        index === 0 ? `${this.name}-smoke-check` : `${this.name}-${description.name}-smoke-check`,
        {
          cloud: "aws",
          address: api.url,
          probes: description.probes,
          release: fn.release,
          outputs: this.describe(),
          layers: this.layers,
          deployed: { function: fn.configuration },
        },
        { parent: this, dependsOn: [api, ...Object.values(this.tables)] },
      ),
    );
  }

  private describe(): AwsOutputs {
    const { args, api, frontend } = this;
    const fn = this.answering[0]?.fn ?? Object.values(this.functions)[0];
    if (fn === undefined) {
      throw new Error(`${this.name}: there is no function; describe one in the application's pyproject.toml`);
    }
    const tables = Object.fromEntries(Object.entries(this.tables).map(([name, { tableName }]) => [name, tableName]));
    return {
      region: args.region,
      functions: Object.fromEntries(args.functions.flatMap((plan) => this.describeFunction(plan))),
      tables,
      functionName: fn.functionName,
      messagesTable: Object.values(tables)[0],
      runtimeIdentity: fn.roleArn,
      logs: fn.logGroupName,
      version: args.version,
      functionArn: fn.arn,
      ...(api && { apiUrl: api.url, apiId: api.apiId, accessLogs: api.accessLogGroupName }),
      ...(this.alarms && { alarmTopic: this.alarms.topicArn }),
      ...(args.publicLayers?.length && {
        publicLayers: Object.fromEntries(args.publicLayers.map(({ arn, packages }) => [arn, packages])),
      }),
      ...(frontend && {
        frontendUrl: frontend.url,
        frontendHost: frontend.hostName,
        distributionId: frontend.distributionId,
      }),
    };
  }

  private describeFunction({ description, environment }: FunctionPlan): [string, FunctionOutputs][] {
    const fn = this.functions[description.name];
    if (fn === undefined) return [];
    const common = {
      functionName: fn.functionName,
      runtimeIdentity: fn.roleArn,
      logs: fn.logGroupName,
      variables: Object.keys(environment).sort(),
      tables: description.tables,
      release: fn.release,
      layers: this.dependencies
        .filter(({ bundle }) => bundle.functions.includes(description.name))
        .map(({ layerName }) => layerName),
    };
    if (description.kind === "schedule") {
      const schedule = awsScheduleExpression(description.schedule);
      return [[description.name, { ...common, kind: "schedule", schedule }]];
    }
    if (this.api === undefined) return [];
    const { kind, routes, probes } = description;
    return [[description.name, { ...common, kind, url: this.api.url, routes, probes }]];
  }
}

function describeLayer({ arn, version, bundle }: DependencyLayer): LayerOutputs {
  return { arn, version, ...describeBundle(bundle) };
}

function missingBundle(fn: string, what: string): Error {
  return new Error(`aws: the layer builder gave no ${what} for the function ${fn}; run: npm run layer -- build`);
}

function layerOf(fn: string, needed: string, layers: readonly DependencyLayer[]): DependencyLayer {
  const layer = layers.find(({ bundle }) => bundle.name === needed && bundle.functions.includes(fn));
  if (layer === undefined) throw missingBundle(fn, `layer ${needed}`);
  return layer;
}

/**
 * The layers of the first lock are called `dependencies`, those of another lock `dependencies-<function>`; a group's
 * layer has the group's name.
 */
function layerPart({ name }: LayerBundle): string {
  return /^dependencies(-|$)/.test(name) ? name : `dependencies-${name}`;
}
