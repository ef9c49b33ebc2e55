import { randomBytes } from "node:crypto";

import { header, type HttpRequest, type HttpResponse, response, splitTarget } from "../http";
import type { Logs } from "../logs";
import { decodedPath, httpApiEvent, httpApiResponse, requestTime } from "./http-api-payload";
import { selectRoute } from "./http-api-routes";
import { mayInvoke } from "./resource-policy";
import { type Lambda, ThrottledError, UnknownFunctionError } from "./lambda";
import type { AwsResources, Resource } from "./resources";

type Stage = Resource<"aws:apigatewayv2/stage:Stage">;
type Integration = Resource<"aws:apigatewayv2/integration:Integration">;

/** Maximum bytes of a request body: 10 MB (API Gateway developer guide, "HTTP API quotas"). */
export const bodyLimit = 10 * 1024 * 1024;

/** Responses of the HTTP API itself. */
export const ownAnswers = {
  notFound: answer(404, "Not Found"),
  tooLarge: answer(413, "Request Entity Too Large"),
  tooManyRequests: answer(429, "Too Many Requests"),
  internalError: answer(500, "Internal Server Error"),
  unavailable: answer(503, "Service Unavailable"),
};

function answer(status: number, message: string): HttpResponse {
  return response(status, { message });
}

/** The response to a request, and its details for the access log. */
interface Outcome {
  readonly answer: HttpResponse;
  readonly routeKey?: string;
  /** `$context.integrationErrorMessage` */
  readonly integrationError?: string;
  readonly cold?: boolean;
}

export interface HttpApiOptions {
  readonly resources: AwsResources;
  readonly lambda: Pick<Lambda, "invoke">;
  readonly logs: Logs;
}

/**
 * API Gateway's HTTP APIs with Lambda proxy integrations: routes, payload format 2.0, throttling, access log and the
 * function's resource policy. Without a CORS configuration, the function answers preflight requests.
 */
export class HttpApis {
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(private readonly options: HttpApiOptions) {}

  async handle(apiId: string, request: HttpRequest): Promise<HttpResponse> {
    const { resources, logs } = this.options;
    const time = new Date();
    const requestId = `${randomBytes(11).toString("base64url")}=`;
    const path = decodedPath(splitTarget(request.target).path);
    const stage = stageOf(resources, apiId, path);
    if (stage === undefined) return ownAnswers.notFound;

    const outcome = await this.#answer(apiId, stage, { request, path, requestId, time });

    if (stage.accessLogSettings) {
      const logGroup = stage.accessLogSettings.destinationArn.split(":").slice(6).join(":");
      const line = accessLogLine(stage.accessLogSettings.format, {
        apiId,
        requestId,
        path,
        stage: stage.name,
        routeKey: outcome.routeKey,
        httpMethod: request.method,
        protocol: "HTTP/1.1",
        domainName: header(request.headers, "host"),
        "identity.sourceIp": request.remoteAddress,
        "identity.userAgent": header(request.headers, "user-agent"),
        requestTime: requestTime(time),
        requestTimeEpoch: time.getTime(),
        status: outcome.answer.status,
        responseLength: outcome.answer.body.length,
        responseLatency: Date.now() - time.getTime(),
        integrationErrorMessage: outcome.integrationError,
      });
      logs.append(logGroup, stage.name, line);
    }
    return { ...outcome.answer, headers: [...outcome.answer.headers, ["Apigw-Requestid", requestId]] };
  }

  async #answer(
    apiId: string,
    stage: Stage,
    { request, path, requestId, time }: { request: HttpRequest; path: string; requestId: string; time: Date },
  ): Promise<Outcome> {
    const { resources } = this.options;
    const routes = resources.list("aws:apigatewayv2/route:Route").filter((route) => route.apiId === apiId);
    const match = selectRoute(routes, request.method, withoutStage(path, stage));
    if (match === undefined) return { answer: ownAnswers.notFound };

    const { routeKey, target } = match.route;
    if (!this.#bucketOf(apiId, stage).take()) return { routeKey, answer: ownAnswers.tooManyRequests };

    const integrationId = target.replace("integrations/", "");
    const integration = resources.get("aws:apigatewayv2/integration:Integration", integrationId);
    const { executionArn } = resources.get("aws:apigatewayv2/api:Api", apiId);
    const sourceArn = `${executionArn}/${stage.name}/${routeKey.replace(" ", "")}`;
    if (!mayInvoke(resources, invoked(integration).arn, "apigateway.amazonaws.com", sourceArn)) {
      return {
        routeKey,
        answer: ownAnswers.internalError,
        integrationError:
          "The IAM role configured on the integration or API Gateway doesn't have permissions to call the integration. " +
          "Check the permissions and try again.",
      };
    }

    const event = httpApiEvent(request, {
      apiId,
      requestId,
      routeKey,
      time,
      accountId: executionArn.split(":")[4] ?? "",
      stage: stage.name,
      stageVariables: stage.stageVariables,
      pathParameters: match.pathParameters,
    });
    const outcome = await this.options.logs.timed(invoked(integration).name, request, () =>
      this.#invoke(integration, Buffer.from(JSON.stringify(event))),
    );
    return { routeKey, ...outcome };
  }

  async #invoke(integration: Integration, event: Buffer): Promise<Outcome> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<"timeout">((resolve) => {
      timer = setTimeout(resolve, integration.timeoutMilliseconds, "timeout");
    });
    try {
      const result = await Promise.race([this.options.lambda.invoke(invoked(integration).arn, event), timeout]);
      if (result === "timeout") {
        return { answer: ownAnswers.unavailable, integrationError: "Endpoint request timed out." };
      }
      if (result.functionError) {
        return {
          answer: ownAnswers.internalError,
          integrationError: `The Lambda function returned an error: ${result.payload.toString()}`,
        };
      }
      const made = httpApiResponse(result.payload);
      const { cold } = result;
      if (made) return { answer: made, cold };
      const integrationError =
        "The response from the Lambda function doesn't match the format that API Gateway expects.";
      return { answer: ownAnswers.internalError, integrationError };
    } catch (error) {
      if (error instanceof UnknownFunctionError) {
        return { answer: ownAnswers.internalError, integrationError: error.message };
      }
      if (!(error instanceof ThrottledError)) throw error;
      // Lambda throttled the invocation: an error of the integration, not of the client (Lambda developer guide, API
      // Gateway).
      return { answer: ownAnswers.internalError, integrationError: "Rate Exceeded." };
    } finally {
      clearTimeout(timer);
    }
  }

  #bucketOf(apiId: string, { name, defaultRouteSettings: settings }: Stage): TokenBucket {
    const key = `${apiId}/${name}`;
    const bucket = this.#buckets.get(key) ?? new TokenBucket();
    this.#buckets.set(key, bucket);
    bucket.rate = settings?.throttlingRateLimit ?? Infinity;
    bucket.burst = settings?.throttlingBurstLimit ?? Infinity;
    return bucket;
  }
}

/** A token bucket: allows `rate` requests per second, and bursts of `burst`. */
export class TokenBucket {
  rate = Infinity;
  burst = Infinity;
  #tokens = Infinity;
  #filled = performance.now();

  take(now = performance.now()): boolean {
    const gained = Number.isFinite(this.rate) ? ((now - this.#filled) / 1000) * this.rate : Infinity;
    this.#tokens = Math.min(this.burst, this.#tokens + gained);
    this.#filled = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** The stage at the beginning of the path, otherwise `$default`. */
function stageOf(resources: AwsResources, apiId: string, path: string): Stage | undefined {
  const stages = resources.list("aws:apigatewayv2/stage:Stage").filter((stage) => stage.apiId === apiId);
  return (
    stages.find(({ name }) => path === `/${name}` || path.startsWith(`/${name}/`)) ??
    stages.find(({ name }) => name === "$default")
  );
}

function withoutStage(path: string, { name }: Stage): string {
  return name === "$default" ? path : path.slice(name.length + 1) || "/";
}

/** The function of an integration, and its alias if there is one, from the ARN in the integration's URI. */
function invoked({ integrationUri }: Integration): { arn: string; name: string; qualifier?: string } {
  const [arn, name, qualifier] =
    /arn:[\w-]+:lambda:[^:]*:\d*:function:([\w-]+)(?::([\w$-]+))?/.exec(integrationUri) ?? [];
  if (arn === undefined || name === undefined)
    throw new Error(`${integrationUri} is not the invocation ARN of a Lambda function`);
  return { arn, name, qualifier };
}

/** The access log's format with each `$context` variable replaced; a missing value becomes `-`. */
export function accessLogLine(format: string, context: Readonly<Record<string, string | number | undefined>>): string {
  return format.replace(/\$context\.([\w.]+)/g, (_, name: string) => {
    const value = String(context[name] ?? "-");
    // API Gateway escapes quotes, so that a JSON format remains valid JSON.
    return JSON.stringify(value).slice(1, -1);
  });
}
