import type * as pulumi from "@pulumi/pulumi";

import type { Probe } from "../../contract/application";
import { LambdaFunction, type LambdaFunctionArgs } from "./lambda-function";

export interface ApiFunctionArgs extends LambdaFunctionArgs {
  /** Seconds, at most 30, the limit of an HTTP API. Default: 15. */
  readonly timeout?: number;
  /** Requests that a version has to answer before it serves, if `verified` is true. Default: `GET /` with 200. */
  readonly probes?: readonly Probe[];
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
    super("multicloud:aws:ApiFunction", name, args, args.probes ?? [{ path: "/", status: 200 }], opts);
    this.registerOutputs({ functionName: this.functionName, arn: this.arn });
  }
}
