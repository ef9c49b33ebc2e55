import { randomBytes } from "node:crypto";

import { z } from "zod";

import { header, type HeaderList, type HttpRequest, type HttpResponse, splitTarget, without } from "../http";

/** An event of payload format 2.0 (API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs"). */
export interface HttpApiEvent {
  readonly version: "2.0";
  readonly routeKey: string;
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly stageVariables?: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly accountId: string;
    readonly apiId: string;
    readonly domainName: string;
    readonly domainPrefix: string;
    readonly http: {
      readonly method: string;
      readonly path: string;
      readonly protocol: string;
      readonly sourceIp: string;
      readonly userAgent: string;
    };
    readonly requestId: string;
    readonly routeKey: string;
    readonly stage: string;
    readonly time: string;
    readonly timeEpoch: number;
  };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

export interface EventContext {
  readonly accountId: string;
  readonly apiId: string;
  readonly requestId: string;
  readonly routeKey: string;
  readonly stage: string;
  readonly time: Date;
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly stageVariables?: Readonly<Record<string, string>>;
}

/** Content types whose body an HTTP API passes as text; forms and bodies without a type are not among them. */
const textTypes = /^(text\/.*|application\/(json|xml|javascript))$/;

/** Converts a request to the event of an HTTP API. */
export function httpApiEvent(request: HttpRequest, context: EventContext): HttpApiEvent {
  const { path, query } = splitTarget(request.target);
  const rawPath = decodedPath(path);
  const domainName = header(request.headers, "host") ?? "";
  const parameters = joined([...new URLSearchParams(query)]);
  const cookies = request.headers
    .filter(([name]) => name.toLowerCase() === "cookie")
    .flatMap(([, value]) => value.split(/;\s*/));

  return {
    version: "2.0",
    routeKey: context.routeKey,
    rawPath,
    rawQueryString: query,
    ...(cookies.length > 0 && { cookies }),
    headers: eventHeaders(request, domainName),
    ...(query !== "" && { queryStringParameters: parameters }),
    ...(context.pathParameters && { pathParameters: context.pathParameters }),
    ...(context.stageVariables && { stageVariables: context.stageVariables }),
    requestContext: {
      accountId: context.accountId,
      apiId: context.apiId,
      domainName,
      domainPrefix: domainName.split(".")[0] ?? "",
      http: {
        method: request.method,
        path: rawPath,
        protocol: "HTTP/1.1",
        sourceIp: request.remoteAddress,
        userAgent: header(request.headers, "user-agent") ?? "",
      },
      requestId: context.requestId,
      routeKey: context.routeKey,
      stage: context.stage,
      time: requestTime(context.time),
      timeEpoch: context.time.getTime(),
    },
    ...eventBody(request),
  };
}

/** HTTP APIs decode the path, unlike REST APIs; an invalid encoding stays unchanged. */
export function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function eventHeaders(request: HttpRequest, host: string): Record<string, string> {
  const forwardedFor = header(request.headers, "x-forwarded-for");
  return {
    // API Gateway sets these two on every request.
    "content-length": String(request.body.length),
    "x-amzn-trace-id": `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${randomBytes(12).toString("hex")}`,
    ...joined(without(request.headers, ["cookie", "connection"]).map(([name, value]) => [name.toLowerCase(), value])),
    "x-forwarded-for": [...(forwardedFor === undefined ? [] : [forwardedFor]), request.remoteAddress].join(", "),
    "x-forwarded-port": host.split(":")[1] ?? "80",
    "x-forwarded-proto": "http",
  };
}

function eventBody({ body, headers }: HttpRequest): Pick<HttpApiEvent, "body" | "isBase64Encoded"> {
  if (body.length === 0) return { isBase64Encoded: false };
  const type = (header(headers, "content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const text = body.toString("utf8");
  // A body with a text type that is not valid UTF-8 cannot be passed as text.
  return textTypes.test(type) && Buffer.from(text).equals(body)
    ? { body: text, isBase64Encoded: false }
    : { body: body.toString("base64"), isBase64Encoded: true };
}

/** Values joined with commas by name, since the format has no lists. */
function joined(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(values);
}

/** Formats a time like `$context.requestTime`, e.g. `12/Mar/2020:19:03:58 +0000`. */
export function requestTime(time: Date): string {
  const [, day, month, year, clock] = /, (\d+) (\w+) (\d+) ([\d:]+)/.exec(time.toUTCString()) ?? [];
  return `${day ?? ""}/${month ?? ""}/${year ?? ""}:${clock ?? ""} +0000`;
}

const structured = z.object({
  statusCode: z.coerce.number().int().min(100).max(599),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish(),
  cookies: z.array(z.string()).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

/**
 * Converts a function's result to the response of an HTTP API: an object with `statusCode` is the response, any other
 * value is the body of a JSON response. Undefined for an invalid format.
 */
export function httpApiResponse(payload: Buffer): HttpResponse | undefined {
  const result = parsedJson(payload.toString("utf8"));
  if (result === undefined) return undefined;
  if (typeof result !== "object" || result === null || !("statusCode" in result)) {
    const body = typeof result === "string" ? result : JSON.stringify(result);
    return { status: 200, headers: [["Content-Type", "application/json"]], body: Buffer.from(body) };
  }

  const { data } = structured.safeParse(result);
  if (data === undefined) return undefined;
  const headers: HeaderList = Object.entries(data.headers ?? {});
  return {
    status: data.statusCode,
    headers: [
      ...(header(headers, "content-type") === undefined && data.body
        ? [["Content-Type", "text/plain;charset=UTF-8"] as const]
        : []),
      ...headers,
      ...(data.cookies ?? []).map((cookie) => ["Set-Cookie", cookie] as const),
    ],
    body: Buffer.from(data.body ?? "", data.isBase64Encoded ? "base64" : "utf8"),
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
