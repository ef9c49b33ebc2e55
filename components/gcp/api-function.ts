import type * as pulumi from "@pulumi/pulumi";

import { CloudFunction, type CloudFunctionArgs, type Scaling } from "./cloud-function";

export interface ApiFunctionArgs extends Omit<CloudFunctionArgs, "public">, Partial<Scaling> {
  /**
   * Whether anyone may call the function. Default: true. If an organisation's policy forbids `allUsers`, pass false and
   * run `gcloud run services update <function> --no-invoker-iam-check`.
   */
  readonly public?: boolean;
}

/**
 * A function that answers requests, on a host name of its own; no gateway stands before it. An instance answers 80 requests
 * at once by default, and there are 16 at most: with its twin and a few other functions they fit into what a new project
 * has, which is 20 CPUs in a region.
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
    const { concurrency = 80, maximumInstances = 16, public: isPublic = true } = args;
    super("multicloud:gcp:ApiFunction", name, { ...args, concurrency, maximumInstances, public: isPublic }, opts);
    this.registerOutputs({ functionName: this.functionName, url: this.url });
  }
}
