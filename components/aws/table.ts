import * as dynamodb from "@pulumi/aws/dynamodb";
import type * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";

import { type TableOperation, tableOperations } from "../../contract/application";
import { type Transform, transformed } from "../transform";

export interface TableArgs {
  readonly tableName: string;
  /**
   * Attribute of type string; items with the same value are in one partition, which accepts 1,000 writes per second.
   */
  readonly partitionKey: string;
  /** Attribute of type string that orders the items of a partition. Default: one item per partition key. */
  readonly sortKey?: string;
  /** Prevents the table from being deleted or replaced, by Pulumi and in the console. Default: false. */
  readonly deletionProtection?: boolean;
  readonly tags?: Record<string, string>;
  readonly transform?: { readonly table?: Transform<dynamodb.TableArgs> };
}

/**
 * Actions on items from the Service Authorization Reference of DynamoDB, each with the operations that require it; none
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
  /** The permission to read items, and no more. */
  readonly read: pulumi.Output<iam.PolicyStatement>;
  /** The permission to read and write items. */
  readonly readWrite: pulumi.Output<iam.PolicyStatement>;

  constructor(name: string, args: TableArgs, opts?: pulumi.ComponentResourceOptions) {
    // The type token is older than the class name; another token would replace the tables of existing stacks.
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

  /** The permission for these operations on items, and no more. */
  allow(operations: readonly TableOperation[]): pulumi.Output<iam.PolicyStatement> {
    const allowed = Object.entries(actions).filter(([, needs]) => needs.every((need) => operations.includes(need)));
    const Action = allowed.map(([action]) => `dynamodb:${action}`);
    return this.arn.apply((arn): iam.PolicyStatement => ({ Effect: "Allow", Action, Resource: arn }));
  }
}
