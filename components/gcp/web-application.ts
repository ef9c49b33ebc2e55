import * as organizations from "@pulumi/gcp/organizations";
import { Provider } from "@pulumi/gcp/provider";
import * as pulumi from "@pulumi/pulumi";

import {
  onlyReads,
  tableOperations,
  type HttpFunction,
  type ScheduledFunction as ScheduledDescription,
  type TableDescription,
} from "../../contract/application";
import { entryOf } from "../../layers/adapters";
import type { SourceBundle } from "../../layers/bundle";
import type { FunctionPlan } from "../function-plan";
import { labelValue, nameLimits, resourceName, type Scope } from "../names";
import { describeBundle, type FunctionOutputs, type GcpOutputs } from "../outputs";
import { functionPaths } from "../site";
import { providerSettings } from "../provider-settings";
import { probesOf, smokeCheck, tellNoApi } from "../smoke-check";
import { Alarms, type AlarmsArgs } from "./alarms";
import { ApiFunction, type ApiFunctionArgs } from "./api-function";
import { type CloudFunctionArgs, cpusFor, type Deployed } from "./cloud-function";
import { Frontend, type FrontendArgs } from "./frontend";
import { FunctionBuild } from "./function-build";
import { ScheduledFunction } from "./scheduled-function";
import { Table, type TableArgs } from "./table";

export interface WebApplicationArgs {
  readonly scope: Scope;
  /** Id of an existing project. */
  readonly project: string;
  /** Google Cloud's name of the region, e.g. `asia-northeast1`; the load balancer has none. */
  readonly region: string;
  /** The functions, at least one. */
  readonly functions: readonly FunctionPlan[];
  /** Default: none. */
  readonly tables?: readonly TableDescription[];
  /** One for each function. */
  readonly bundles: readonly SourceBundle[];
  /** Version of the application, in every function's `APPLICATION_VERSION`. */
  readonly version: string;
  /** Environment variables of every function, beside those of its tables. */
  readonly environment?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Folder with the frontend's files. Default: no frontend. */
  readonly site?: string;
  readonly deletionProtection?: boolean;
  /** Address for alarms about errors, throttling and latency. Default: no alarms. */
  readonly notificationEmail?: string;
  /**
   * Whether to deploy and probe a twin of each function first, and then the function itself, which stays unchanged if
   * its twin does not answer. The twin of a function on a schedule never runs it. If `public` is false, the checks use
   * an identity token of the deploying identity, which needs the permission to invoke the functions
   * (`run.routes.invoke`). Default: false.
   */
  readonly smokeCheck?: boolean;
  /** Settings of every function; its own description takes precedence. */
  readonly function?: Pick<
    ApiFunctionArgs,
    "public" | "memorySize" | "timeout" | "concurrency" | "maximumInstances" | "canary" | "transform"
  >;
  readonly table?: Pick<TableArgs, "transform">;
  readonly frontend?: Pick<FrontendArgs, "domain" | "publicBucket" | "cloudArmor" | "transform">;
  readonly alarms?: Pick<AlarmsArgs, "latencyMs" | "transform">;
}

type Plan<Description extends FunctionPlan["description"]> = FunctionPlan & { readonly description: Description };

interface DeclaredApi {
  readonly kind: "http";
  readonly plan: Plan<HttpFunction>;
  readonly fn: ApiFunction;
}

/** A declared function with its plan. */
type Declared =
  | DeclaredApi
  | { readonly kind: "schedule"; readonly plan: Plan<ScheduledDescription>; readonly fn: ScheduledFunction };

/** A whole application on Google Cloud: functions, tables and frontend, in one project and one region. */
export class WebApplication extends pulumi.ComponentResource {
  readonly outputs: GcpOutputs;
  /** By their names in the description. */
  readonly functions: Readonly<Record<string, ApiFunction | ScheduledFunction>>;
  /** By their names in the description. */
  readonly tables: Readonly<Record<string, Table>>;
  readonly frontend?: Frontend;
  /** The given provider, or the component's own for `project` and `region`. */
  readonly provider: pulumi.ProviderResource;

  readonly #name: string;
  readonly #labels: Record<string, string>;

  constructor(name: string, args: WebApplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:gcp:Environment", name, {}, opts);
    const { scope, project, region } = args;
    this.#name = name;
    this.#labels = { project: labelValue(scope.project), stack: labelValue(scope.stack) };
    this.provider =
      this.getProvider("gcp:index:Provider") ??
      new Provider(`${name}-${project}-${region}`, { ...providerSettings("gcp"), project, region }, { parent: this });
    const { number: projectNumber } = organizations.getProjectOutput(
      { projectId: project },
      { parent: this, provider: this.provider },
    );

    this.tables = this.declareTables(args);
    const deployed = this.declareFunctions(args, projectNumber);
    this.functions = Object.fromEntries(deployed.map(({ plan, fn }) => [plan.description.name, fn]));
    warnOfQuota(this, deployed, args);
    if (args.site !== undefined && args.function?.public === false) {
      void pulumi.log.warn(
        "The frontend's requests to the functions will be answered 403: the load balancer forwards no identity, and with " +
          "gcp.function.public: false a function requires one. Where a policy forbids allUsers, disable the check after the " +
          `deployment: gcloud run services update SERVICE --region ${args.region} --no-invoker-iam-check`,
        this,
      );
    }
    const first = deployed.find(isApi) ?? deployed[0];
    if (first === undefined)
      throw new Error(`${name}: there is no function; describe one in the application's pyproject.toml`);
    const outputs = this.describe(args, first.plan, first.fn);
    const checks = this.declareChecks(args, deployed);
    this.frontend = this.declareFrontend(args, projectNumber, deployed, checks);
    this.declareAlarms(args, deployed);
    this.outputs = {
      ...outputs,
      ...(isApi(first) && { apiUrl: first.fn.url }),
      functions: Object.fromEntries(deployed.map((each) => [each.plan.description.name, functionOutputs(each)])),
      tables: Object.fromEntries(Object.entries(this.tables).map(([table, { tableName }]) => [table, tableName])),
      ...(this.frontend && {
        frontendUrl: this.frontend.url,
        frontendAddress: this.frontend.address,
        urlMap: this.frontend.urlMapName,
      }),
    };
    this.registerOutputs({ ...this.outputs });
  }

  private get child(): pulumi.ComponentResourceOptions {
    return { parent: this, providers: [this.provider] };
  }

  private declareTables({ scope, project, region, ...args }: WebApplicationArgs): Record<string, Table> {
    return Object.fromEntries(
      (args.tables ?? []).map(({ name }) => [
        name,
        new Table(
          `${this.#name}-${name}`,
          {
            ...args.table,
            project,
            databaseName: resourceName(scope, name, nameLimits.googleCloud),
            tableName: name,
            location: region,
            deletionProtection: args.deletionProtection,
          },
          this.child,
        ),
      ]),
    );
  }

  private declareFunctions(args: WebApplicationArgs, projectNumber: pulumi.Output<string>): Declared[] {
    const { scope, project, region } = args;
    const build = new FunctionBuild(
      `${this.#name}-build`,
      {
        scope,
        project,
        projectNumber,
        location: region,
        labels: this.#labels,
        formerOwner: pulumi.createUrn(`${this.#name}-api`, "multicloud:gcp:ApiFunction", this),
      },
      this.child,
    );
    return args.functions.map(({ description, ...plan }): Declared => {
      const name = `${this.#name}-${description.name}`;
      const common = this.functionArgs({ ...plan, description }, args, build);
      const verify: CloudFunctionArgs["verify"] = (twin, options) =>
        this.check(`${name}-next-check`, args, { ...plan, description }, twin, options);
      const verified = {
        ...common,
        ...(args.smokeCheck === true && { verify }),
        twinInvoker: isPublic(args) ? ("anyone" as const) : ("owner" as const),
      };
      if (description.kind === "schedule") {
        const fn = new ScheduledFunction(name, { ...verified, schedule: description.schedule }, this.child);
        return { kind: "schedule", plan: { ...plan, description }, fn };
      }
      const { concurrency, maximumInstances, canary } = args.function ?? {};
      const fn = new ApiFunction(
        name,
        { ...verified, public: isPublic(args), concurrency, maximumInstances, canary },
        this.child,
      );
      return { kind: "http", plan: { ...plan, description }, fn };
    });
  }

  private functionArgs(plan: FunctionPlan, args: WebApplicationArgs, build: FunctionBuild) {
    const { name, tables, operations } = plan.description;
    const used = tables.map((table) => this.table(table));
    return {
      scope: args.scope,
      functionName: name,
      project: args.project,
      location: args.region,
      build,
      bundle: bundleOf(name, args.bundles),
      entryPoint: entryOf.gcp(),
      environment: {
        ...args.environment,
        ...plan.environment,
        ...Object.fromEntries(used.flatMap(tableVariables)),
        APPLICATION_VERSION: args.version,
        GOOGLE_CLOUD_PROJECT: args.project,
      },
      secrets: plan.secrets,
      permissions: used.map((table) =>
        onlyReads(operations?.[table.tableName] ?? tableOperations) ? table.read : table.readWrite,
      ),
      memorySize: plan.memory ?? args.function?.memorySize,
      timeout: plan.timeout ?? args.function?.timeout,
      labels: this.#labels,
      transform: args.function?.transform,
    };
  }

  private table(name: string): Table {
    const table = this.tables[name];
    if (table === undefined) {
      throw new Error(`there is no table ${name}; there are ${Object.keys(this.tables).join(", ") || "none"}`);
    }
    return table;
  }

  private declareFrontend(
    args: WebApplicationArgs,
    projectNumber: pulumi.Output<string>,
    deployed: Declared[],
    checks: pulumi.Resource[],
  ) {
    if (args.site === undefined) return undefined;
    const apis = deployed.filter(isApi);
    const routesOfOthers = (fn: ApiFunction) =>
      apis.filter((other) => other.fn !== fn).flatMap(({ plan }) => plan.description.routes);
    return new Frontend(
      `${this.#name}-web`,
      {
        ...args.frontend,
        scope: args.scope,
        project: args.project,
        projectNumber,
        location: args.region,
        directory: args.site,
        functions: apis.map(({ plan: { description }, fn }) => ({
          functionName: description.name,
          serviceName: fn.serviceName,
          paths: functionPaths(description.routes).filter((path) => !routesOfOthers(fn).includes(path)),
        })),
        filesAfter: [...apis.map(({ fn }) => fn.resource), ...checks],
        labels: this.#labels,
      },
      this.child,
    );
  }

  private declareAlarms({ scope, notificationEmail, alarms }: WebApplicationArgs, deployed: Declared[]): void {
    if (notificationEmail === undefined) return;
    new Alarms(
      `${this.#name}-alarms`,
      {
        ...alarms,
        alarmsName: resourceName(scope, "alarms", nameLimits.alarms),
        notificationEmail,
        functions: deployed.map(({ kind, fn }) => ({ kind, serviceName: fn.serviceName })),
        labels: this.#labels,
      },
      this.child,
    );
  }

  /** Probes each deployed function that answers requests, after the check of its twin. */
  private declareChecks(args: WebApplicationArgs, deployed: Declared[]): pulumi.Resource[] {
    if (args.smokeCheck !== true) return [];
    const apis = deployed.filter(isApi);
    if (apis.length === 0) {
      tellNoApi("the twin of each function is asked whether it could run", this);
    }
    return apis.map(({ plan, fn }, index) => {
      const name = index === 0 ? `${this.#name}-smoke-check` : `${this.#name}-${plan.description.name}-smoke-check`;
      const options = { parent: this, dependsOn: [fn, ...Object.values(this.tables)] };
      return this.check(name, args, plan, fn, options);
    });
  }

  private check(
    name: string,
    args: WebApplicationArgs,
    plan: FunctionPlan,
    fn: Deployed,
    options: pulumi.CustomResourceOptions,
  ) {
    return smokeCheck(
      name,
      {
        cloud: "gcp",
        address: fn.url,
        probes: probesOf(plan.description),
        release: fn.release,
        identity: isPublic(args) ? undefined : "caller",
        outputs: { ...this.describe(args, plan, fn), apiUrl: fn.url },
        deployed: { function: fn.configuration },
      },
      options,
    );
  }

  /** Outputs with a function, or its twin, as the first one. */
  private describe(args: WebApplicationArgs, plan: FunctionPlan, fn: Deployed): GcpOutputs {
    const [table] = Object.values(this.tables);
    return {
      region: args.region,
      functionName: fn.functionName,
      runtimeIdentity: fn.serviceAccount,
      logs: fn.logName,
      version: args.version,
      package: describeBundle(bundleOf(plan.description.name, args.bundles)),
      project: args.project,
      public: isPublic(args),
      ...(table && { messagesTable: table.tableName, database: table.databaseName }),
    };
  }
}

/** Whether anyone may call the functions that answer requests. */
function isPublic({ function: settings }: WebApplicationArgs): boolean {
  return settings?.public ?? true;
}

/** Quotas of a new project per region: Cloud Run rejects a function if the maximum of all instances exceeds them. */
const quota = { CpuAllocPerProjectRegion: 20, MemAllocPerProjectRegion: 40 * 1024 };

/** Twins and functions on a schedule have few instances, but they count. */
function warnOfQuota(application: WebApplication, deployed: readonly Declared[], args: WebApplicationArgs): void {
  const each = deployed.map(({ plan, fn }) => {
    const memory = plan.memory ?? args.function?.memorySize ?? 512;
    const instances = fn.maximumInstances + (args.smokeCheck === true ? 1 : 0);
    return { cpus: cpusFor(memory) * instances, memory: memory * instances };
  });
  const needed = {
    CpuAllocPerProjectRegion: each.reduce((sum, { cpus }) => sum + cpus, 0),
    MemAllocPerProjectRegion: each.reduce((sum, { memory }) => sum + memory, 0),
  };
  const over = (Object.keys(quota) as (keyof typeof quota)[]).filter((name) => needed[name] > quota[name]);
  for (const name of over) {
    const unit = name === "CpuAllocPerProjectRegion" ? "CPUs" : "MiB";
    void pulumi.log.warn(
      `All instances of the functions together may take ${needed[name]} ${unit} in ${args.region}, and a new project has ` +
        `${quota[name]} (quota ${name} of run.googleapis.com): lower gcp.function.maximumInstances or gcp.function.memorySize, or ask for more`,
      application,
    );
  }
}

function isApi(declared: Declared): declared is DeclaredApi {
  return declared.kind === "http";
}

/** @throws if the builder has no bundle for the function. */
function bundleOf(functionName: string, bundles: readonly SourceBundle[]): SourceBundle {
  const bundle = bundles.find(({ functions }) => functions.includes(functionName));
  if (bundle === undefined) {
    throw new Error(`there is no bundle for the function ${functionName}; run: npm run layer -- build --target gcp`);
  }
  return bundle;
}

/** Variables with the names of a function's table, e.g. `MESSAGES_TABLE` and `MESSAGES_DATABASE`. */
function tableVariables({ tableName, databaseName }: Table): [string, pulumi.Input<string>][] {
  const prefix = tableName.toUpperCase();
  return [
    [`${prefix}_TABLE`, tableName],
    [`${prefix}_DATABASE`, databaseName],
  ];
}

function functionOutputs({ kind, plan, fn }: Declared): FunctionOutputs {
  const { description, environment } = plan;
  const common = {
    functionName: fn.functionName,
    runtimeIdentity: fn.serviceAccount,
    logs: fn.logName,
    variables: Object.keys(environment),
    tables: description.tables,
    release: fn.release,
  };
  return kind === "http"
    ? { ...common, kind, url: fn.url, routes: plan.description.routes, probes: plan.description.probes }
    : { ...common, kind, schedule: fn.schedule };
}
