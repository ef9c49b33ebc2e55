import * as dynamodb from "@pulumi/aws/dynamodb";
import type * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";

import { type Transform, transformed } from "../transform";

export interface MessageTableArgs {
  readonly tableName: string;
  /** Refuses to delete or replace the table, from Pulumi and from the console. Default: false. */
  readonly deletionProtection?: boolean;
  readonly tags?: Record<string, string>;
  readonly transform?: { readonly table?: Transform<dynamodb.TableArgs> };
}

/**
 * The DynamoDB table of the messages: on demand, encrypted, restorable to any second of the last 35 days.
 *
 * All messages of a board share a partition and are sorted by `id`, which begins with the time: the newest first is one
 * query. A partition takes 1,000 writes a second; spread `board` before that matters.
 */
export class MessageTable extends pulumi.ComponentResource {
  readonly tableName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** What a function must be allowed in order to list and store messages, and no more. */
  readonly readWrite: pulumi.Output<iam.PolicyStatement>;

  constructor(name: string, args: MessageTableArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:MessageTable", name, {}, opts);

    const table = new dynamodb.Table(
      name,
      transformed<dynamodb.TableArgs>(
        {
          name: args.tableName,
          billingMode: "PAY_PER_REQUEST",
          hashKey: "board",
          rangeKey: "id",
          attributes: [
            { name: "board", type: "S" },
            { name: "id", type: "S" },
          ],
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
    this.readWrite = table.arn.apply((arn): iam.PolicyStatement => ({
      Effect: "Allow",
      Action: ["dynamodb:PutItem", "dynamodb:Query"],
      Resource: arn,
    }));
    this.registerOutputs({ tableName: this.tableName, arn: this.arn });
  }
}
