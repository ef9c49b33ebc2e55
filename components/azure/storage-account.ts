import * as storage from "@pulumi/azure-native/storage";
import type * as pulumi from "@pulumi/pulumi";

import { type Transform, transformed } from "../transform";

export interface StorageAccountArgs {
  /** 3 to 24 lower-case letters and digits, unique among all Azure customers. */
  readonly accountName: pulumi.Input<string>;
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  /** Whether the account's keys give access, beside identities with a role. */
  readonly sharedKeys: boolean;
  readonly tags?: Record<string, string>;
  readonly transform?: Transform<storage.StorageAccountArgs>;
}

/** A storage account with TLS 1.2 or newer and without public blobs. */
export function storageAccount(
  name: string,
  args: StorageAccountArgs,
  opts: pulumi.CustomResourceOptions,
): storage.StorageAccount {
  return new storage.StorageAccount(
    name,
    transformed<storage.StorageAccountArgs>(
      {
        accountName: args.accountName,
        resourceGroupName: args.resourceGroupName,
        location: args.location,
        kind: "StorageV2",
        sku: { name: "Standard_LRS" },
        minimumTlsVersion: "TLS1_2",
        enableHttpsTrafficOnly: true,
        allowBlobPublicAccess: false,
        allowCrossTenantReplication: false,
        allowSharedKeyAccess: args.sharedKeys,
        tags: args.tags,
      },
      args.transform,
    ),
    opts,
  );
}
