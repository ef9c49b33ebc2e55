import * as dynamodb from "@pulumi/aws/dynamodb";
import type * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";

import { type TableOperation, tableOperations } from "../../contract/application";
import { type Transform, transformed } from "../transform";

export interface TableArgs {
  readonly tableName: string;
  /** Attribute of type string; the items that share its value are in one partition, which takes 1,000 writes a second. */
  readonly partitionKey: string;
  /** Attribute of type string that orders the items of a partition. Default: one item for each partition key. */
  readonly sortKey?: string;
  /** Refuses to delete or replace the table, from Pulumi and from the console. Default: false. */
  readonly deletionProtection?: boolean;
  readonly tags?: Record<string, string>;
  readonly transform?: { readonly table?: Transform<dynamodb.TableArgs> };
}

/**
 * Actions on items, from the Service Authorization Reference of DynamoDB, each with the operations that all of them allow it; none
 * on the table itself.
 */
const actions: Readonly<Record<string, readonly TableOperation[]>> = {
  BatchGetItem: ["get"],
  GetItem: ["get"],
  Query: ["query"],
  Scan: ["scan"],
  BatchWriteItem: ["put", "delete"],
  ConditionCheckItem: ["get", "put"],
  DeleteItem: ["delete"],
  PutItem: ["put"],
  UpdateItem: ["update"],
};

/** A DynamoDB table: on demand, encrypted, restorable to any second of the last 35 days. */
export class Table extends pulumi.ComponentResource {
  readonly table: dynamodb.Table;
  readonly tableName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** What a function must be allowed in order to read items, and no more. */
  readonly read: pulumi.Output<iam.PolicyStatement>;
  /** The same to read and write them. */
  readonly readWrite: pulumi.Output<iam.PolicyStatement>;

  constructor(name: string, args: TableArgs, opts?: pulumi.ComponentResourceOptions) {
    // The token is older than the class's name: with another one, an earlier release of the program would delete the table.
    super("multicloud:aws:MessageTable", name, {}, opts);

    const keys = args.sortKey === undefined ? [args.partitionKey] : [args.partitionKey, args.sortKey];
    const table = new dynamodb.Table(
      name,
      transformed<dynamodb.TableArgs>(
        {
          name: args.tableName,
          billingMode: "PAY_PER_REQUEST",
          hashKey: args.partitionKey,
          rangeKey: args.sortKey,
          attributes: keys.map((key) => ({ name: key, type: "S" })),
          pointInTimeRecovery: { enabled: true },
          serverSideEncryption: { enabled: true },
          deletionProtectionEnabled: args.deletionProtection ?? false,
          tags: args.tags,
        },
        args.transform?.table,
      ),
      { parent: this, protect: args.deletionProtection },
    );

    this.tableName = table.name;
    this.arn = table.arn;
    this.table = table;
    this.read = this.allow(["get", "query", "scan"]);
    this.readWrite = this.allow(tableOperations);
    this.registerOutputs({ tableName: this.tableName, arn: this.arn });
  }

  /** What a function must be allowed in order to do these operations on items, and no more. */
  allow(operations: readonly TableOperation[]): pulumi.Output<iam.PolicyStatement> {
    const allowed = Object.entries(actions).filter(([, needs]) => needs.every((need) => operations.includes(need)));
    const Action = allowed.map(([action]) => `dynamodb:${action}`);
    return this.arn.apply((arn): iam.PolicyStatement => ({ Effect: "Allow", Action, Resource: arn }));
  }
}
