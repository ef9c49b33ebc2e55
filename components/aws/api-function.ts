import type * as pulumi from "@pulumi/pulumi";

import { LambdaFunction, type LambdaFunctionArgs } from "./lambda-function";

export interface ApiFunctionArgs extends LambdaFunctionArgs {
  /** Seconds, at most 30, which is what an HTTP API waits. Default: 15. */
  readonly timeout?: number;
}

/**
 * A Lambda function that answers the requests of an HTTP API.
 *
 * ```ts
 * const api = new ApiFunction("api", {
 *   functionName: "shop-staging-api",
 *   code: new pulumi.asset.FileArchive("api.zip"),
 *   handler: "api.aws.function.handler",
 *   layers: [layer],
 *   permissions: [table.readWrite],
 * });
 * ```
 */
export class ApiFunction extends LambdaFunction {
  constructor(name: string, args: ApiFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:ApiFunction", name, args, opts);
    this.registerOutputs({ functionName: this.functionName, arn: this.arn });
  }
}
