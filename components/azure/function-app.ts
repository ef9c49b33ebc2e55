import * as applicationinsights from "@pulumi/azure-native/applicationinsights";
import type * as authorization from "@pulumi/azure-native/authorization";
import * as managedidentity from "@pulumi/azure-native/managedidentity";
import * as operationalinsights from "@pulumi/azure-native/operationalinsights";
import * as storage from "@pulumi/azure-native/storage";
import type * as inputs from "@pulumi/azure-native/types/input";
import * as web from "@pulumi/azure-native/web";
import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

import { settingDigest } from "../../contract/setting-digest";
import type { PackageBundle } from "../../layers/bundle";
import { sha256 } from "../../layers/cache";
import { announcement } from "../announcement";
import { shortDigestOf } from "../digest";
import { hostId } from "../names";
import { type Transform, transformed } from "../transform";
import { type Colour, type FunctionColours, releaseTag, targetOf } from "./colour";
import { PackageDeployment, type PackageDeploymentArgs } from "./package-deployment";
import { assignRole, type Grant } from "./role";
import type { VaultSecret } from "./vault";

/** A connection by managed identity, as Functions configures one: what is to be reached, by property. */
export type Connection = Record<string, pulumi.Input<string>>;

/** MiB of an instance's memory that Flex Consumption has (Flex Consumption plan, "Instance sizes"). */
export const instanceSizes = [512, 2048, 4096] as const;
export type InstanceSize = (typeof instanceSizes)[number];

export interface FunctionAppArgs {
  /** 2 to 60 letters, digits and hyphens, unique among all of Azure's customers: it is the host name's first part. */
  readonly functionName: pulumi.Input<string>;
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  /** Application and dependencies in one package; the function's runtime is what it was built for. */
  readonly bundle: PackageBundle;
  /** Where the Functions host keeps its state and the deployed package; it needs no shared keys. */
  readonly storage: storage.StorageAccount;
  /** Container in `storage` for the deployed package, of this function alone. Default: `deployment`. */
  readonly container?: string;
  /** Where the package is uploaded to for its deployment, with shared keys. */
  readonly uploads: PackageDeploymentArgs["uploads"];
  /** Container in `uploads` for the function's packages, of this function alone. Default: `packages`. */
  readonly packages?: PackageDeploymentArgs["containerName"];
  /** Of the package's deployment in the resource group. Default: `onedeploy`. */
  readonly deploymentName?: string;
  /** The code's half of the function's release, which its packages are kept with. Default: none. */
  readonly release?: string;
  /** A second app that is asked before this one gets what is new. Default: none, and what is new is live at once. */
  readonly twin?: TwinArgs;
  /** Two apps that serve in turn, in the place of a twin. Default: one serves. */
  readonly colours?: ColoursArgs;
  /** How the app gets its package. Default: `onedeploy`. */
  readonly deployment?: PackageDeploymentArgs["method"];
  readonly environment?: Readonly<Record<string, pulumi.Input<string>>>;
  /** What the function reaches as its own identity, by the connection's name. Default: nothing. */
  readonly connections?: Readonly<Record<string, Connection>>;
  /** Environment variables whose values the platform reads from a vault. Default: none. */
  readonly secrets?: Readonly<Record<string, VaultSecret>>;
  /** What the function may do beyond keeping its state and sending its telemetry. Default: nothing. */
  readonly permissions?: readonly Grant[];
  /** MiB of an instance. Default: 512. */
  readonly memorySize?: InstanceSize;
  /** Seconds that an invocation may take. Default: what the package's `host.json` says. */
  readonly timeout?: number;
  /** Requests that an instance answers at once, 1 to 1000. Default: what Flex Consumption has for Python, which is 1. */
  readonly concurrency?: number;
  /** How many instances run at once at most, 1 to 1000. Default: 40. */
  readonly maximumInstances?: number;
  /** Days, 30 to 730. Default: 365. */
  readonly logRetentionDays?: number;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly plan?: Transform<web.AppServicePlanArgs>;
    readonly function?: Transform<web.WebAppArgs>;
    readonly logs?: Transform<operationalinsights.WorkspaceArgs>;
  };
}

export interface TwinArgs {
  /** As the function's name, and another than that. */
  readonly functionName: pulumi.Input<string>;
  /** Which requests the twin accepts. Default: all. */
  readonly access?: inputs.web.SiteConfigArgs;
  /** Asks the twin; the app changes once the resource that this gives is there. */
  readonly verify: (twin: Twin, opts: pulumi.CustomResourceOptions) => pulumi.Resource;
}

export interface ColoursArgs extends FunctionColours, Pick<TwinArgs, "functionName" | "verify"> {}

/** The two apps of a function, and which of them is deployed to. */
export interface FunctionAppColours {
  readonly hostNames: Readonly<Record<Colour, pulumi.Output<string>>>;
  readonly functionNames: Readonly<Record<Colour, pulumi.Output<string>>>;
  /** What the route goes to once it is asked. */
  readonly target: Colour;
  readonly ending: boolean;
  /** What is there once the target has answered. */
  readonly verified: readonly pulumi.Resource[];
}

/** What is known of a twin, to whatever asks it. */
export interface Twin {
  readonly functionName: pulumi.Output<string>;
  readonly hostName: pulumi.Output<string>;
  /** What its answers depend on, beside its code. */
  readonly configuration: pulumi.Output<unknown>;
  /** The configuration's half of its release. */
  readonly release: pulumi.Output<string>;
  readonly clientId: pulumi.Output<string>;
  readonly workspaceName: pulumi.Output<string>;
  readonly workspaceId: pulumi.Output<string>;
}

/** An app with its plan. */
interface App {
  readonly app: web.WebApp;
  readonly configuration: pulumi.Output<unknown>;
}

/** What the apps of one function have in common. */
interface Shared {
  readonly settings: Connection;
  /** The configuration's half of the release. */
  readonly release: pulumi.Input<string>;
  readonly updates: "Recreate" | "RollingUpdate";
  /** Beside those that everything has. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** What the apps of one function are made of. */
interface Parts {
  readonly settings: Connection;
  readonly site: inputs.web.SiteConfigArgs;
  readonly code: PackageDeployment;
  readonly roles: readonly pulumi.Resource[];
  /** What is there once the roles are known everywhere. */
  readonly known: pulumi.Resource;
}

/** How an app, or what gives it its package, is declared. */
export interface Declared {
  readonly dependsOn: readonly pulumi.Resource[];
  /** Whether it keeps what it has, whatever is new. Default: false. */
  readonly held?: boolean;
  /** Whether users are answered by it while it changes. Default: false. */
  readonly serving?: boolean;
}

/** The app that serves once the update is done. */
interface Live extends App {
  readonly release: pulumi.Output<string>;
  readonly deployment: pulumi.Resource;
  readonly colours?: FunctionAppColours;
}

/** On the account with the host's state and the deployed package. */
const rolesOfTheHost = ["Storage Blob Data Owner", "Storage Queue Data Contributor"] as const;

/** Seconds in which a role is known everywhere (Azure RBAC, "Troubleshoot Azure RBAC": up to 10 minutes). */
const rolePropagation = 600;

/**
 * A function app on Flex Consumption, which has neither slots nor versions. What is new, code or configuration, goes to a twin
 * first, which has the same identity, roles and tables; the app changes once the twin has answered.
 *
 * The app runs as an identity of its own and holds no key: every role it has is on one resource.
 */
export abstract class FunctionApp extends pulumi.ComponentResource {
  readonly app: web.WebApp;
  readonly functionName: pulumi.Output<string>;
  /** `<functionName>.azurewebsites.net`. */
  readonly hostName: pulumi.Output<string>;
  /** What its answers depend on, beside its code. */
  readonly configuration: pulumi.Output<unknown>;
  /** The configuration's half of the release. */
  readonly release: pulumi.Output<string>;
  /** Digest of each app setting's value, by its name. */
  readonly settingDigests: Readonly<Record<string, pulumi.Output<string | undefined>>>;
  readonly identity: managedidentity.UserAssignedIdentity;
  /** What gives the app its package, last of all. */
  readonly deployment: pulumi.Resource;
  /** Absent where one app serves alone. */
  readonly colours?: FunctionAppColours;
  /** Client id of the identity that the function runs as. */
  readonly clientId: pulumi.Output<string>;
  /** Name of the Log Analytics workspace with the function's log. */
  readonly workspaceName: pulumi.Output<string>;
  /** Resource id of the workspace. */
  readonly workspace: pulumi.Output<string>;
  /** Id by which the workspace is queried. */
  readonly workspaceId: pulumi.Output<string>;

  /** @param site settings of the app beside those that every function has. */
  protected constructor(
    type: string,
    private readonly name: string,
    args: FunctionAppArgs,
    site: inputs.web.SiteConfigArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(type, name, {}, opts);
    const { resourceGroupName, location, tags } = args;
    const child: pulumi.CustomResourceOptions = { parent: this };

    const { workspace, telemetry } = this.telemetry(args);
    this.identity = new managedidentity.UserAssignedIdentity(
      name,
      { resourceName: args.functionName, resourceGroupName, location, tags },
      child,
    );
    const roles = [
      ...rolesOfTheHost.map((role) => this.grant({ role, scope: args.storage.id })),
      this.grant({ role: "Monitoring Metrics Publisher", scope: telemetry.id }),
      ...Object.values(args.secrets ?? {}).map(({ read }) => this.grant(read)),
      ...(args.permissions ?? []).map((permission, index, all) => {
        // Called by its role alone, as long as a function had one table.
        const first = all.findIndex(({ role }) => role === permission.role) === index;
        return this.grant(permission, { aliases: first ? [{ name: grantName(name, permission.role) }] : [] });
      }),
    ];
    this.clientId = this.identity.clientId;
    this.workspaceName = workspace.name;
    this.workspace = workspace.id;
    this.workspaceId = workspace.customerId;

    const code = new PackageDeployment(
      name,
      {
        resourceGroupName,
        bundle: args.bundle,
        uploads: args.uploads,
        containerName: args.packages,
        release: args.release,
        method: args.deployment,
      },
      child,
    );
    const settings = this.settings(args, telemetry);
    const parts: Parts = { settings, site, code, roles, known: this.awaitRoles(roles) };
    const live =
      args.colours === undefined ? this.deployAlone(args, parts) : this.deployInTurn(args, args.colours, parts);
    const { app, configuration, deployment, release, colours: inTurn } = live;
    this.release = release;
    this.settingDigests = digests({ ...settings, MULTICLOUD_RELEASE: release });
    this.deployment = deployment;
    this.colours = inTurn;
    this.app = app;
    this.functionName = app.name;
    this.hostName = app.defaultHostName;
    this.configuration = configuration;
  }

  /**
   * A deployment that is refused for a role that is not known yet is a failed one, and so is a check whose function is refused
   * its table, so both wait for a new role once.
   */
  private awaitRoles(roles: readonly authorization.RoleAssignment[]): pulumi.Resource {
    return new command.Command(
      `${this.name}-roles`,
      {
        // On this machine a second is shorter, as the local clouds say.
        create: `node -e 'setTimeout(() => {}, ${rolePropagation * 1000} * Number(process.env.LOCAL_SECOND ?? 1))'`,
        triggers: roles.map(({ id }) => id),
      },
      { parent: this },
    );
  }

  /** One app, after its twin where there is one. */
  private deployAlone(args: FunctionAppArgs, parts: Parts): Live {
    const { settings, site, code, roles, known } = parts;
    const release = configurationHash(args, settings);
    // With the other strategy every instance ends at once, and requests wait for new ones or fail.
    const shared: Shared = { settings, release, updates: "RollingUpdate" };
    const verified = this.verify(args, { ...shared, release }, parts);
    const { app, configuration } = this.declareApp(this.name, args, shared, site, {
      dependsOn: [...roles, ...verified],
      serving: true,
    });
    if (verified.length > 0) code.markVerified(this.name, verified);
    const deployment = code.deploy(this.name, app, this.first(args).deploymentName, {
      dependsOn: [known, ...verified],
    });
    return { app, configuration, deployment, release };
  }

  /** Two apps: what is new goes to the one that does not serve, and the other keeps all that it has. */
  private deployInTurn(args: FunctionAppArgs, of: ColoursArgs, { settings, site, code, roles, known }: Parts): Live {
    const ready = [...roles, known];
    const release = declaredRelease(this.appArgs(args, { settings, release: "", updates: "RollingUpdate" }, site), [
      of.secrets,
      args.bundle.sha256,
    ]);
    const whole = `${args.release ?? ""}.${release}`;
    const target = targetOf(of, whole);
    const deployed = (colour: Colour) => {
      const held = colour !== target;
      const { name, own, deploymentName, hostid } =
        colour === "green" ? this.second(args, of.functionName) : this.first(args);
      const shared: Shared = {
        settings: { ...settings, ...hostid },
        release,
        updates: "RollingUpdate",
        tags: { [releaseTag]: whole },
      };
      const app = this.declareApp(name, own, shared, site, { dependsOn: ready, held });
      return { ...app, deployment: code.deploy(name, app.app, deploymentName, { dependsOn: ready, held }) };
    };
    const both = { blue: deployed("blue"), green: deployed("green") };
    const { app, configuration, deployment } = both[target];
    const { clientId, workspaceName, workspaceId } = this;
    const asked = { functionName: app.name, hostName: app.defaultHostName, configuration };
    const check = of.verify(
      { ...asked, release: pulumi.output(release), clientId, workspaceName, workspaceId },
      { parent: this, dependsOn: [app, deployment] },
    );
    code.markVerified(this.name, [check]);
    const hostNames = { blue: both.blue.app.defaultHostName, green: both.green.app.defaultHostName };
    const functionNames = { blue: both.blue.app.name, green: both.green.app.name };
    const inTurn = { hostNames, functionNames, target, ending: of.ending, verified: [check] };
    return { app, configuration, deployment, release: pulumi.output(release), colours: inTurn };
  }

  /** What is an app's own among those of one function. */
  private first(args: FunctionAppArgs) {
    const deploymentName = args.deploymentName ?? "onedeploy";
    return { name: this.name, own: args, deploymentName, hostid: hostIdOf(args.functionName) };
  }

  /** The same of the second one, which is a twin or the green one. */
  private second(args: FunctionAppArgs, functionName: pulumi.Input<string>) {
    const { name, deploymentName } = this.first(args);
    return {
      name: `${name}-next`,
      own: { ...args, functionName, container: `${args.container ?? "deployment"}-next` },
      deploymentName: `${deploymentName}-next`,
      hostid: hostIdOf(functionName),
    };
  }

  /** The twin with what is new, and the answer to whether it serves; nothing where there is no twin. */
  private verify(
    args: FunctionAppArgs,
    shared: Shared & Pick<Live, "release">,
    { code, roles, known }: Parts,
  ): readonly pulumi.Resource[] {
    if (args.twin === undefined) return [];
    const ready = [...roles, known];
    const { functionName, access = {}, verify } = args.twin;
    const { name, own, deploymentName, hostid } = this.second(args, functionName);
    const settings = {
      ...shared.settings,
      ...hostid,
      // A twin does no work of its own: its timer is due once a year, and does nothing then.
      ...(shared.settings.MULTICLOUD_SCHEDULE !== undefined && { MULTICLOUD_SCHEDULE: "0 0 0 1 1 *" }),
      MULTICLOUD_TWIN: "true",
    };
    // No instance of the twin with what was before may answer in the place of what is new.
    const twins: Shared = { ...shared, settings, updates: "Recreate" };
    const { app, configuration } = this.declareApp(name, own, twins, access, { dependsOn: ready });
    const deployment = code.deploy(name, app, deploymentName, { dependsOn: ready });
    const { clientId, workspaceName, workspaceId } = this;
    const { release } = shared;
    const twin = { functionName: app.name, hostName: app.defaultHostName, configuration, release };
    return [verify({ ...twin, clientId, workspaceName, workspaceId }, { parent: this, dependsOn: [app, deployment] })];
  }

  /** Lets the function do something more. What it needs from its first request on belongs in `permissions`. */
  grant(grant: Grant, opts?: pulumi.CustomResourceOptions): authorization.RoleAssignment {
    return assignRole(grantName(this.name, grant.role, grant.of), this.identity, grant, { ...opts, parent: this });
  }

  /** @param how `held`: the app keeps what it has, whatever the arguments say. */
  private declareApp(
    name: string,
    args: FunctionAppArgs,
    shared: Shared,
    site: inputs.web.SiteConfigArgs,
    { dependsOn, held = false, serving = false }: Declared,
  ): App {
    const { resourceGroupName, location, tags } = args;
    const child: pulumi.CustomResourceOptions = { parent: this };
    const keeping = (values: object) => (held ? { ignoreChanges: Object.keys(values) } : {});
    const container = new storage.BlobContainer(
      name,
      {
        resourceGroupName,
        accountName: args.storage.name,
        containerName: args.container ?? "deployment",
        publicAccess: "None",
      },
      child,
    );
    const planArgs = transformed<web.AppServicePlanArgs>(
      {
        name: args.functionName,
        resourceGroupName,
        location,
        kind: "functionapp",
        sku: { name: "FC1", tier: "FlexConsumption" },
        reserved: true,
        tags,
      },
      args.transform?.plan,
    );
    const plan = new web.AppServicePlan(name, planArgs, { ...child, ...keeping(planArgs) });
    const appArgs = this.appArgs(args, shared, site, { plan: plan.id, container: container.name });
    const app = new web.WebApp(name, appArgs, {
      ...child,
      ...keeping(appArgs),
      dependsOn: [...dependsOn],
      transformations: [withoutDotNet],
      ...(serving && { hooks: { beforeUpdate: [announcement(name, whilePythonChanges)] } }),
    });
    const passwords = { name: app.name, resourceGroupName, allow: false };
    new web.WebAppFtpAllowed(name, passwords, child);
    new web.WebAppScmAllowed(name, passwords, child);
    const { functionAppConfig, siteConfig } = appArgs;
    return { app, configuration: pulumi.output({ functionAppConfig, siteConfig }) };
  }

  private appArgs(
    args: FunctionAppArgs,
    { settings, release, updates, tags: own }: Shared,
    site: inputs.web.SiteConfigArgs,
    on: { readonly plan: pulumi.Input<string>; readonly container: pulumi.Input<string> } = { plan: "", container: "" },
  ): web.WebAppArgs {
    const { identity } = this;
    const { resourceGroupName, location, tags } = args;
    return transformed<web.WebAppArgs>(
      {
        name: args.functionName,
        resourceGroupName,
        location,
        kind: "functionapp,linux",
        serverFarmId: on.plan,
        httpsOnly: true,
        clientAffinityEnabled: false,
        identity: { type: "UserAssigned", userAssignedIdentities: [identity.id] },
        // References to a vault are read by the app's own identity otherwise, which it has none of.
        ...(args.secrets && { keyVaultReferenceIdentity: identity.id }),
        functionAppConfig: {
          deployment: {
            storage: {
              type: "blobContainer",
              value: pulumi.interpolate`${args.storage.primaryEndpoints.blob}${on.container}`,
              authentication: { type: "UserAssignedIdentity", userAssignedIdentityResourceId: identity.id },
            },
          },
          runtime: { name: "python", version: args.bundle.pythonVersion },
          scaleAndConcurrency: {
            instanceMemoryMB: args.memorySize ?? 512,
            maximumInstanceCount: args.maximumInstances ?? 40,
            ...(args.concurrency !== undefined && {
              triggers: { http: { perInstanceConcurrency: args.concurrency } },
            }),
          },
          siteUpdateStrategy: { type: updates },
        },
        siteConfig: {
          minTlsVersion: "1.2",
          scmMinTlsVersion: "1.2",
          appSettings: Object.entries({ ...settings, MULTICLOUD_RELEASE: release }).map(([setting, value]) => ({
            name: setting,
            value,
          })),
          ...site,
        },
        tags: own === undefined ? tags : { ...tags, ...own },
      },
      args.transform?.function,
    );
  }

  private settings(args: FunctionAppArgs, telemetry: applicationinsights.Component): Connection {
    const { clientId } = this.identity;
    const connections = { AzureWebJobsStorage: { accountName: args.storage.name }, ...args.connections };
    return {
      ...args.environment,
      ...Object.fromEntries(Object.entries(args.secrets ?? {}).map(([name, { reference }]) => [name, reference])),
      ...Object.fromEntries(
        Object.entries(connections).flatMap(([connection, properties]) =>
          Object.entries(identityConnection(connection, properties, clientId)),
        ),
      ),
      // Made of the name's first letters otherwise, by which two functions in one account would share leases and keys.
      ...hostIdOf(args.functionName),
      ...(args.timeout !== undefined && { AzureFunctionsJobHost__functionTimeout: timeSpan(args.timeout) }),
      // The host's own page would take the place of the API's `GET /`.
      AzureWebJobsDisableHomepage: "true",
      APPLICATIONINSIGHTS_CONNECTION_STRING: telemetry.connectionString,
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: pulumi.interpolate`ClientId=${clientId};Authorization=AAD`,
    };
  }

  /** Where the function's log goes; only identities with a role may write there, so its address is no secret. */
  private telemetry({ functionName, resourceGroupName, location, tags, ...args }: FunctionAppArgs) {
    const child: pulumi.CustomResourceOptions = { parent: this };
    const workspace = new operationalinsights.Workspace(
      this.name,
      transformed<operationalinsights.WorkspaceArgs>(
        {
          workspaceName: functionName,
          resourceGroupName,
          location,
          sku: { name: "PerGB2018" },
          retentionInDays: args.logRetentionDays ?? 365,
          tags,
        },
        args.transform?.logs,
      ),
      child,
    );
    const telemetry = new applicationinsights.Component(
      this.name,
      {
        resourceName: functionName,
        resourceGroupName,
        location,
        kind: "web",
        applicationType: "web",
        ingestionMode: "LogAnalytics",
        workspaceResourceId: workspace.id,
        disableLocalAuth: true,
        tags,
      },
      child,
    );
    return { workspace, telemetry };
  }
}

/**
 * The smallest instance of Flex Consumption with so much memory.
 *
 * @param memory MiB.
 * @throws where none has as much.
 */
export function instanceSize(functionName: string, memory: number): InstanceSize {
  const size = instanceSizes.find((mebibytes) => mebibytes >= memory);
  if (size !== undefined) return size;
  throw new Error(
    `functions.${functionName}.memory is ${memory} MiB, but Azure's instances have ${instanceSizes.join(", ")} MiB; ` +
      `expected ${instanceSizes.at(-1)} at most`,
  );
}

/** An app's configuration changes before its package: until that is there, packages of one Python start on another. */
export function whilePythonChanges(from: object, to: object): string | undefined {
  const [before, after] = [pythonOf(from), pythonOf(to)];
  if (before === undefined || after === undefined || before === after) return undefined;
  return (
    `pythonVersion goes from ${before} to ${after}: on Azure requests may fail (503) until the app has its new package, which is ` +
    "some seconds after its new Python; with azure.function.blueGreen, deployed before, none does"
  );
}

function pythonOf(app: object): string | undefined {
  const known = z
    .object({ functionAppConfig: z.object({ runtime: z.object({ version: z.string() }) }) })
    .safeParse(app);
  return known.data?.functionAppConfig.runtime.version;
}

/** The SDK adds a version of .NET, which Flex Consumption refuses in some regions (pulumi-azure-native#4168). */
function withoutDotNet({ props, opts }: pulumi.ResourceTransformationArgs): pulumi.ResourceTransformationResult {
  const siteConfig = pulumi
    .output(props.siteConfig as inputs.web.SiteConfigArgs)
    .apply(({ netFrameworkVersion: _, ...rest }) => rest);
  return { props: { ...props, siteConfig }, opts };
}

/** Tells configurations apart, and says nothing of what is in them. */
function configurationHash(
  { bundle, memorySize, maximumInstances, concurrency }: FunctionAppArgs,
  settings: Connection,
): pulumi.Output<string> {
  const { pythonVersion } = bundle;
  const hash = shortDigestOf({ settings, pythonVersion, memorySize, maximumInstances, concurrency });
  // A variable may be a secret; its hash among all others is none.
  return pulumi.unsecret(hash);
}

/** The app's setting by which the host tells its locks from another app's. */
function hostIdOf(functionName: pulumi.Input<string>): Connection {
  return { AzureFunctionsWebHost__hostid: pulumi.output(functionName).apply(hostId) };
}

/**
 * The same, known as soon as the program runs, which decides by it what to deploy to: values that only the engine knows, such
 * as ids of what the function uses, are left out.
 *
 * @param others what else the release is of.
 */
function declaredRelease(app: web.WebAppArgs, others: readonly string[]): string {
  return sha256(JSON.stringify([outlined(app), ...others])).slice(0, 12);
}

/** A value with a mark in the place of each output. */
function outlined(value: unknown): unknown {
  if (pulumi.Output.isInstance(value)) return "output";
  if (Array.isArray(value)) return value.map(outlined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, outlined(inner)]));
}

/** Of each setting but those with a secret value, which could be guessed by its digest. */
function digests(settings: Connection): Record<string, pulumi.Output<string | undefined>> {
  const digest = (name: string, value: pulumi.Input<string>) => {
    const output = pulumi.output(value);
    const digested = pulumi
      .all([pulumi.isSecret(output), output])
      .apply(([isSecret, text]) => (isSecret ? undefined : settingDigest(name, text)));
    return pulumi.unsecret(digested);
  };
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, digest(name, value)]));
}

function grantName(functionName: string, role: string, of?: string): string {
  return [functionName, role.toLowerCase().replaceAll(" ", "-"), ...(of === undefined ? [] : [of])].join("-");
}

/** App settings that connect by managed identity, in the names that Functions gives them. */
function identityConnection(name: string, properties: Connection, clientId: pulumi.Output<string>): Connection {
  const settings: Connection = { ...properties, credential: "managedidentity", clientId };
  return Object.fromEntries(Object.entries(settings).map(([property, value]) => [`${name}__${property}`, value]));
}

/** `hh:mm:ss`, as the host's settings have a time. */
function timeSpan(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}
