import * as cloudrunv2 from "@pulumi/gcp/cloudrunv2";
import * as cloudscheduler from "@pulumi/gcp/cloudscheduler";
import * as serviceaccount from "@pulumi/gcp/serviceaccount";
import * as pulumi from "@pulumi/pulumi";

import { type Schedule, unixCron } from "../../contract/schedule";
import { nameLimits, resourceName } from "../names";
import { type Transform, transformed } from "../transform";
import { CloudFunction, type CloudFunctionArgs } from "./cloud-function";
import { enableServices } from "./services";

export interface ScheduledFunctionArgs extends Omit<CloudFunctionArgs, "public" | "canary"> {
  readonly schedule: Schedule;
  readonly transform?: CloudFunctionArgs["transform"] & { readonly job?: Transform<cloudscheduler.JobArgs> };
}

/** Seconds that Cloud Scheduler waits for an answer, from the reference of `Job.attemptDeadline`. */
const attemptDeadline = { least: 15, most: 30 * 60 };

/**
 * A function that only Cloud Scheduler may run: the scheduler calls it as a service account that may do
 * nothing but invoke it. A run that fails is not repeated before the next one is due.
 *
 * ```ts
 * const worker = new ScheduledFunction("worker", {
 *   scope, project, location, build, bundle,
 *   functionName: "worker",
 *   entryPoint: "handle",
 *   schedule: { kind: "rate", minutes: 60 },
 * });
 * ```
 */
export class ScheduledFunction extends CloudFunction {
  /** In Cloud Scheduler's form, in UTC. */
  readonly schedule: string;
  /** E-mail address of the service account with which the scheduler calls the function. */
  readonly invoker: pulumi.Output<string>;

  constructor(name: string, args: ScheduledFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    // Runs do not share an instance, and a run that is still active when the next one is due needs a second instance.
    const scaling = { concurrency: 1, maximumInstances: 2 };
    super("multicloud:gcp:ScheduledFunction", name, { ...args, ...scaling, public: false }, opts);
    const { scope, functionName, location, timeout = 15 } = args;
    this.schedule = unixCron(args.schedule);
    const child = enableServices(`${name}-schedule`, ["cloudscheduler"], this);

    const invoker = new serviceaccount.Account(
      `${name}-invoker`,
      {
        // Function names have no underscore, and another function may be called `<function>-invoker`.
        accountId: resourceName(scope, `${functionName}_invoker`, nameLimits.serviceAccount),
        displayName: `Invokes the function ${functionName}`,
      },
      child,
    );
    const permission = new cloudrunv2.ServiceIamMember(
      name,
      {
        name: this.serviceName,
        location,
        role: "roles/run.invoker",
        member: pulumi.interpolate`serviceAccount:${invoker.email}`,
      },
      { parent: this },
    );
    new cloudscheduler.Job(
      name,
      transformed<cloudscheduler.JobArgs>(
        {
          name: resourceName(scope, functionName, nameLimits.schedulerJob),
          region: location,
          description: `Runs the function ${functionName}`,
          schedule: this.schedule,
          timeZone: "Etc/UTC",
          attemptDeadline: `${Math.min(Math.max(timeout, attemptDeadline.least), attemptDeadline.most)}s`,
          retryConfig: { retryCount: 0 },
          httpTarget: {
            uri: this.url,
            httpMethod: "POST",
            oidcToken: { serviceAccountEmail: invoker.email, audience: this.url },
          },
        },
        args.transform?.job,
      ),
      { ...child, dependsOn: [...child.dependsOn, permission] },
    );

    this.invoker = invoker.email;
    this.registerOutputs({ functionName: this.functionName, schedule: this.schedule });
  }
}
