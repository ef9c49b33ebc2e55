import * as authorization from "@pulumi/azure-native/authorization";
import * as cdn from "@pulumi/azure-native/cdn";
import * as resources from "@pulumi/azure-native/resources";
import * as pulumi from "@pulumi/pulumi";

import type { PackageBundle } from "../../layers/bundle";
import { publicAddress } from "../address";
import {
  checkStorageAccountName,
  compactName,
  compactNameLimits,
  nameLimits,
  resourceName,
  type Scope,
} from "../names";
import { type AzureOutputs, describeBundle } from "../outputs";
import { smokeCheck } from "../smoke-check";
import { Alarms, type AlarmsArgs } from "./alarms";
import { ApiFunction, type ApiFunctionArgs } from "./api-function";
import { Frontend, type FrontendArgs, profileTier } from "./frontend";
import { MessageTable, type MessageTableArgs } from "./message-table";
import { storageAccount, type StorageAccountArgs } from "./storage-account";

/** Seconds in which Front Door's places around the world know a change: minutes for most, under an hour for all. */
const frontDoorPatience = 1_800;

export interface EnvironmentArgs {
  readonly scope: Scope;
  /** Azure's name of the region, e.g. `japaneast`; Front Door has none. */
  readonly region: string;
  readonly bundle: PackageBundle;
  /** Version of the application, which its API reports. */
  readonly version: string;
  /** Environment of the function, beside what it needs to find its table. */
  readonly environment?: Record<string, pulumi.Input<string>>;
  /** Folder with the frontend's files; no frontend where it is absent. */
  readonly site?: string;
  /** Closes the function to whatever does not come through Front Door, its own `GET /` included. Default: false. */
  readonly frontDoorOnly?: boolean;
  /** Name of the storage account with the messages, 3 to 24 lower-case letters and digits. Default: a generated one. */
  readonly storageAccountName?: string;
  readonly deletionProtection?: boolean;
  /** Who is told of errors, throttles and slowness. Default: nobody, and no alarms. */
  readonly notificationEmail?: string;
  readonly logRetentionDays?: number;
  /** Fails the update where the API that it deployed does not answer. Default: false. */
  readonly smokeCheck?: boolean;
  readonly function?: Pick<ApiFunctionArgs, "memorySize" | "maximumInstances" | "deployment" | "transform">;
  readonly table?: Pick<MessageTableArgs, "transform">;
  readonly frontend?: Pick<FrontendArgs, "domain" | "waf" | "transform">;
  readonly alarms?: Pick<AlarmsArgs, "latencyMs" | "transform">;
  readonly storage?: Pick<StorageAccountArgs, "transform">;
}

/**
 * The whole application on Azure: function, table and frontend, in one region and one resource group.
 *
 * The provider is the program's: the subscription comes from its configuration (`azure-native:subscriptionId`) or from
 * its environment.
 */
export class Environment extends pulumi.ComponentResource {
  readonly outputs: AzureOutputs;

  constructor(name: string, args: EnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:azure:Environment", name, {}, opts);
    const { scope, region } = args;
    const tags = { project: scope.project, stack: scope.stack };
    const child: pulumi.ComponentResourceOptions = { parent: this };
    const chosenAccountName =
      args.storageAccountName === undefined ? undefined : checkStorageAccountName(args.storageAccountName);
    if (args.frontDoorOnly && args.site === undefined) {
      throw new Error(`${name}: frontDoorOnly needs a frontend, or nothing could reach the function; pass site too`);
    }
    // Some names are unique among all customers: another subscription's same stack must not have ours.
    const { subscriptionId } = authorization.getClientConfigOutput(child);
    const accountName = (part: string) =>
      subscriptionId.apply((owner) => compactName(scope, part, compactNameLimits.storageAccount, owner));

    const group = new resources.ResourceGroup(
      name,
      { resourceGroupName: resourceName(scope, "resources", nameLimits.resourceGroup), location: region, tags },
      child,
    );
    const inGroup = { resourceGroupName: group.name, location: region, tags };
    const account = storageAccount(
      `${name}-data`,
      { ...args.storage, ...inGroup, accountName: chosenAccountName ?? accountName("data"), sharedKeys: false },
      { ...child, protect: args.deletionProtection },
    );
    const uploads = storageAccount(
      `${name}-web`,
      { ...args.storage, ...inGroup, accountName: accountName("web"), sharedKeys: true },
      child,
    );
    const table = new MessageTable(
      `${name}-messages`,
      {
        ...args.table,
        tableName: "messages",
        resourceGroupName: group.name,
        account,
        deletionProtection: args.deletionProtection,
      },
      child,
    );
    // Before the function, which may answer this Front Door alone.
    const profile =
      args.site === undefined
        ? undefined
        : new cdn.Profile(
            name,
            {
              profileName: resourceName(scope, "web", nameLimits.frontDoorEndpoint),
              resourceGroupName: group.name,
              location: "Global",
              sku: { name: profileTier(args.frontend?.waf) },
              tags,
            },
            child,
          );
    const fn = new ApiFunction(
      `${name}-api`,
      {
        ...args.function,
        ...inGroup,
        functionName: subscriptionId.apply((owner) => resourceName(scope, "api", nameLimits.functionApp, owner)),
        bundle: args.bundle,
        requires: ["azure-functions", "fastapi", "pydantic"],
        storage: account,
        uploads,
        environment: { ...args.environment, MESSAGES_TABLE: table.tableName, APPLICATION_VERSION: args.version },
        connections: { MESSAGES_STORAGE: { tableServiceUri: table.serviceUri } },
        permissions: [table.readWrite],
        logRetentionDays: args.logRetentionDays,
        onlyThroughFrontDoor: args.frontDoorOnly ? profile?.frontDoorId : undefined,
      },
      child,
    );
    const frontend =
      args.site === undefined || profile === undefined
        ? undefined
        : new Frontend(
            `${name}-web`,
            {
              ...args.frontend,
              scope,
              resourceGroupName: group.name,
              directory: args.site,
              account: uploads,
              apiUrl: fn.url,
              profile,
              workspace: fn.workspace,
              tags,
            },
            child,
          );

    if (args.notificationEmail !== undefined) {
      new Alarms(
        `${name}-alarms`,
        {
          ...args.alarms,
          alarmsName: resourceName(scope, "alarms", nameLimits.alarms),
          notificationEmail: args.notificationEmail,
          ...inGroup,
          workspace: fn.workspace,
        },
        child,
      );
    }

    this.outputs = {
      region,
      apiUrl: fn.url,
      functionName: fn.functionName,
      messagesTable: table.tableName,
      runtimeIdentity: fn.clientId,
      logs: fn.workspaceName,
      version: args.version,
      package: describeBundle(args.bundle),
      subscriptionId,
      resourceGroup: group.name,
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
    if (args.smokeCheck) {
      const entrance = args.frontDoorOnly ? frontend : undefined;
      smokeCheck(
        `${name}-smoke-check`,
        {
          cloud: "azure",
          outputs: this.outputs,
          deployed: { package: args.bundle.sha256, function: fn.configuration },
          ...(entrance === undefined
            ? { address: fn.url }
            : { address: entrance.hostName.apply(publicAddress), patience: frontDoorPatience }),
        },
        { parent: this, dependsOn: [fn, table, ...(entrance === undefined ? [] : [entrance])] },
      );
    }
    this.registerOutputs({ ...this.outputs });
  }
}
