import * as apigatewayv2 from "@pulumi/aws/apigatewayv2";
import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";

import { type Transform, transformed } from "../transform";
import type { Invocation } from "./lambda-function";

export interface HttpApiArgs {
  readonly apiName: string;
  /** The functions behind the API, at least one. */
  readonly functions: readonly RoutedFunction[];
  /** Limits over all routes; further requests get 429. */
  readonly throttle?: {
    /** Requests per second. Default: 100. */
    readonly rate?: number;
    /** Requests above the rate in one burst. Default: 200. */
    readonly burst?: number;
  };
  /** Days, one of the values that CloudWatch accepts. Default: 365. */
  readonly logRetentionDays?: number;
  /** Whether the access log cannot be deleted. Default: false. */
  readonly protectLog?: boolean;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly api?: Transform<apigatewayv2.ApiArgs>;
    readonly stage?: Transform<apigatewayv2.StageArgs>;
    readonly logGroup?: Transform<cloudwatch.LogGroupArgs>;
  };
}

/** A function and its paths. */
export interface RoutedFunction {
  /** Distinguishes the function's resources, unless it answers `/*`. */
  readonly name: string;
  readonly invocation: Invocation;
  /** Paths, each exact or ending in `/*`; `/*` matches everything that no other function answers. */
  readonly routes: readonly string[];
}

/** Matches what no other route matches. */
const everything = "/*";

/** Fields of the access log; the names on the right are API Gateway's. */
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

/** An API Gateway HTTP API that routes each request to the function of its path, with throttling and an access log. */
export class HttpApi extends pulumi.ComponentResource {
  readonly api: apigatewayv2.Api;
  readonly apiId: pulumi.Output<string>;
  /** `https://<id>.execute-api.<region>.amazonaws.com`, without a trailing slash. */
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
      { ...child, protect: args.protectLog },
    );
    const api = new apigatewayv2.Api(
      name,
      transformed<apigatewayv2.ApiArgs>(
        { name: args.apiName, protocolType: "HTTP", tags: args.tags },
        args.transform?.api,
      ),
      child,
    );
    const stated = new Set(args.functions.flatMap(({ routes }) => routes));
    const routed = args.functions.flatMap((fn) => this.routesTo(name, api, fn, stated));
    new apigatewayv2.Stage(
      name,
      transformed<apigatewayv2.StageArgs>(
        {
          apiId: api.id,
          name: "$default",
          autoDeploy: true,
          accessLogSettings: { destinationArn: logGroup.arn, format: accessLogFormat },
          defaultRouteSettings: {
            throttlingRateLimit: args.throttle?.rate ?? 100,
            throttlingBurstLimit: args.throttle?.burst ?? 200,
          },
          tags: args.tags,
        },
        args.transform?.stage,
      ),
      { ...child, dependsOn: routed },
    );

    this.api = api;
    this.apiId = api.id;
    this.url = api.apiEndpoint;
    this.accessLogGroupName = logGroup.name;
    this.registerOutputs({ apiId: this.apiId, url: this.url });
  }

  /** The permission, the integration and the routes of a function. */
  private routesTo(
    name: string,
    api: apigatewayv2.Api,
    fn: RoutedFunction,
    stated: ReadonlySet<string>,
  ): pulumi.Resource[] {
    const child: pulumi.CustomResourceOptions = { parent: this };
    // The function of `/*` needs no name of its own, so that the order of functions does not matter.
    const own = fn.routes.includes(everything) ? name : `${name}-${fn.name}`;
    const permission = new lambda.Permission(
      own,
      {
        action: "lambda:InvokeFunction",
        function: fn.invocation.functionName,
        qualifier: fn.invocation.qualifier,
        principal: "apigateway.amazonaws.com",
        sourceArn: pulumi.interpolate`${api.executionArn}/*/*`,
      },
      child,
    );
    const integration = new apigatewayv2.Integration(
      own,
      {
        apiId: api.id,
        integrationType: "AWS_PROXY",
        integrationUri: fn.invocation.invokeArn,
        payloadFormatVersion: "2.0",
        timeoutMilliseconds: 30_000,
      },
      // The API may call another alias only once that is permitted.
      { ...child, dependsOn: [permission] },
    );
    const paths = fn.routes.flatMap((route) => [route, ...implied(route).filter((path) => !stated.has(path))]);
    const routes = paths.map(routeKey).map(
      (key) =>
        new apigatewayv2.Route(
          key === "$default" ? name : `${name} ${key}`,
          {
            apiId: api.id,
            routeKey: key,
            target: pulumi.interpolate`integrations/${integration.id}`,
            // Explicit: the API is public; the application itself verifies tokens if auth is configured.
            authorizationType: "NONE",
          },
          child,
        ),
    );
    return [permission, ...routes];
  }
}

/** API Gateway's `{proxy+}` matches at least one character, so the path with the trailing slash needs its own route. */
function implied(route: string): string[] {
  return route.endsWith("/*") && route !== everything ? [route.slice(0, -1)] : [];
}

function routeKey(route: string): string {
  return route === everything ? "$default" : `ANY ${route.replace(/\*$/, "{proxy+}")}`;
}
