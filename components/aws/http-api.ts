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
  /** More requests than these, over all routes, are answered 429. */
  readonly throttle?: {
    /** Requests per second. Default: 100. */
    readonly rate?: number;
    /** Requests at once above the rate. Default: 200. */
    readonly burst?: number;
  };
  /** Days, one of those CloudWatch accepts. Default: 365. */
  readonly logRetentionDays?: number;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly api?: Transform<apigatewayv2.ApiArgs>;
    readonly stage?: Transform<apigatewayv2.StageArgs>;
    readonly logGroup?: Transform<cloudwatch.LogGroupArgs>;
  };
}

/** A function, and the paths that it answers. */
export interface RoutedFunction {
  /** What distinguishes the function's resources, unless it answers `/*`. */
  readonly name: string;
  readonly invocation: Invocation;
  /** Paths, each exact or ending in `/*`; `/*` is everything that no other function answers. */
  readonly routes: readonly string[];
}

/** Answers everything that no other route matches. */
const everything = "/*";

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

/** An API Gateway HTTP API that hands each request to the function of its path, throttled, with an access log. */
export class HttpApi extends pulumi.ComponentResource {
  readonly api: apigatewayv2.Api;
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

  /** What hands a function's requests to it: the permission, the integration and its routes. */
  private routesTo(
    name: string,
    api: apigatewayv2.Api,
    fn: RoutedFunction,
    stated: ReadonlySet<string>,
  ): pulumi.Resource[] {
    const child: pulumi.CustomResourceOptions = { parent: this };
    // The one function that most APIs have needs no name of its own; which one that is, no order changes.
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
      // Through another alias than before only once it is permitted.
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
            // Stated, not left out: the API is public, and the application itself verifies tokens where auth is configured.
            authorizationType: "NONE",
          },
          child,
        ),
    );
    return [permission, ...routes];
  }
}

/** API Gateway's `{proxy+}` stands for one character at least, so the path that ends in the slash is one of its own. */
function implied(route: string): string[] {
  return route.endsWith("/*") && route !== everything ? [route.slice(0, -1)] : [];
}

function routeKey(route: string): string {
  return route === everything ? "$default" : `ANY ${route.replace(/\*$/, "{proxy+}")}`;
}
