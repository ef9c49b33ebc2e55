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

/** Properties of a connection by managed identity, as Functions configures it. */
export type Connection = Record<string, pulumi.Input<string>>;

/** Memory sizes of Flex Consumption's instances in MiB (Flex Consumption plan, "Instance sizes"). */
export const instanceSizes = [512, 2048, 4096] as const;
export type InstanceSize = (typeof instanceSizes)[number];

export interface FunctionAppArgs {
  /** 2 to 60 letters, digits and hyphens, unique among all Azure customers, since it is part of the host name. */
  readonly functionName: pulumi.Input<string>;
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  /** Application and dependencies in one package, which also determines the function's runtime. */
  readonly bundle: PackageBundle;
  /** Account for the Functions host's state and the deployed package; it needs no shared keys. */
  readonly storage: storage.StorageAccount;
  /** Container in `storage` for only this function's deployed package. Default: `deployment`. */
  readonly container?: string;
  /** Account for the upload of packages; it needs shared keys. */
  readonly uploads: PackageDeploymentArgs["uploads"];
  /** Container in `uploads` for only this function's packages. Default: `packages`. */
  readonly packages?: PackageDeploymentArgs["containerName"];
  /** Name of the package's deployment in the resource group. Default: `onedeploy`. */
  readonly deploymentName?: string;
  /** The code part of the function's release, which is stored with its packages. Default: none. */
  readonly release?: string;
  /** A second app that is probed before this one is updated. Default: none, and an update is live at once. */
  readonly twin?: TwinArgs;
  /** Two apps that serve alternately, instead of a twin. Default: one app. */
  readonly colours?: ColoursArgs;
  /** How the app gets its package. Default: `onedeploy`. */
  readonly deployment?: PackageDeploymentArgs["method"];
  readonly environment?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Connections with the function's own identity, by name. Default: none. */
  readonly connections?: Readonly<Record<string, Connection>>;
  /** Environment variables whose values the platform reads from a vault. Default: none. */
  readonly secrets?: Readonly<Record<string, VaultSecret>>;
  /** Permissions beyond its own state and telemetry. Default: none. */
  readonly permissions?: readonly Grant[];
  /** Memory of an instance in MiB. Default: 512. */
  readonly memorySize?: InstanceSize;
  /** Timeout of an invocation in seconds. Default: that of the package's `host.json`. */
  readonly timeout?: number;
  /** Concurrent requests per instance, 1 to 1000. Default: Flex Consumption's default for Python, 1. */
  readonly concurrency?: number;
  /** Maximum number of instances, 1 to 1000. Default: 40. */
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
  /** In the form of the function's name, and different from it. */
  readonly functionName: pulumi.Input<string>;
  /** Access restrictions of the twin. Default: none. */
  readonly access?: inputs.web.SiteConfigArgs;
  /** Probes the twin; the app is updated once the returned resource exists. */
  readonly verify: (twin: Twin, opts: pulumi.CustomResourceOptions) => pulumi.Resource;
}

export interface ColoursArgs extends FunctionColours, Pick<TwinArgs, "functionName" | "verify"> {}

/** The two apps of a function, and the one that an update deploys to. */
export interface FunctionAppColours {
  readonly hostNames: Readonly<Record<Colour, pulumi.Output<string>>>;
  readonly functionNames: Readonly<Record<Colour, pulumi.Output<string>>>;
  /** The app that the route uses after its probes. */
  readonly target: Colour;
  readonly ending: boolean;
  /** Resources that exist once the target has answered. */
  readonly verified: readonly pulumi.Resource[];
}

/** The data about a twin for its probes. */
export interface Twin {
  readonly functionName: pulumi.Output<string>;
  readonly hostName: pulumi.Output<string>;
  /** What its responses depend on, beside its code. */
  readonly configuration: pulumi.Output<unknown>;
  /** The configuration part of its release. */
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

/** Properties that the apps of one function share. */
interface Shared {
  readonly settings: Connection;
  /** The configuration part of the release. */
  readonly release: pulumi.Input<string>;
  readonly updates: "Recreate" | "RollingUpdate";
  /** Tags beside those of all resources. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** The resources of a function's apps. */
interface Parts {
  readonly settings: Connection;
  readonly site: inputs.web.SiteConfigArgs;
  readonly code: PackageDeployment;
  readonly roles: readonly pulumi.Resource[];
  /** Exists once the roles have propagated. */
  readonly known: pulumi.Resource;
}

/** How an app or its deployment is declared. */
export interface Declared {
  readonly dependsOn: readonly pulumi.Resource[];
  /** Whether it keeps its current state. Default: false. */
  readonly held?: boolean;
  /** Whether it answers users during the change. Default: false. */
  readonly serving?: boolean;
}

/** The app that serves after the update. */
interface Live extends App {
  readonly release: pulumi.Output<string>;
  readonly deployment: pulumi.Resource;
  readonly colours?: FunctionAppColours;
}

/** Roles on the account with the host's state and the deployed package. */
const rolesOfTheHost = ["Storage Blob Data Owner", "Storage Queue Data Contributor"] as const;

/** Seconds until a role has propagated (Azure RBAC, "Troubleshoot Azure RBAC": up to 10 minutes). */
const rolePropagation = 600;

/**
 * A function app on Flex Consumption, which has neither slots nor versions. An update of code or configuration goes to
 * a twin first, which has the same identity, roles and tables; the app is updated once the twin has answered.
 *
 * The app runs with its own identity and without keys: every role of the identity is limited to one resource.
 */
export abstract class FunctionApp extends pulumi.ComponentResource {
  readonly app: web.WebApp;
  readonly functionName: pulumi.Output<string>;
  /** `<functionName>.azurewebsites.net`. */
  readonly hostName: pulumi.Output<string>;
  /** What its responses depend on, beside its code. */
  readonly configuration: pulumi.Output<unknown>;
  /** The configuration part of the release. */
  readonly release: pulumi.Output<string>;
  /** Digest of each app setting's value, by name. */
  readonly settingDigests: Readonly<Record<string, pulumi.Output<string | undefined>>>;
  readonly identity: managedidentity.UserAssignedIdentity;
  /** The deployment of the app's package, which comes last. */
  readonly deployment: pulumi.Resource;
  /** Absent for a function with one app. */
  readonly colours?: FunctionAppColours;
  /** Client id of the function's identity. */
  readonly clientId: pulumi.Output<string>;
  /** Name of the Log Analytics workspace with the function's log. */
  readonly workspaceName: pulumi.Output<string>;
  /** Resource id of the workspace. */
  readonly workspace: pulumi.Output<string>;
  /** Id for queries of the workspace. */
  readonly workspaceId: pulumi.Output<string>;

  /** @param site app settings beside those of every function. */
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
        // Named by its role only, from the time when a function had one table.
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
   * A deployment fails if a role has not propagated, and so does a check whose function cannot use its table, so both
   * wait once for new roles.
   */
  private awaitRoles(roles: readonly authorization.RoleAssignment[]): pulumi.Resource {
    return new command.Command(
      `${this.name}-roles`,
      {
        // On this machine seconds are shorter, as the local clouds define.
        create: `node -e 'setTimeout(() => {}, ${rolePropagation * 1000} * Number(process.env.LOCAL_SECOND ?? 1))'`,
        triggers: roles.map(({ id }) => id),
      },
      { parent: this },
    );
  }

  /** One app, updated after its twin if there is one. */
  private deployAlone(args: FunctionAppArgs, parts: Parts): Live {
    const { settings, site, code, roles, known } = parts;
    const release = configurationHash(args, settings);
    // With the other strategy all instances end at once, and requests wait for new ones or fail.
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

  /** Two apps: the update goes to the one that does not serve, and the other stays unchanged. */
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

  /** The names of the first app. */
  private first(args: FunctionAppArgs) {
    const deploymentName = args.deploymentName ?? "onedeploy";
    return { name: this.name, own: args, deploymentName, hostid: hostIdOf(args.functionName) };
  }

  /** The names of the second app, which is a twin or the green app. */
  private second(args: FunctionAppArgs, functionName: pulumi.Input<string>) {
    const { name, deploymentName } = this.first(args);
    return {
      name: `${name}-next`,
      own: { ...args, functionName, container: `${args.container ?? "deployment"}-next` },
      deploymentName: `${deploymentName}-next`,
      hostid: hostIdOf(functionName),
    };
  }

  /** The updated twin and its check; nothing without a twin. */
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
      // A twin does no work: its timer is due once a year, and does nothing then.
      ...(shared.settings.MULTICLOUD_SCHEDULE !== undefined && { MULTICLOUD_SCHEDULE: "0 0 0 1 1 *" }),
      MULTICLOUD_TWIN: "true",
    };
    // No old instance of the twin may answer in place of the update.
    const twins: Shared = { ...shared, settings, updates: "Recreate" };
    const { app, configuration } = this.declareApp(name, own, twins, access, { dependsOn: ready });
    const deployment = code.deploy(name, app, deploymentName, { dependsOn: ready });
    const { clientId, workspaceName, workspaceId } = this;
    const { release } = shared;
    const twin = { functionName: app.name, hostName: app.defaultHostName, configuration, release };
    return [verify({ ...twin, clientId, workspaceName, workspaceId }, { parent: this, dependsOn: [app, deployment] })];
  }

  /** Grants the function a further role. Roles for its first request belong in `permissions`. */
  grant(grant: Grant, opts?: pulumi.CustomResourceOptions): authorization.RoleAssignment {
    return assignRole(grantName(this.name, grant.role, grant.of), this.identity, grant, { ...opts, parent: this });
  }

  /** @param how `held`: the app keeps its current state, whatever the arguments. */
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
        // By default the system-assigned identity reads vault references, and the app has none.
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
      // By default the host id is cut from the name, so that two functions in one account could share leases and keys.
      ...hostIdOf(args.functionName),
      ...(args.timeout !== undefined && { AzureFunctionsJobHost__functionTimeout: timeSpan(args.timeout) }),
      // Otherwise the host's start page would replace the API's `GET /`.
      AzureWebJobsDisableHomepage: "true",
      APPLICATIONINSIGHTS_CONNECTION_STRING: telemetry.connectionString,
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: pulumi.interpolate`ClientId=${clientId};Authorization=AAD`,
    };
  }

  /** The function's log; only identities with a role may write to it, so its address is no secret. */
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
 * The smallest instance size with enough memory.
 *
 * @param memory MiB.
 * @throws if no size is large enough.
 */
export function instanceSize(functionName: string, memory: number): InstanceSize {
  const size = instanceSizes.find((mebibytes) => mebibytes >= memory);
  if (size !== undefined) return size;
  throw new Error(
    `functions.${functionName}.memory is ${memory} MiB, but Azure's instances have ${instanceSizes.join(", ")} MiB; ` +
      `expected ${instanceSizes.at(-1)} at most`,
  );
}

/** An app's configuration changes before its package, so for a moment a package for one Python starts on another. */
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

/** The SDK adds a .NET version, which Flex Consumption rejects in some regions (pulumi-azure-native#4168). */
function withoutDotNet({ props, opts }: pulumi.ResourceTransformationArgs): pulumi.ResourceTransformationResult {
  const siteConfig = pulumi
    .output(props.siteConfig as inputs.web.SiteConfigArgs)
    .apply(({ netFrameworkVersion: _, ...rest }) => rest);
  return { props: { ...props, siteConfig }, opts };
}

/** A hash that distinguishes configurations without revealing their content. */
function configurationHash(
  { bundle, memorySize, maximumInstances, concurrency }: FunctionAppArgs,
  settings: Connection,
): pulumi.Output<string> {
  const { pythonVersion } = bundle;
  const hash = shortDigestOf({ settings, pythonVersion, memorySize, maximumInstances, concurrency });
  // A variable may be secret; its hash together with all others is not.
  return pulumi.unsecret(hash);
}

/** The app setting that separates the host's locks from those of other apps. */
function hostIdOf(functionName: pulumi.Input<string>): Connection {
  return { AzureFunctionsWebHost__hostid: pulumi.output(functionName).apply(hostId) };
}

/**
 * The release as far as it is known when the program runs, since the program chooses the target app by it: values that
 * only the engine knows, such as ids of used resources, are left out.
 *
 * @param others further parts of the release.
 */
function declaredRelease(app: web.WebAppArgs, others: readonly string[]): string {
  return sha256(JSON.stringify([outlined(app), ...others])).slice(0, 12);
}

/** A value with a placeholder for each output. */
function outlined(value: unknown): unknown {
  if (pulumi.Output.isInstance(value)) return "output";
  if (Array.isArray(value)) return value.map(outlined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, outlined(inner)]));
}

/** Digests of the settings, except those with a secret value, which could be guessed from its digest. */
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

/** App settings of a connection by managed identity, with the names that Functions requires. */
function identityConnection(name: string, properties: Connection, clientId: pulumi.Output<string>): Connection {
  const settings: Connection = { ...properties, credential: "managedidentity", clientId };
  return Object.fromEntries(Object.entries(settings).map(([property, value]) => [`${name}__${property}`, value]));
}

/** `hh:mm:ss`, the form of times in the host's settings. */
function timeSpan(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}
