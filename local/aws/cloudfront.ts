import { randomBytes } from "node:crypto";
import vm from "node:vm";

import { z } from "zod";

import { compressed, conditional, errorPage } from "../cdn";
import {
  forward,
  header,
  type HeaderList,
  type HttpRequest,
  type HttpResponse,
  HttpTimeoutError,
  response,
  splitTarget,
  without,
} from "../http";
import type { AwsResources, Resource } from "./resources";
import type { S3 } from "./s3";

type Distribution = Resource<"aws:cloudfront/distribution:Distribution">;
type Behavior = Distribution["defaultCacheBehavior"];
type Origin = Distribution["origins"][number];

/**
 * The managed policies that the program may name, by their ids in CloudFront's developer guide, and their effect here.
 */
const cachePolicies: Record<string, { readonly compresses: boolean }> = {
  /** CachingOptimized */
  "658327ea-f89d-4fab-a63d-7e88639e58f6": { compresses: true },
  /** CachingDisabled */
  "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": { compresses: false },
};
const originRequestPolicies: Record<string, { readonly host: boolean }> = {
  /** AllViewer */
  "216adef6-5c7f-47e4-b989-5492eafa07d3": { host: true },
  /** AllViewerExceptHostHeader */
  "b689b0a8-53d0-40ab-baf2-68738e2966ac": { host: false },
};

/** Bytes of body that CloudFront compresses (CloudFront developer guide, "Serve compressed files"). */
const compressibleSizes = { least: 1_000, most: 10_000_000 };

/**
 * CloudFront: behaviours by path pattern, S3 and custom origins, viewer-request functions, compression, response
 * headers and error pages.
 *
 * There is no cache, so that a deployment is visible at once. Viewers use HTTP, since a loopback address has no
 * certificate. Web ACLs and access logs are not emulated.
 */
export class CloudFront {
  constructor(
    private readonly resources: AwsResources,
    private readonly s3: S3,
  ) {}

  async handle(distributionId: string, viewerRequest: HttpRequest): Promise<HttpResponse> {
    const distribution = this.resources.get("aws:cloudfront/distribution:Distribution", distributionId);
    const { path, query } = splitTarget(viewerRequest.target);
    const behavior = behaviorOf(distribution, path);
    if (!behavior.allowedMethods.includes(viewerRequest.method)) {
      return errorPage(
        403,
        "ERROR: The request could not be satisfied",
        "This distribution is not configured to allow the HTTP request method that was used for this request.",
      );
    }

    const root = path === "/" && distribution.defaultRootObject !== undefined;
    const request = root
      ? { ...viewerRequest, target: `/${distribution.defaultRootObject ?? ""}${query && `?${query}`}` }
      : viewerRequest;
    const outcome = await this.#atViewerRequest(behavior, request);
    const answer = "status" in outcome ? outcome : await this.#withErrorPage(distribution, behavior, outcome);

    const requested = conditional(request, answer);
    const compresses = behavior.compress && known(cachePolicies, behavior.cachePolicyId, "cache policy").compresses;
    const encoded = compresses ? await compressed(request, requested, compressibleSizes) : requested;
    return {
      ...encoded,
      headers: [
        ...this.#withResponseHeaders(behavior, encoded.headers),
        ["X-Cache", answer.status >= 400 ? "Error from cloudfront" : "Miss from cloudfront"],
        ["Via", "1.1 local.cloudfront.net (CloudFront)"],
        ["X-Amz-Cf-Id", randomBytes(40).toString("base64url")],
      ],
    };
  }

  async #atViewerRequest(behavior: Behavior, request: HttpRequest): Promise<HttpRequest | HttpResponse> {
    const [association] = behavior.functionAssociations;
    if (association === undefined) return request;
    const { code } =
      this.resources.find("aws:cloudfront/function:Function", ({ arn }) => arn === association.functionArn) ?? {};
    if (code === undefined) throw new Error(`local AWS has no CloudFront function ${association.functionArn}`);
    return runViewerRequestFunction(code, request);
  }

  async #withErrorPage(distribution: Distribution, behavior: Behavior, request: HttpRequest): Promise<HttpResponse> {
    const answer = await this.#fromOrigin(distribution, behavior, request);
    const page = distribution.customErrorResponses.find(({ errorCode }) => errorCode === answer.status);
    if (page?.responsePagePath === undefined) return answer;
    const pageBehavior = behaviorOf(distribution, page.responsePagePath);
    const body = await this.#fromOrigin(distribution, pageBehavior, { ...request, target: page.responsePagePath });
    return { ...body, status: page.responseCode ?? answer.status };
  }

  #fromOrigin(distribution: Distribution, behavior: Behavior, request: HttpRequest): Promise<HttpResponse> {
    const origin = distribution.origins.find(({ originId }) => originId === behavior.targetOriginId);
    if (origin === undefined)
      throw new Error(`distribution ${distribution.id} has no origin ${behavior.targetOriginId}`);
    return origin.customOriginConfig
      ? fromCustomOrigin(origin, origin.customOriginConfig.originReadTimeout, behavior, request)
      : this.#fromBucket(distribution, origin, request);
  }

  #fromBucket(distribution: Distribution, origin: Origin, request: HttpRequest): Promise<HttpResponse> {
    const bucket = this.resources.find("aws:s3/bucket:Bucket", (b) => b.bucketRegionalDomainName === origin.domainName);
    if (bucket === undefined) throw new Error(`no bucket has the domain name ${origin.domainName}`);
    const control =
      origin.originAccessControlId === undefined
        ? undefined
        : this.resources.get("aws:cloudfront/originAccessControl:OriginAccessControl", origin.originAccessControlId);
    const signed = control?.signingBehavior === "always";
    const path = decodeURI(`${origin.originPath}${splitTarget(request.target).path}`);
    return this.s3.get(bucket, path.slice(1), signed ? distribution.arn : undefined);
  }

  #withResponseHeaders(behavior: Behavior, headers: HeaderList): HeaderList {
    if (behavior.responseHeadersPolicyId === undefined) return headers;
    const type = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy";
    return applyResponseHeaders(this.resources.get(type, behavior.responseHeadersPolicyId), headers);
  }
}

/** The first behaviour whose pattern matches the path, otherwise the default one. */
export function behaviorOf(
  distribution: Pick<Distribution, "defaultCacheBehavior" | "orderedCacheBehaviors">,
  path: string,
): Behavior {
  const { orderedCacheBehaviors, defaultCacheBehavior } = distribution;
  return orderedCacheBehaviors.find(({ pathPattern }) => matchesPattern(pathPattern, path)) ?? defaultCacheBehavior;
}

/** CloudFront's path patterns: `*` for any characters, `?` for one, with or without a leading slash. */
function matchesPattern(pattern: string, path: string): boolean {
  const expression = pattern
    .replace(/^\/?/, "/")
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`).test(path);
}

async function fromCustomOrigin(
  origin: Origin,
  readTimeout: number,
  { originRequestPolicyId }: Behavior,
  request: HttpRequest,
): Promise<HttpResponse> {
  const policy =
    originRequestPolicyId === undefined
      ? undefined
      : known(originRequestPolicies, originRequestPolicyId, "origin request policy");
  const forwardedFor = header(request.headers, "x-forwarded-for");
  const viewerHeaders = without(policy ? request.headers : [], ["host", "x-forwarded-for"]);
  const headers: HeaderList = [
    ["Host", (policy?.host && header(request.headers, "host")) || origin.domainName],
    ...viewerHeaders,
    // The content type of a body is forwarded whatever the policy.
    ...(policy ? [] : request.headers.filter(([name]) => name.toLowerCase() === "content-type")),
    ["X-Forwarded-For", [forwardedFor, request.remoteAddress].filter(Boolean).join(", ")],
    ["Via", "1.1 local.cloudfront.net (CloudFront)"],
    ["X-Amz-Cf-Id", randomBytes(40).toString("base64url")],
  ];
  try {
    const target = `${origin.originPath}${request.target}`;
    return await forward(origin.domainName, { ...request, target, headers }, readTimeout * 1000);
  } catch (error) {
    return error instanceof HttpTimeoutError
      ? errorPage(504, "504 Gateway Timeout ERROR", "The origin did not answer in time.")
      : errorPage(502, "502 Bad Gateway ERROR", "CloudFront could not connect to the origin.");
  }
}

/** Response header of each part of a security headers configuration. */
export function applyResponseHeaders(
  policy: Resource<"aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy">,
  headers: HeaderList,
): HeaderList {
  const { contentSecurityPolicy, contentTypeOptions, frameOptions, referrerPolicy, strictTransportSecurity } =
    policy.securityHeadersConfig;
  const transport = strictTransportSecurity && [
    `max-age=${strictTransportSecurity.accessControlMaxAgeSec}`,
    ...(strictTransportSecurity.includeSubdomains ? ["includeSubDomains"] : []),
    ...(strictTransportSecurity.preload ? ["preload"] : []),
  ];
  const wanted = [
    contentSecurityPolicy && {
      ...contentSecurityPolicy,
      header: "Content-Security-Policy",
      value: contentSecurityPolicy.contentSecurityPolicy,
    },
    contentTypeOptions && { ...contentTypeOptions, header: "X-Content-Type-Options", value: "nosniff" },
    frameOptions && { ...frameOptions, header: "X-Frame-Options", value: frameOptions.frameOption },
    referrerPolicy && { ...referrerPolicy, header: "Referrer-Policy", value: referrerPolicy.referrerPolicy },
    strictTransportSecurity && {
      ...strictTransportSecurity,
      header: "Strict-Transport-Security",
      value: transport?.join("; ") ?? "",
    },
    ...(policy.customHeadersConfig?.items ?? []),
  ].filter((item) => item !== undefined);

  const set = wanted.filter((item) => item.override || header(headers, item.header) === undefined);
  return [
    ...without(
      headers,
      set.map((item) => item.header.toLowerCase()),
    ),
    ...set.map((item) => [item.header, item.value] as const),
  ];
}

const values = z.record(z.string(), z.object({ value: z.string() })).default({});
const functionResult = z.union([
  z.object({
    statusCode: z.number(),
    headers: values,
    body: z.union([z.string(), z.object({ data: z.string() }).transform(({ data }) => data)]).default(""),
  }),
  z.object({ uri: z.string(), headers: values }),
]);

/** Timeout of a function in milliseconds. CloudFront allows less, but a developer's machine may be busy. */
const functionTimeout = 1_000;

/**
 * Runs a CloudFront function on a request. Returns the changed request, or the function's own response.
 *
 * The vm context protects this process from mistakes in the function, not from malicious code.
 */
export async function runViewerRequestFunction(
  code: string,
  request: HttpRequest,
): Promise<HttpRequest | HttpResponse> {
  const { path, query } = splitTarget(request.target);
  const event = {
    version: "1.0",
    context: { eventType: "viewer-request" },
    viewer: { ip: request.remoteAddress },
    request: {
      method: request.method,
      uri: path,
      querystring: Object.fromEntries([...new URLSearchParams(query)].map(([name, value]) => [name, { value }])),
      headers: Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), { value }])),
      cookies: {},
    },
  };
  const script = `${code}\n;Promise.resolve(handler(JSON.parse(event))).then(JSON.stringify)`;
  const text: unknown = await vm.runInNewContext(
    script,
    { event: JSON.stringify(event) },
    { timeout: functionTimeout },
  );
  const result = functionResult.parse(JSON.parse(String(text)));
  const headers = Object.entries(result.headers).map(([name, { value }]) => [name, value] as const);
  return "statusCode" in result
    ? response(result.statusCode, result.body, headers)
    : { ...request, headers, target: `${result.uri}${query && `?${query}`}` };
}

function known<T>(table: Readonly<Record<string, T>>, id: string, what: string): T {
  const entry = table[id];
  if (entry === undefined)
    throw new Error(`local CloudFront knows no ${what} ${id}; add it to local/aws/cloudfront.ts`);
  return entry;
}
