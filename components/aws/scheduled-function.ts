import * as iam from "@pulumi/aws/iam";
import * as scheduler from "@pulumi/aws/scheduler";
import * as pulumi from "@pulumi/pulumi";

import { awsScheduleExpression, type Schedule } from "../../contract/schedule";
import { type Transform, transformed } from "../transform";
import { assumedBy, LambdaFunction, type LambdaFunctionArgs } from "./lambda-function";

export interface ScheduledFunctionArgs extends LambdaFunctionArgs {
  readonly schedule: Schedule;
  /** Name of the schedule, and of its role, which invokes the function. */
  readonly scheduleName: string;
  readonly transform?: LambdaFunctionArgs["transform"] & { readonly schedule?: Transform<scheduler.ScheduleArgs> };
}

/** Retries of an event that Lambda did not accept, because of throttling or a missing permission. */
const deliveryRetries = 10;

/**
 * A Lambda function that EventBridge Scheduler invokes, in UTC. Lambda retries a failed event twice, so the code has to
 * be idempotent.
 *
 * ```ts
 * new ScheduledFunction("cleanup", {
 *   functionName: "shop-staging-cleanup",
 *   scheduleName: "shop-staging-cleanup",
 *   schedule: { kind: "rate", minutes: 60 },
 *   code: new pulumi.asset.FileArchive("cleanup.zip"),
 *   handler: "cleanup.handler",
 *   layers: [layer],
 * });
 * ```
 */
export class ScheduledFunction extends LambdaFunction {
  /** The expression in EventBridge Scheduler's form. */
  readonly scheduleExpression: string;
  readonly schedule: scheduler.Schedule;

  constructor(name: string, args: ScheduledFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:ScheduledFunction", name, args, undefined, opts);
    this.scheduleExpression = awsScheduleExpression(args.schedule);
    const child: pulumi.CustomResourceOptions = { parent: this };

    const role = new iam.Role(
      `${name}-schedule`,
      {
        name: args.scheduleName,
        assumeRolePolicy: assumedBy("scheduler.amazonaws.com"),
        permissionsBoundary: args.permissionsBoundary,
        tags: args.tags,
      },
      child,
    );
    const policy = new iam.RolePolicy(
      `${name}-schedule`,
      {
        role: role.name,
        policy: pulumi.jsonStringify({
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Action: "lambda:InvokeFunction", Resource: this.invocation.arn }],
        }),
      },
      child,
    );
    this.schedule = new scheduler.Schedule(
      name,
      transformed<scheduler.ScheduleArgs>(
        {
          name: args.scheduleName,
          scheduleExpression: this.scheduleExpression,
          scheduleExpressionTimezone: "UTC",
          flexibleTimeWindow: { mode: "OFF" },
          target: {
            arn: this.invocation.arn,
            roleArn: role.arn,
            retryPolicy: { maximumRetryAttempts: deliveryRetries },
          },
        },
        args.transform?.schedule,
      ),
      { ...child, dependsOn: [policy] },
    );
    this.registerOutputs({ functionName: this.functionName, arn: this.arn });
  }
}
