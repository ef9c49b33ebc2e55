import * as firestore from "@pulumi/gcp/firestore";
import * as pulumi from "@pulumi/pulumi";

import { type Transform, transformed } from "../transform";
import type { Grant } from "./cloud-function";
import { enableServices } from "./services";

export interface TableArgs {
  readonly project: string;
  /** Id of the database: 4 to 63 lower-case letters, digits and hyphens. A deleted one's is free after five minutes. */
  readonly databaseName: string;
  /** Name of the collection in it. */
  readonly tableName: string;
  readonly location: string;
  /** Prevents the database from being deleted, by Pulumi and in the console. Default: false. */
  readonly deletionProtection?: boolean;
  readonly transform?: { readonly database?: Transform<firestore.DatabaseArgs> };
}

/** A collection in its own Firestore database, which can be restored to any minute of a week. */
export class Table extends pulumi.ComponentResource {
  readonly tableName: string;
  readonly databaseName: pulumi.Output<string>;
  /** The role to read and write documents, only in this database. */
  readonly readWrite: Grant;
  /** The role to read documents. */
  readonly read: Grant;
  readonly database: firestore.Database;

  constructor(name: string, args: TableArgs, opts?: pulumi.ComponentResourceOptions) {
    // The type token is older than the class name; another token would replace the tables of existing stacks.
    super("multicloud:gcp:MessageTable", name, {}, opts);
    const child = enableServices(name, ["firestore"], this);

    const database = new firestore.Database(
      name,
      transformed<firestore.DatabaseArgs>(
        {
          name: args.databaseName,
          locationId: args.location,
          type: "FIRESTORE_NATIVE",
          pointInTimeRecoveryEnablement: "POINT_IN_TIME_RECOVERY_ENABLED",
          deleteProtectionState: args.deletionProtection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED",
          // The provider's default forgets the database without deleting it, and the next deployment would find it.
          deletionPolicy: "DELETE",
        },
        args.transform?.database,
      ),
      { ...child, protect: args.deletionProtection },
    );

    this.tableName = args.tableName;
    this.databaseName = database.name;
    this.database = database;
    const condition = {
      title: args.tableName,
      expression: pulumi.interpolate`resource.name == "projects/${args.project}/databases/${database.name}"`,
    };
    this.read = { role: "roles/datastore.viewer", condition };
    this.readWrite = { role: "roles/datastore.user", condition };
    this.registerOutputs({ tableName: this.tableName, databaseName: this.databaseName });
  }
}
