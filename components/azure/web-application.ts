import * as authorization from "@pulumi/azure-native/authorization";
import * as cdn from "@pulumi/azure-native/cdn";
import * as resources from "@pulumi/azure-native/resources";
import type * as storage from "@pulumi/azure-native/storage";
import * as pulumi from "@pulumi/pulumi";

import {
  type HttpFunction,
  onlyReads,
  type Probe,
  type PythonFunction,
  type TableDescription,
  tableOperations,
} from "../../contract/application";
import { ncrontab } from "../../contract/schedule";
import type { Bundle, PackageBundle } from "../../layers/bundle";
import { publicAddress } from "../address";
import type { FunctionPlan } from "../function-plan";
import {
  checkStorageAccountName,
  compactName,
  compactNameLimits,
  nameLimits,
  resourceName,
  type Scope,
} from "../names";
import { type AzureOutputs, describeBundle, type FunctionOutputs } from "../outputs";
import { frontendPatterns } from "../routes";
import { probesOf, smokeCheck, tellNoApi } from "../smoke-check";
import { Alarms, type AlarmsArgs } from "./alarms";
import { ApiFunction, withFrontDoorId } from "./api-function";
import type { Colour, FunctionColours } from "./colour";
import { type FunctionAppArgs, instanceSize, type TwinArgs } from "./function-app";
import { Frontend, type FrontendApi, type FrontendArgs, profileTier } from "./frontend";
import { ScheduledFunction } from "./scheduled-function";
import { appPart, frontDoorName, resourceGroupName } from "./serving-colours";
import { storageAccount, type StorageAccountArgs } from "./storage-account";
import { Table, type TableArgs } from "./table";
import { Vault, type VaultArgs } from "./vault";

/** Seconds until all edge locations of Front Door have a change: 20 minutes for one change, 40 for two in a row. */
export const frontDoorTimeoutSeconds = 3_000;

export interface WebApplicationArgs {
  readonly scope: Scope;
  /** Azure's name of the region, e.g. `japaneast`; Front Door has none. */
  readonly region: string;
  /**
   * In the order of the application's description; the outputs' `apiUrl` is that of the first one that answers
   * requests.
   */
  readonly functions: readonly FunctionPlan[];
  readonly tables: readonly TableDescription[];
  /** The builder's bundles; only those for Azure are used, one for each function. */
  readonly bundles: readonly Bundle[];
  /** Version of the application, which its API reports. */
  readonly version: string;
  /** Folder with the frontend's files. Default: no frontend. */
  readonly site?: string;
  /** Rejects requests that do not come through Front Door, including `GET /`. Default: false. */
  readonly frontDoorOnly?: boolean;
  /** Name of the storage account with the tables, 3 to 24 lower-case letters and digits. Default: a generated one. */
  readonly storageAccountName?: string;
  readonly deletionProtection?: boolean;
  /** Address for alarms about errors, throttling and latency. Default: no alarms. */
  readonly notificationEmail?: string;
  readonly logRetentionDays?: number;
  /**
   * Whether to probe a twin of each function before the function changes, and the function afterwards; the update fails
   * if either does not answer. Default: false, and no twins.
   */
  readonly smokeCheck?: boolean;
  /**
   * The functions with two apps, which serve alternately behind Front Door's route, from `servingColours`. Default:
   * each has one app.
   */
  readonly colours?: Readonly<Record<string, FunctionColours>>;
  readonly function?: Pick<
    FunctionAppArgs,
    "memorySize" | "maximumInstances" | "concurrency" | "deployment" | "transform"
  >;
  readonly vault?: Pick<VaultArgs, "transform">;
  readonly table?: Pick<TableArgs, "transform">;
  readonly frontend?: Pick<FrontendArgs, "domain" | "waf" | "remembered" | "transform">;
  readonly alarms?: Pick<AlarmsArgs, "latencyMs" | "transform">;
  readonly storage?: Pick<StorageAccountArgs, "transform">;
}

/** Resources that all parts of the application share. */
interface Surroundings {
  readonly resourceGroupName: pulumi.Output<string>;
  readonly location: string;
  readonly tags: Record<string, string>;
  /** The account with tables and the functions' state, which has no shared keys. */
  readonly account: storage.StorageAccount;
  /** The account with packages and the site's files. */
  readonly uploads: storage.StorageAccount;
}

interface FunctionSurroundings extends Surroundings {
  /** Absent if no function has a secret. */
  readonly vault?: Vault;
  /** Absent without a site. */
  readonly profile?: cdn.Profile;
}

/**
 * A whole application on Azure: functions, tables and frontend, in one region and one resource group.
 *
 * The provider is the program's: the subscription comes from its configuration (`azure-native:subscriptionId`) or from
 * its environment.
 */
export class WebApplication extends pulumi.ComponentResource {
  readonly outputs: AzureOutputs;
  /** By their names in the description. */
  readonly functions: Readonly<Record<string, ApiFunction | ScheduledFunction>>;
  /** By their names in the description. */
  readonly tables: Readonly<Record<string, Table>>;
  /** Absent without a site. */
  readonly frontend?: Frontend;
  private readonly client: ReturnType<typeof authorization.getClientConfigOutput>;

  constructor(
    private readonly name: string,
    private readonly args: WebApplicationArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("multicloud:azure:Environment", name, {}, opts);
    this.check();
    this.client = authorization.getClientConfigOutput({ parent: this });

    const surroundings = this.surroundings();
    this.tables = this.createTables(surroundings);
    const vault = this.createVault(surroundings);
    // Before the functions, which may accept only this Front Door.
    const profile = this.createProfile(surroundings);
    this.functions = this.createFunctions({ ...surroundings, vault, profile });
    this.frontend = profile && this.createFrontend(surroundings, profile);
    this.createAlarms(surroundings);
    this.outputs = this.describe(surroundings, profile);
    this.createSmokeCheck();
    this.registerOutputs({ ...this.outputs });
  }

  /** Some names are unique among all customers, so the same stack in another subscription needs other names. */
  private get owner(): pulumi.Output<string> {
    return this.client.subscriptionId;
  }

  private check(): void {
    const { functions, frontDoorOnly, site, storageAccountName, colours } = this.args;
    if (storageAccountName !== undefined) checkStorageAccountName(storageAccountName);
    const names = functions.map(({ description }) => description.name);
    const twins = names.filter((name) => names.includes(`${name}-next`));
    if (twins.length > 0) {
      throw new Error(`${this.name}: the function ${twins[0]}-next has the name of the twin of ${twins[0]}; rename it`);
    }
    if (frontDoorOnly && site === undefined) {
      throw new Error(
        `${this.name}: frontDoorOnly needs a frontend, or nothing could reach the function; pass site too`,
      );
    }
    if (colours && Object.keys(colours).length > 0 && site === undefined) {
      throw new Error(
        `${this.name}: blue and green are behind a frontend, and the application has none; pass site too`,
      );
    }
  }

  private surroundings(): Surroundings {
    const { scope, region, storageAccountName, deletionProtection } = this.args;
    const tags = { project: scope.project, stack: scope.stack };
    const accountName = (part: string) =>
      this.owner.apply((owner) => compactName(scope, part, compactNameLimits.storageAccount, owner));
    const group = new resources.ResourceGroup(
      this.name,
      { resourceGroupName: resourceGroupName(scope), location: region, tags },
      { parent: this },
    );
    const inGroup = { resourceGroupName: group.name, location: region, tags };
    const account = storageAccount(
      `${this.name}-data`,
      { ...this.args.storage, ...inGroup, accountName: storageAccountName ?? accountName("data"), sharedKeys: false },
      { parent: this, protect: deletionProtection },
    );
    const uploads = storageAccount(
      `${this.name}-web`,
      { ...this.args.storage, ...inGroup, accountName: accountName("web"), sharedKeys: true },
      { parent: this },
    );
    return { ...inGroup, account, uploads };
  }

  private createTables({ resourceGroupName, account }: Surroundings): Record<string, Table> {
    const { tables, deletionProtection, table } = this.args;
    return Object.fromEntries(
      tables.map(({ name }) => [
        name,
        new Table(
          `${this.name}-${name}`,
          { ...table, tableName: name, resourceGroupName, account, deletionProtection },
          { parent: this },
        ),
      ]),
    );
  }

  private createProfile({ resourceGroupName, tags }: Surroundings): cdn.Profile | undefined {
    const { site, scope, frontend } = this.args;
    if (site === undefined) return undefined;
    return new cdn.Profile(
      this.name,
      {
        profileName: frontDoorName(scope),
        resourceGroupName,
        location: "Global",
        sku: { name: profileTier(frontend?.waf) },
        tags,
      },
      { parent: this },
    );
  }

  /** One vault for all functions; none if no function has a secret. */
  private createVault({ resourceGroupName, location, tags }: Surroundings): Vault | undefined {
    const { functions, vault, deletionProtection } = this.args;
    if (functions.every(({ secrets }) => Object.keys(secrets).length === 0)) return undefined;
    const { tenantId } = this.client;
    return new Vault(
      `${this.name}-secrets`,
      { ...vault, resourceGroupName, location, tenantId, deletionProtection, tags },
      { parent: this },
    );
  }

  private createFunctions(surroundings: FunctionSurroundings): WebApplication["functions"] {
    return Object.fromEntries(
      this.args.functions.map((plan) => [plan.description.name, this.createFunction(plan, surroundings)]),
    );
  }

  private createFunction(plan: FunctionPlan, surroundings: FunctionSurroundings): ApiFunction | ScheduledFunction {
    const { description } = plan;
    const args = this.functionArgs(plan, surroundings);
    const name = `${this.name}-${description.name}`;
    if (description.kind === "schedule") {
      const { concurrency: _requests, ...others } = args;
      return new ScheduledFunction(name, { ...others, schedule: ncrontab(description.schedule) }, { parent: this });
    }
    const onlyThroughFrontDoor = this.args.frontDoorOnly ? surroundings.profile?.frontDoorId : undefined;
    const colours = this.coloursOf(description, surroundings);
    const twin = colours === undefined ? args.twin : undefined;
    return new ApiFunction(name, { ...args, twin, colours, onlyThroughFrontDoor }, { parent: this });
  }

  /** Arguments of functions of both kinds. */
  private functionArgs(
    { description, environment, secrets, memory, timeout }: FunctionPlan,
    surroundings: FunctionSurroundings,
  ): FunctionAppArgs {
    const { account, uploads, vault, resourceGroupName, location, tags } = surroundings;
    const { version, logRetentionDays } = this.args;
    const { name } = description;
    const tables = description.tables.map((table) => ({ name: table, table: this.table(name, table) }));
    const inVault = Object.entries(secrets).flatMap(([variable, value]) =>
      vault === undefined ? [] : [[variable, vault.secret(secretName(name, variable), value, variable)] as const],
    );
    return {
      ...this.args.function,
      resourceGroupName,
      location,
      tags,
      ...(memory !== undefined && { memorySize: instanceSize(name, memory) }),
      timeout,
      functionName: this.appName(name, "blue"),
      bundle: bundleFor(name, this.args.bundles),
      release: bundleFor(name, this.args.bundles).releases[name],
      storage: account,
      container: partOf(name, "deployment"),
      uploads,
      packages: partOf(name, "packages"),
      deploymentName: partOf(name, "onedeploy"),
      twin: this.twin(description, surroundings),
      environment: {
        ...environment,
        ...Object.fromEntries(tables.map(({ name, table }) => [`${name.toUpperCase()}_TABLE`, table.tableName])),
        APPLICATION_VERSION: version,
      },
      ...(inVault.length > 0 && { secrets: Object.fromEntries(inVault) }),
      connections: Object.fromEntries(
        tables.map(({ name, table }) => [`${name.toUpperCase()}_STORAGE`, { tableServiceUri: table.serviceUri }]),
      ),
      permissions: tables.map(({ name, table }) =>
        onlyReads(description.operations?.[name] ?? tableOperations) ? table.read : table.readWrite,
      ),
      logRetentionDays,
    };
  }

  private appName(functionName: string, colour: Colour): pulumi.Output<string> {
    const part = appPart(functionName, colour);
    return this.owner.apply((owner) => resourceName(this.args.scope, part, nameLimits.functionApp, owner));
  }

  private twin(description: PythonFunction, surroundings: FunctionSurroundings): FunctionAppArgs["twin"] {
    if (!this.args.smokeCheck) return undefined;
    const frontDoorId = this.args.frontDoorOnly ? surroundings.profile?.frontDoorId : undefined;
    return {
      functionName: this.appName(description.name, "green"),
      // Front Door does not route to the twin, and only the deployment knows its id.
      access: frontDoorId && withFrontDoorId(frontDoorId),
      verify: this.askFirst(`${this.name}-${description.name}-next`, description, surroundings),
    };
  }

  private coloursOf(description: PythonFunction, surroundings: FunctionSurroundings): FunctionAppArgs["colours"] {
    const { name } = description;
    const found = this.args.colours?.[name];
    if (found === undefined) return undefined;
    if (found.ending) {
      const next = "the next update makes that the twin again, or deletes it where nothing is asked";
      void pulumi.log.info(`${name}: the green app serves, and this update goes back to the blue one; ${next}`, this);
    }
    return {
      ...found,
      functionName: this.appName(name, "green"),
      verify: this.askFirst(`${this.name}-${name}-colour`, description, surroundings),
    };
  }

  /** Probes an app that Front Door does not route to. */
  private askFirst(
    checkName: string,
    description: PythonFunction,
    { resourceGroupName, account, profile }: FunctionSurroundings,
  ): TwinArgs["verify"] {
    const { region, version, bundles, frontDoorOnly } = this.args;
    const { name } = description;
    const bundle = bundleFor(name, bundles);
    const [table] = Object.values(this.tables);
    const frontDoorId = frontDoorOnly ? profile?.frontDoorId : undefined;
    return (app, opts) => {
      const address = app.hostName.apply(publicAddress);
      const outputs: AzureOutputs = {
        region,
        apiUrl: address,
        functionName: app.functionName,
        ...(table && { messagesTable: table.tableName }),
        runtimeIdentity: app.clientId,
        logs: app.workspaceName,
        version,
        package: describeBundle(bundle),
        subscriptionId: this.owner,
        resourceGroup: resourceGroupName,
        storageAccount: account.name,
        workspaceId: app.workspaceId,
      };
      return smokeCheck(
        checkName,
        {
          cloud: "azure",
          address,
          headers: frontDoorId && { "x-azure-fdid": frontDoorId },
          probes: probesOf(description),
          release: releaseOf(name, bundle, app.release),
          outputs,
          deployed: { package: bundle.sha256, function: app.configuration },
        },
        opts,
      );
    };
  }

  private table(functionName: string, name: string): Table {
    const table = this.tables[name];
    if (table !== undefined) return table;
    throw new Error(
      `functions.${functionName}.tables has ${JSON.stringify(name)}; expected one of ${Object.keys(this.tables).join(", ") || "tables, which are none"}`,
    );
  }

  private createFrontend(
    { resourceGroupName, tags, uploads }: Surroundings,
    profile: cdn.Profile,
  ): Frontend | undefined {
    const { site, scope, frontend } = this.args;
    if (site === undefined) return undefined;
    return new Frontend(
      `${this.name}-web`,
      {
        ...frontend,
        scope,
        resourceGroupName,
        directory: site,
        account: uploads,
        apis: this.answering.map(({ description, fn }) => ({
          name: description.name,
          patterns: frontendPatterns(description),
          ...originsOf(fn),
        })),
        profile,
        workspace: this.first.fn.workspace,
        tags,
      },
      { parent: this },
    );
  }

  /** The functions that answer requests, in the order of the description. */
  private get answering() {
    return this.args.functions.flatMap(({ description }) => {
      const fn = this.functions[description.name];
      return description.kind === "http" && fn instanceof ApiFunction ? [{ description, fn }] : [];
    });
  }

  /**
   * The function that the outputs describe as the application's: the first one that answers requests, otherwise the
   * first.
   */
  private get first() {
    const [answering] = this.answering;
    const [plan] = this.args.functions;
    const fn = plan && this.functions[plan.description.name];
    if (answering) {
      const { name, probes } = answering.description;
      return { name, probes, fn: answering.fn };
    }
    if (plan && fn) return { name: plan.description.name, probes: [], fn };
    throw new Error(`${this.name}: there is no function; describe one in the application's pyproject.toml`);
  }

  private createAlarms({ resourceGroupName, location, tags }: Surroundings): void {
    const { notificationEmail, alarms, scope } = this.args;
    if (notificationEmail === undefined) return;
    new Alarms(
      `${this.name}-alarms`,
      {
        ...alarms,
        alarmsName: resourceName(scope, "alarms", nameLimits.alarms),
        notificationEmail,
        resourceGroupName,
        location,
        workspaces: Object.fromEntries(Object.entries(this.functions).map(([name, fn]) => [name, fn.workspace])),
        ...(this.frontend &&
          this.answering.length > 0 && {
            frontDoor: {
              workspace: this.first.fn.workspace,
              routes: this.answering.map(({ description }) => description.name),
            },
          }),
        tags,
      },
      { parent: this },
    );
  }

  private describe({ resourceGroupName, location, account }: Surroundings, profile?: cdn.Profile): AzureOutputs {
    const { name, fn } = this.first;
    const [table] = Object.values(this.tables);
    const { frontend } = this;
    return {
      region: location,
      functions: Object.fromEntries(this.args.functions.map((plan) => this.describeFunction(plan))),
      tables: Object.fromEntries(Object.entries(this.tables).map(([name, { tableName }]) => [name, tableName])),
      ...(fn instanceof ApiFunction && { apiUrl: this.addressOf(fn) }),
      functionName: fn.functionName,
      ...(table && { messagesTable: table.tableName }),
      runtimeIdentity: fn.clientId,
      logs: fn.workspaceName,
      version: this.args.version,
      package: describeBundle(bundleFor(name, this.args.bundles)),
      subscriptionId: this.owner,
      resourceGroup: resourceGroupName,
      storageAccount: account.name,
      workspaceId: fn.workspaceId,
      ...(frontend &&
        profile && {
          frontendUrl: frontend.url,
          frontendHost: frontend.hostName,
          frontDoorProfile: profile.name,
          frontDoorEndpoint: frontend.endpointName,
          ...(frontend.domainValidation && { domainValidation: frontend.domainValidation }),
        }),
    };
  }

  private describeFunction({ description, environment, secrets }: FunctionPlan): [string, FunctionOutputs] {
    const { name, tables } = description;
    const fn = this.functions[name];
    const variables = [...Object.keys(environment), ...Object.keys(secrets)];
    const release = fn && releaseOf(name, bundleFor(name, this.args.bundles), fn.release);
    if (description.kind === "http" && fn instanceof ApiFunction) {
      const { kind, routes } = description;
      const probes = fn.colours ? probesBehindFrontDoor(description) : description.probes;
      const colours = fn.colours && { colours: fn.colours.functionNames };
      const url = this.addressOf(fn);
      return [name, { ...deployed(fn), ...colours, kind, variables, tables, release, url, routes, probes }];
    }
    if (fn instanceof ScheduledFunction) {
      return [name, { ...deployed(fn), kind: "schedule", variables, tables, release, schedule: fn.schedule }];
    }
    throw new Error(`${this.name}: there is no function ${name}`);
  }

  /** The address of a function; with two colours only Front Door's address is stable. */
  private addressOf({ colours, url }: ApiFunction): pulumi.Output<string> {
    return colours && this.frontend ? this.frontend.hostName.apply(publicAddress) : url;
  }

  private ask(
    answering: WebApplication["answering"],
    address: (fn: ApiFunction) => pulumi.Output<string>,
    after: readonly pulumi.Resource[],
    timeoutSeconds?: number,
  ): pulumi.Resource[] {
    return answering.map(({ description, fn }) => {
      const { name, probes } = description;
      const bundle = bundleFor(name, this.args.bundles);
      return smokeCheck(
        // The first one's has the plain name, from the time when an application had one function.
        name === this.first.name ? `${this.name}-smoke-check` : `${this.name}-${name}-smoke-check`,
        {
          cloud: "azure",
          address: address(fn),
          probes: fn.colours ? probesBehindFrontDoor(description) : probes,
          release: releaseOf(name, bundle, fn.release),
          outputs: this.outputs,
          deployed: { package: bundle.sha256, function: fn.configuration },
          timeoutSeconds,
        },
        { parent: this, dependsOn: [fn, ...Object.values(this.tables), ...after] },
      );
    });
  }

  /** The functions are probed after their deployment; the site's files follow. */
  private createSmokeCheck(): void {
    const { frontDoorOnly, smokeCheck: isAsked } = this.args;
    const { frontend, functions } = this;
    const deployments = Object.values(functions).map(({ deployment }) => deployment);
    if (isAsked && this.answering.length === 0) {
      tellNoApi("the twin of each function is asked whether it could run", this);
    }
    const inTurn = this.answering.filter(({ fn }) => fn.colours !== undefined);
    const alone = isAsked ? this.answering.filter(({ fn }) => fn.colours === undefined) : [];
    const moved = inTurn.filter(({ description }) => probesBehindFrontDoor(description).length > 0);
    // Edge locations without the new route still send requests to the colour that the next update changes.
    const atFrontDoor = frontend
      ? this.ask(moved, () => frontend.hostName.apply(publicAddress), frontend.routes, frontDoorTimeoutSeconds)
      : [];
    if (frontDoorOnly && frontend) {
      frontend.upload([...deployments, ...atFrontDoor]);
      this.ask(alone, () => frontend.hostName.apply(publicAddress), [frontend], frontDoorTimeoutSeconds);
    } else {
      const checks = this.ask(alone, (fn) => fn.url, []);
      frontend?.upload([...deployments, ...checks, ...atFrontDoor]);
    }
  }
}

/** The probes with paths that Front Door sends to the function; other paths belong to the site. */
function probesBehindFrontDoor(description: HttpFunction): readonly Probe[] {
  const patterns = frontendPatterns(description);
  const isBelow = (path: string, pattern: string) =>
    pattern.endsWith("/*") ? `${path}/`.startsWith(pattern.slice(0, -1)) : path === pattern;
  return description.probes.filter(({ path }) =>
    patterns.some((pattern) => isBelow(path.split("?")[0] ?? "", pattern)),
  );
}

/** The function's origins for Front Door. */
function originsOf({ colours, url }: ApiFunction): Pick<FrontendApi, "url" | "green" | "after"> {
  if (colours === undefined) return { url };
  const { hostNames, target, verified } = colours;
  return {
    url: hostNames.blue.apply(publicAddress),
    green: { url: hostNames.green.apply(publicAddress), serves: target === "green" },
    after: verified,
  };
}

/** The expected prefix of a response's `x-release`. */
function releaseOf(name: string, { releases }: PackageBundle, configuration: pulumi.Output<string>) {
  return pulumi.interpolate`${releases[name] ?? ""}.${configuration}`;
}

function deployed({ functionName, clientId, workspaceName, settingDigests }: ApiFunction | ScheduledFunction) {
  return { functionName, runtimeIdentity: clientId, logs: workspaceName, settings: settingDigests };
}

/** Name of a variable's secret in the vault, where names have no underscores. */
function secretName(functionName: string, variable: string): string {
  return `${functionName}-${variable.replaceAll("_", "-")}`;
}

/**
 * Name of a function's part among the functions of an application. Those of `api` have the plain name, from the time
 * when an application had one function.
 */
function partOf(functionName: string, part: string): string {
  return functionName === "api" ? part : `${part}-${functionName}`;
}

function bundleFor(functionName: string, bundles: readonly Bundle[]): PackageBundle {
  for (const bundle of bundles) {
    if (bundle.kind === "package" && bundle.functions.includes(functionName)) return bundle;
  }
  throw new Error(`the layer builder left out the package of ${functionName} for Azure; run: npm run layer -- build`);
}
