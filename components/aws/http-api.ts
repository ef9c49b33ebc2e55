import * as apigatewayv2 from "@pulumi/aws/apigatewayv2";
import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";

import { type Transform, transformed } from "../transform";
import type { Invocation } from "./api-function";

export interface HttpApiArgs {
  readonly apiName: string;
  /** The function that answers every route. */
  readonly function: Invocation;
  /** Requests a second over all routes; more are answered 429. Default: 100. */
  readonly throttlingRate?: number;
  /** Requests at once above the rate. Default: 200. */
  readonly throttlingBurst?: number;
  /** Days, one of those CloudWatch accepts. Default: 365. */
  readonly logRetentionDays?: number;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly api?: Transform<apigatewayv2.ApiArgs>;
    readonly stage?: Transform<apigatewayv2.StageArgs>;
    readonly logGroup?: Transform<cloudwatch.LogGroupArgs>;
  };
}

/** What one line of the access log holds; the names on the right are API Gateway's. */
const accessLogFormat = JSON.stringify({
  requestId: "$context.requestId",
  time: "$context.requestTime",
  sourceIp: "$context.identity.sourceIp",
  method: "$context.httpMethod",
  path: "$context.path",
  status: "$context.status",
  responseLength: "$context.responseLength",
  latencyMs: "$context.responseLatency",
  integrationError: "$context.integrationErrorMessage",
});

/** An API Gateway HTTP API that hands every request to one function, throttled, with an access log. */
export class HttpApi extends pulumi.ComponentResource {
  readonly apiId: pulumi.Output<string>;
  /** `https://<id>.execute-api.<region>.amazonaws.com`, without a slash at its end. */
  readonly url: pulumi.Output<string>;
  readonly accessLogGroupName: pulumi.Output<string>;

  constructor(name: string, args: HttpApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:HttpApi", name, {}, opts);
    const child: pulumi.CustomResourceOptions = { parent: this };

    const logGroup = new cloudwatch.LogGroup(
      name,
      transformed<cloudwatch.LogGroupArgs>(
        { name: `/aws/apigateway/${args.apiName}`, retentionInDays: args.logRetentionDays ?? 365, tags: args.tags },
        args.transform?.logGroup,
      ),
      child,
    );
    const api = new apigatewayv2.Api(
      name,
      transformed<apigatewayv2.ApiArgs>(
        { name: args.apiName, protocolType: "HTTP", tags: args.tags },
        args.transform?.api,
      ),
      child,
    );
    const permission = new lambda.Permission(
      name,
      {
        action: "lambda:InvokeFunction",
        function: args.function.functionName,
        qualifier: args.function.qualifier,
        principal: "apigateway.amazonaws.com",
        sourceArn: pulumi.interpolate`${api.executionArn}/*/*`,
      },
      child,
    );
    const integration = new apigatewayv2.Integration(
      name,
      {
        apiId: api.id,
        integrationType: "AWS_PROXY",
        integrationUri: args.function.invokeArn,
        payloadFormatVersion: "2.0",
        timeoutMilliseconds: 30_000,
      },
      child,
    );
    const route = new apigatewayv2.Route(
      name,
      {
        apiId: api.id,
        routeKey: "$default",
        target: pulumi.interpolate`integrations/${integration.id}`,
        // Stated, not left out: the API is public, and the application itself verifies tokens where auth is configured.
        authorizationType: "NONE",
      },
      child,
    );
    new apigatewayv2.Stage(
      name,
      transformed<apigatewayv2.StageArgs>(
        {
          apiId: api.id,
          name: "$default",
          autoDeploy: true,
          accessLogSettings: { destinationArn: logGroup.arn, format: accessLogFormat },
          defaultRouteSettings: {
            throttlingRateLimit: args.throttlingRate ?? 100,
            throttlingBurstLimit: args.throttlingBurst ?? 200,
          },
          tags: args.tags,
        },
        args.transform?.stage,
      ),
      { ...child, dependsOn: [route, permission] },
    );

    this.apiId = api.id;
    this.url = api.apiEndpoint;
    this.accessLogGroupName = logGroup.name;
    this.registerOutputs({ apiId: this.apiId, url: this.url });
  }
}
