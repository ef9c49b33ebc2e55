import { compressed, conditional, errorPage, storedFile } from "../cdn";
import { header, type HeaderList, type HttpRequest, type HttpResponse, response, splitTarget, without } from "../http";
import type { Objects } from "../objects";
import type { CloudFunctions } from "./functions";
import type { GcpResources, Resource } from "./resources";

type UrlMap = Resource<"gcp:compute/uRLMap:URLMap">;
type PathMatcher = UrlMap["pathMatchers"][number];
type Redirect = NonNullable<UrlMap["defaultUrlRedirect"]>;
type ErrorPolicy = NonNullable<UrlMap["defaultCustomErrorResponsePolicy"]>;

/** The target of a request by a URL map. */
export interface Route {
  /** Id or self link of a backend. */
  readonly service?: string;
  readonly redirect?: Redirect;
  readonly errorPolicy?: ErrorPolicy;
}

/** Bytes of the bodies that the load balancer compresses (Cloud CDN documentation, "Dynamic compression"). */
const compressibleSizes = { least: 1024, most: 10 * 1024 * 1024 };

/**
 * The load balancer's service agent, which reads private buckets: `service-<number>@https-lb.iam.gserviceaccount.com`.
 */
const loadBalancerAgent = /^serviceAccount:service-\d+@https-lb\.iam\.gserviceaccount\.com$/;

/** Roles that read and list objects (Cloud Storage IAM roles). */
const readerRoles = ["roles/storage.objectViewer", "roles/storage.objectAdmin", "roles/storage.admin"];

/**
 * The external application load balancer: forwarding rule, URL map, backend buckets and serverless backends, with the
 * headers, compression and error pages of Cloud CDN. There is no cache, so that a deployment is visible at once.
 */
export class LoadBalancer {
  constructor(
    private readonly resources: GcpResources,
    private readonly functions: Pick<CloudFunctions, "handle">,
    private readonly objects: Pick<Objects, "find">,
  ) {}

  /** @param addressId the global address of the request. */
  async handle(addressId: string, request: HttpRequest): Promise<HttpResponse> {
    const urlMap = this.#urlMapAt(addressId);
    if (urlMap === undefined) return errorPage(404, "404 Not Found", "No forwarding rule uses this address.");

    const { path, query } = splitTarget(request.target);
    const route = routeOf(urlMap, hostOf(request), path);
    if (route.redirect) return redirected(route.redirect, hostOf(request), path, query);

    const answer = await this.#fromBackend(route.service, request);
    const page = errorPageOf(route.errorPolicy, answer.status);
    if (page === undefined) return answer;
    const body = await this.#fromBackend(route.errorPolicy?.errorService, {
      ...request,
      method: "GET",
      target: page.path,
    });
    return { ...body, status: page.overrideResponseCode ?? answer.status };
  }

  /** If one address has HTTP and HTTPS, HTTPS serves the site. A loopback address has no certificate. */
  #urlMapAt(addressId: string): UrlMap | undefined {
    const address = this.resources.get("gcp:compute/globalAddress:GlobalAddress", addressId);
    const names = [address.address, address.id, address.selfLink];
    const rules = this.resources
      .list("gcp:compute/globalForwardingRule:GlobalForwardingRule")
      .filter(({ ipAddress }) => names.includes(ipAddress));
    const rule = rules.find(({ portRange }) => portRange.startsWith("443")) ?? rules[0];
    if (rule === undefined) return undefined;
    const proxy =
      this.resources.referred("gcp:compute/targetHttpProxy:TargetHttpProxy", rule.target) ??
      this.resources.referred("gcp:compute/targetHttpsProxy:TargetHttpsProxy", rule.target);
    return proxy && this.resources.referred("gcp:compute/uRLMap:URLMap", proxy.urlMap);
  }

  async #fromBackend(service: string | undefined, request: HttpRequest): Promise<HttpResponse> {
    if (service === undefined) return errorPage(404, "404 Not Found", "The URL map sends this request nowhere.");
    const bucket = this.resources.referred("gcp:compute/backendBucket:BackendBucket", service);
    const backend = bucket ?? this.resources.referred("gcp:compute/backendService:BackendService", service);
    if (backend === undefined) throw new Error(`there is no backend ${service} on this machine`);

    const answer = await ("bucketName" in backend
      ? this.#fromBucket(backend.bucketName, request)
      : this.#fromServerless(backend.backends[0]?.group, request));
    const current = conditional(request, answer);
    const encoded =
      backend.compressionMode === "AUTOMATIC" ? await compressed(request, current, compressibleSizes) : current;
    return { ...encoded, headers: withCustomHeaders(backend.customResponseHeaders, encoded.headers) };
  }

  async #fromBucket(bucketName: string, request: HttpRequest): Promise<HttpResponse> {
    if (!["GET", "HEAD"].includes(request.method))
      return errorPage(405, "405 Method Not Allowed", "Buckets are read only.");
    const { website, publicAccessPrevention } =
      this.resources.find("gcp:storage/bucket:Bucket", ({ name }) => name === bucketName) ?? {};
    const readable = this.resources
      .list("gcp:storage/bucketIAMMember:BucketIAMMember")
      .filter(({ bucket, role }) => bucket === bucketName && readerRoles.includes(role))
      .some(({ member }) =>
        member === "allUsers" ? publicAccessPrevention !== "enforced" : loadBalancerAgent.test(member),
      );
    if (!readable) return storageError(403, "AccessDenied", "Access denied.");

    const key = decodeURI(splitTarget(request.target).path).slice(1);
    const index = website?.mainPageSuffix !== undefined && (key === "" || key.endsWith("/"));
    const object = await this.#object(bucketName, index ? `${key}${website.mainPageSuffix ?? ""}` : key);
    if (object) return object;

    const notFound =
      website?.notFoundPage === undefined ? undefined : await this.#object(bucketName, website.notFoundPage);
    return notFound
      ? { ...notFound, status: 404 }
      : storageError(404, "NoSuchKey", "The specified key does not exist.");
  }

  async #object(bucketName: string, key: string): Promise<HttpResponse | undefined> {
    const found = this.objects.find(bucketName, key);
    if (found === undefined) return undefined;
    const { file, headers } = found;
    const contentType = header(headers, "content-type") ?? "application/octet-stream";
    return storedFile(file, { contentType, cacheControl: header(headers, "cache-control") });
  }

  async #fromServerless(group: string | undefined, request: HttpRequest): Promise<HttpResponse> {
    const type = "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup";
    const endpoint = group === undefined ? undefined : this.resources.referred(type, group);
    const name = endpoint?.cloudRun?.service ?? endpoint?.cloudFunction?.function;
    const fn = this.resources.find(
      "gcp:cloudfunctionsv2/function:Function",
      (candidate) => candidate.name === name?.split("/").at(-1),
    );
    if (fn === undefined) return errorPage(502, "502 Server Error", "The backend does not exist.");
    const headers: HeaderList = [...request.headers, ["Via", "1.1 google"]];
    const answer = await this.functions.handle(fn.id, { ...request, headers });
    return { ...answer, headers: [...answer.headers, ["Via", "1.1 google"]] };
  }
}

/** The target for a host and path: the longest matching path wins, as in Google's documentation. */
export function routeOf(urlMap: Omit<UrlMap, "id">, host: string, path: string): Route {
  const matches = (pattern: string) =>
    pattern === "*" || pattern === host || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)));
  const rule = urlMap.hostRules.find(({ hosts }) => hosts.some(matches));
  const matcher = urlMap.pathMatchers.find(({ name }) => name === rule?.pathMatcher);
  const pathRule = matcher && longestMatch(matcher, path);
  const byDefault = matcher ?? urlMap;
  return {
    service: pathRule ? pathRule.service : byDefault.defaultService,
    redirect: pathRule ? pathRule.urlRedirect : byDefault.defaultUrlRedirect,
    errorPolicy:
      pathRule?.customErrorResponsePolicy ??
      matcher?.defaultCustomErrorResponsePolicy ??
      urlMap.defaultCustomErrorResponsePolicy,
  };
}

function longestMatch({ pathRules }: PathMatcher, path: string): PathMatcher["pathRules"][number] | undefined {
  const matching = pathRules.flatMap((rule) =>
    rule.paths.filter((pattern) => matchesPath(pattern, path)).map((pattern) => ({ rule, length: pattern.length })),
  );
  return matching.sort((a, b) => b.length - a.length)[0]?.rule;
}

/** A path, or one that ends in `/*`, which also matches the path before the slash. */
function matchesPath(pattern: string, path: string): boolean {
  return pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

function redirected(redirect: Redirect, host: string, path: string, query: string): HttpResponse {
  const status = { FOUND: 302, SEE_OTHER: 303, TEMPORARY_REDIRECT: 307, PERMANENT_REDIRECT: 308 };
  const scheme = redirect.httpsRedirect ? "https" : "http";
  const kept = query && !redirect.stripQuery ? `?${query}` : "";
  const location = `${scheme}://${redirect.hostRedirect ?? host}${redirect.pathRedirect ?? path}${kept}`;
  const code = Object.entries(status).find(([name]) => name === redirect.redirectResponseCode)?.[1] ?? 301;
  return response(code, "", [["Location", location]]);
}

function errorPageOf(policy: ErrorPolicy | undefined, status: number) {
  const groups = [String(status), status >= 500 ? "5xx" : status >= 400 ? "4xx" : ""];
  return policy?.errorResponseRules.find(({ matchResponseCodes }) =>
    matchResponseCodes.some((code) => groups.includes(code)),
  );
}

/** Custom response headers, e.g. `X-Frame-Options: DENY`, which replace the backend's own. */
function withCustomHeaders(custom: readonly string[], headers: HeaderList): HeaderList {
  const set = custom.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()] as const;
  });
  return [
    ...without(
      headers,
      set.map(([name]) => name.toLowerCase()),
    ),
    ...set,
  ];
}

function hostOf(request: HttpRequest): string {
  return (header(request.headers, "host") ?? "").replace(/:\d+$/, "");
}

function storageError(status: number, code: string, message: string): HttpResponse {
  const body = `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return response(status, body, [["Content-Type", "application/xml; charset=UTF-8"]]);
}
