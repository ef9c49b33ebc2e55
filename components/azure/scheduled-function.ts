import * as pulumi from "@pulumi/pulumi";

import { FunctionApp, type FunctionAppArgs } from "./function-app";

export interface ScheduledFunctionArgs extends FunctionAppArgs {
  /** NCRONTAB with six fields, seconds first, in UTC: `0 0 3 * * *` is three o'clock every night. */
  readonly schedule: string;
}

/**
 * A function app that runs on a schedule: its package has a timer trigger with the app setting `MULTICLOUD_SCHEDULE`.
 *
 * ```ts
 * new ScheduledFunction("cleanup", { functionName: "shop-staging-cleanup", schedule: "0 0 3 * * *", ... });
 * ```
 */
export class ScheduledFunction extends FunctionApp {
  readonly schedule: string;

  constructor(name: string, args: ScheduledFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    const environment = { ...args.environment, MULTICLOUD_SCHEDULE: args.schedule };
    super("multicloud:azure:ScheduledFunction", name, { ...args, environment }, {}, opts);
    this.schedule = args.schedule;
    this.registerOutputs({ functionName: this.functionName });
  }
}
