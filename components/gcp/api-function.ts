import * as cloudrunv2 from "@pulumi/gcp/cloudrunv2";
import type * as pulumi from "@pulumi/pulumi";

import { CloudFunction, type CloudFunctionArgs, type Scaling } from "./cloud-function";

export interface ApiFunctionArgs extends CloudFunctionArgs, Partial<Scaling> {
  /**
   * Lets anyone call the function. Default: true. Where an organisation's policy forbids `allUsers`, pass false and run
   * `gcloud run services update <function> --no-invoker-iam-check`.
   */
  readonly public?: boolean;
}

/**
 * A function that answers requests, on a host name of its own; no gateway stands before it. An instance answers 80 requests
 * at once by default, and there are 40 at most.
 *
 * ```ts
 * const build = new FunctionBuild("build", { scope, project, projectNumber, location });
 * const api = new ApiFunction("api", {
 *   scope, project, location, build, bundle,
 *   functionName: "api",
 *   entryPoint: "handle",
 *   permissions: [table.readWrite],
 * });
 * ```
 */
export class ApiFunction extends CloudFunction {
  constructor(name: string, args: ApiFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    const { concurrency = 80, maximumInstances = 40 } = args;
    super("multicloud:gcp:ApiFunction", name, { ...args, concurrency, maximumInstances }, opts);
    if (args.public ?? true) {
      new cloudrunv2.ServiceIamMember(
        name,
        { name: this.serviceName, location: args.location, role: "roles/run.invoker", member: "allUsers" },
        { parent: this },
      );
    }
    this.registerOutputs({ functionName: this.functionName, url: this.url });
  }
}
