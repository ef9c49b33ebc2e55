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
  /** Refuses to delete the database, from Pulumi and from the console. Default: false. */
  readonly deletionProtection?: boolean;
  readonly transform?: { readonly database?: Transform<firestore.DatabaseArgs> };
}

/** A collection, in a Firestore database of its own that can be restored to any minute of a week. */
export class Table extends pulumi.ComponentResource {
  readonly tableName: string;
  readonly databaseName: pulumi.Output<string>;
  /** What a function must be allowed in order to read and write documents, in this database alone. */
  readonly readWrite: Grant;
  /** The same to read them. */
  readonly read: Grant;
  readonly database: firestore.Database;

  constructor(name: string, args: TableArgs, opts?: pulumi.ComponentResourceOptions) {
    // The token is older than the class's name: with another one, an earlier release of the program would delete the table.
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
          // The provider's default forgets the database without deleting it, and the next deployment finds it there.
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
