import * as applicationinsights from "@pulumi/azure-native/applicationinsights";
import * as managedidentity from "@pulumi/azure-native/managedidentity";
import * as operationalinsights from "@pulumi/azure-native/operationalinsights";
import * as storage from "@pulumi/azure-native/storage";
import * as web from "@pulumi/azure-native/web";
import * as pulumi from "@pulumi/pulumi";

import type { PackageBundle } from "../../layers/bundle";
import { publicAddress } from "../address";
import { checkPackages } from "../packages";
import { type Transform, transformed } from "../transform";
import { PackageDeployment, type PackageDeploymentArgs } from "./package-deployment";
import { assignRole, type Grant } from "./role";

/** A connection by managed identity, as Functions configures one: what is to be reached, by property. */
export type Connection = Record<string, pulumi.Input<string>>;

export interface ApiFunctionArgs {
  /** 2 to 60 letters, digits and hyphens, unique among all of Azure's customers: it is the host name's first part. */
  readonly functionName: pulumi.Input<string>;
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  /** Application and dependencies in one package; the function's runtime is what it was built for. */
  readonly bundle: PackageBundle;
  /** Packages that the code imports: each must be in `bundle`, or the constructor throws. */
  readonly requires?: readonly string[];
  /** Where the Functions host keeps its state and the deployed package; it needs no shared keys. */
  readonly storage: storage.StorageAccount;
  /** Where the package is uploaded to for its deployment, with shared keys. */
  readonly uploads: storage.StorageAccount;
  /** How the app gets its package. Default: `onedeploy`. */
  readonly deployment?: PackageDeploymentArgs["method"];
  readonly environment?: Record<string, pulumi.Input<string>>;
  /** What the function reaches as its own identity, by the connection's name. Default: nothing. */
  readonly connections?: Record<string, Connection>;
  /** What the function may do beyond keeping its state and sending its telemetry. Default: nothing. */
  readonly permissions?: readonly Grant[];
  /** MiB of an instance: 512, 2048 or 4096. Default: 512. */
  readonly memorySize?: 512 | 2048 | 4096;
  /** How many instances run at once at most, 1 to 1000. Default: 40. */
  readonly maximumInstances?: number;
  /** Days, 30 to 730. Default: 365. */
  readonly logRetentionDays?: number;
  /** Id of the Front Door that every request must come through. Default: requests may come from anywhere. */
  readonly onlyThroughFrontDoor?: pulumi.Input<string>;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly plan?: Transform<web.AppServicePlanArgs>;
    readonly function?: Transform<web.WebAppArgs>;
    readonly logs?: Transform<operationalinsights.WorkspaceArgs>;
  };
}

/**
 * The API's function app on Flex Consumption, which answers HTTPS on a host name of its own; no gateway stands before it.
 *
 * It runs as an identity of its own and holds no key: every role it has is on one resource.
 *
 * ```ts
 * const api = new ApiFunction("api", {
 *   functionName: "shop-staging-api",
 *   resourceGroupName: group.name,
 *   location: "japaneast",
 *   bundle,
 *   storage: account,
 *   uploads,
 *   connections: { MESSAGES_STORAGE: { tableServiceUri: table.serviceUri } },
 *   permissions: [table.readWrite],
 * });
 * ```
 */
export class ApiFunction extends pulumi.ComponentResource {
  readonly functionName: pulumi.Output<string>;
  /** `https://<functionName>.azurewebsites.net`, without a slash at its end. */
  readonly url: pulumi.Output<string>;
  /** What its answers depend on, beside its code. */
  readonly configuration: pulumi.Output<unknown>;
  /** Client id of the identity that the function runs as. */
  readonly clientId: pulumi.Output<string>;
  /** Name of the Log Analytics workspace with the function's log. */
  readonly workspaceName: pulumi.Output<string>;
  /** Resource id of the workspace. */
  readonly workspace: pulumi.Output<string>;
  /** Id by which the workspace is queried. */
  readonly workspaceId: pulumi.Output<string>;

  constructor(name: string, args: ApiFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:azure:ApiFunction", name, {}, opts);
    checkPackages(name, args.bundle, args.requires);
    const { resourceGroupName, location, tags } = args;
    const child: pulumi.CustomResourceOptions = { parent: this };

    const { workspace, telemetry } = this.telemetry(name, args);
    const identity = new managedidentity.UserAssignedIdentity(
      name,
      { resourceName: args.functionName, resourceGroupName, location, tags },
      child,
    );
    const container = new storage.BlobContainer(
      name,
      { resourceGroupName, accountName: args.storage.name, containerName: "deployment", publicAccess: "None" },
      child,
    );
    const grants: Grant[] = [
      { role: "Storage Blob Data Owner", scope: args.storage.id },
      { role: "Storage Queue Data Contributor", scope: args.storage.id },
      { role: "Monitoring Metrics Publisher", scope: telemetry.id },
      ...(args.permissions ?? []),
    ];
    const roles = grants.map((grant) =>
      assignRole(`${name}-${grant.role.toLowerCase().replaceAll(" ", "-")}`, identity, grant, child),
    );

    const plan = new web.AppServicePlan(
      name,
      transformed<web.AppServicePlanArgs>(
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
      ),
      child,
    );
    const appArgs = transformed<web.WebAppArgs>(
      {
        name: args.functionName,
        resourceGroupName,
        location,
        kind: "functionapp,linux",
        serverFarmId: plan.id,
        httpsOnly: true,
        clientAffinityEnabled: false,
        identity: { type: "UserAssigned", userAssignedIdentities: [identity.id] },
        functionAppConfig: {
          deployment: {
            storage: {
              type: "blobContainer",
              value: pulumi.interpolate`${args.storage.primaryEndpoints.blob}${container.name}`,
              authentication: { type: "UserAssignedIdentity", userAssignedIdentityResourceId: identity.id },
            },
          },
          runtime: { name: "python", version: args.bundle.pythonVersion },
          scaleAndConcurrency: {
            instanceMemoryMB: args.memorySize ?? 512,
            maximumInstanceCount: args.maximumInstances ?? 40,
          },
        },
        siteConfig: {
          minTlsVersion: "1.2",
          scmMinTlsVersion: "1.2",
          appSettings: Object.entries({
            ...args.environment,
            ...identityConnection("AzureWebJobsStorage", { accountName: args.storage.name }, identity.clientId),
            ...Object.fromEntries(
              Object.entries(args.connections ?? {}).flatMap(([connection, properties]) =>
                Object.entries(identityConnection(connection, properties, identity.clientId)),
              ),
            ),
            // The host's own page would take the place of the API's `GET /`.
            AzureWebJobsDisableHomepage: "true",
            APPLICATIONINSIGHTS_CONNECTION_STRING: telemetry.connectionString,
            APPLICATIONINSIGHTS_AUTHENTICATION_STRING: pulumi.interpolate`ClientId=${identity.clientId};Authorization=AAD`,
          }).map(([setting, value]) => ({ name: setting, value })),
          // Stated where it is open too: what is left out of an update stays as it was.
          ...(args.onlyThroughFrontDoor === undefined ? openToAll : frontDoorOnly(args.onlyThroughFrontDoor)),
        },
        tags,
      },
      args.transform?.function,
    );
    const app = new web.WebApp(name, appArgs, { ...child, dependsOn: roles });
    const passwords = { name: app.name, resourceGroupName, allow: false };
    new web.WebAppFtpAllowed(name, passwords, child);
    new web.WebAppScmAllowed(name, passwords, child);
    new PackageDeployment(
      name,
      { resourceGroupName, app, bundle: args.bundle, uploads: args.uploads, method: args.deployment },
      child,
    );

    this.functionName = app.name;
    this.url = app.defaultHostName.apply(publicAddress);
    const { functionAppConfig, siteConfig } = appArgs;
    this.configuration = pulumi.output({ functionAppConfig, siteConfig });
    this.clientId = identity.clientId;
    this.workspaceName = workspace.name;
    this.workspace = workspace.id;
    this.workspaceId = workspace.customerId;
    this.registerOutputs({ functionName: this.functionName, url: this.url });
  }

  /** Where the function's log goes; only identities with a role may write there, so its address is no secret. */
  private telemetry(name: string, { functionName, resourceGroupName, location, tags, ...args }: ApiFunctionArgs) {
    const child: pulumi.CustomResourceOptions = { parent: this };
    const workspace = new operationalinsights.Workspace(
      name,
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
      name,
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

/** App settings that connect by managed identity, in the names that Functions gives them. */
function identityConnection(name: string, properties: Connection, clientId: pulumi.Output<string>): Connection {
  const settings: Connection = { ...properties, credential: "managedidentity", clientId };
  return Object.fromEntries(Object.entries(settings).map(([property, value]) => [`${name}__${property}`, value]));
}

const openToAll = { ipSecurityRestrictionsDefaultAction: "Allow", ipSecurityRestrictions: [] };

/** Every Front Door of every customer comes from the same addresses, so its id is asked for too. */
function frontDoorOnly(frontDoorId: pulumi.Input<string>) {
  return {
    ipSecurityRestrictionsDefaultAction: "Deny",
    ipSecurityRestrictions: [
      {
        name: "front-door",
        priority: 100,
        action: "Allow",
        tag: "ServiceTag",
        ipAddress: "AzureFrontDoor.Backend",
        headers: { "x-azure-fdid": [frontDoorId] },
      },
    ],
  };
}
