import * as authorization from "@pulumi/azure-native/authorization";
import * as storage from "@pulumi/azure-native/storage";
import * as pulumi from "@pulumi/pulumi";

import { type Transform, transformed } from "../transform";
import type { Grant } from "./role";

export interface TableArgs {
  /** 3 to 63 letters and digits, a letter first. */
  readonly tableName: string;
  readonly resourceGroupName: pulumi.Input<string>;
  /** The account of the table; it needs no shared keys. */
  readonly account: storage.StorageAccount;
  /**
   * Locks the account, so that neither it nor anything in it can be deleted until the lock is removed. Default: false.
   */
  readonly deletionProtection?: boolean;
  readonly transform?: { readonly table?: Transform<storage.TableArgs> };
}

/**
 * A table in Table Storage, which encrypts it, but cannot restore it to an earlier time.
 *
 * Its keys are `PartitionKey` and `RowKey`, and a query returns the rows of a partition in the order of their `RowKey`.
 * A partition accepts 2,000 entities per second.
 */
export class Table extends pulumi.ComponentResource {
  readonly tableName: pulumi.Output<string>;
  /** Address of the account's tables, e.g. `https://data1a2b.table.core.windows.net/`. */
  readonly serviceUri: pulumi.Output<string>;
  /** The role to read and write entities, only on this table. */
  readonly readWrite: Grant;
  /** The role to read entities. */
  readonly read: Grant;
  readonly table: storage.Table;

  constructor(name: string, args: TableArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:azure:Table", name, {}, { ...opts, aliases: [{ type: "multicloud:azure:MessageTable" }] });
    const child: pulumi.CustomResourceOptions = { parent: this };

    const table = new storage.Table(
      name,
      transformed<storage.TableArgs>(
        { tableName: args.tableName, accountName: args.account.name, resourceGroupName: args.resourceGroupName },
        args.transform?.table,
      ),
      { ...child, protect: args.deletionProtection },
    );
    if (args.deletionProtection) {
      new authorization.ManagementLockByScope(
        name,
        {
          scope: args.account.id,
          lockName: args.tableName,
          level: "CanNotDelete",
          notes: `Holds the table ${args.tableName}.`,
        },
        { ...child, dependsOn: [table] },
      );
    }

    this.tableName = table.name;
    this.serviceUri = args.account.primaryEndpoints.table;
    this.table = table;
    this.read = { role: "Storage Table Data Reader", of: args.tableName, scope: table.id };
    this.readWrite = { role: "Storage Table Data Contributor", of: args.tableName, scope: table.id };
    this.registerOutputs({ tableName: this.tableName, serviceUri: this.serviceUri });
  }
}
