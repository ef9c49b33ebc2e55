import { randomBytes } from "node:crypto";

import { compressed, conditional, errorPage, storedFile } from "../cdn";
import {
  forward,
  header,
  type HeaderList,
  type HttpRequest,
  type HttpResponse,
  HttpTimeoutError,
  splitTarget,
  without,
} from "../http";
import type { StoredResource } from "../store";
import type { AzureResources, Resource } from "./resources";

type Route = Resource<"azure-native:cdn:Route">;
type Rule = Resource<"azure-native:cdn:Rule">;
type Action = Rule["actions"][number];

interface Change {
  readonly before: Route;
  readonly route: Route;
  readonly knownAt: number;
}

/**
 * Bytes of the bodies that Front Door compresses: 1 KB to 8 MB (Azure Front Door documentation, "File compression").
 */
const compressibleSizes = { least: 1024, most: 8 * 1024 * 1024 };

/** Milliseconds that Front Door waits for an origin: its default of 60 seconds. */
const originTimeout = 60_000;

/**
 * Azure Front Door: routes, origin groups, rule sets and compression in front of static websites and function apps.
 * There is no cache, so that a deployment is visible at once. Firewall policies are not emulated, and browsers use
 * HTTP, since a loopback address has no certificate.
 */
export class FrontDoor {
  readonly #changes = new Map<string, Change>();
  #count = 0;

  constructor(private readonly resources: AzureResources) {}

  /** Adds or changes a route. Some edge locations use the previous version until the change has propagated. */
  changed(resource: StoredResource): void {
    const route = this.resources.parse("azure-native:cdn:Route", resource);
    const before = this.#changes.get(resource.id)?.route ?? route;
    this.#changes.set(resource.id, { before, route, knownAt: resource.knownAt ?? 0 });
  }

  forget(routeId: string): void {
    this.#changes.delete(routeId);
  }

  async handle(endpointId: string, request: HttpRequest): Promise<HttpResponse> {
    const endpoint = this.resources.get("azure-native:cdn:AFDEndpoint", endpointId);
    const routes = [...this.resources.list("azure-native:cdn:Route"), ...this.#late()]
      .filter((route) => route.profileName === endpoint.profileName && route.endpointName === endpoint.endpointName)
      .filter(({ enabledState }) => enabledState === "Enabled");
    const { path } = splitTarget(request.target);
    const route = routeOf(routes, path);
    if (route === undefined) return errorPage(404, "Page not found", "No route of this endpoint matches the address.");

    const actions = this.#rulesOf(route)
      .filter((rule) => applies(rule, path))
      .flatMap((rule) => rule.actions);
    const target = rewritten(actions, request.target);
    const answer = await this.#fromOrigin(route, { ...request, target: `${route.originPath}${target}` });

    const current = conditional(request, { ...answer, headers: withHeaders(actions, answer.headers) });
    const compression = route.cacheConfiguration?.compressionSettings;
    const type = (header(current.headers, "content-type") ?? "").split(";")[0] ?? "";
    const encoded =
      compression?.isCompressionEnabled && compression.contentTypesToCompress.includes(type)
        ? await compressed(request, current, compressibleSizes)
        : current;
    return {
      ...encoded,
      headers: [
        ...encoded.headers,
        ["X-Azure-Ref", randomBytes(24).toString("base64url")],
        ["X-Cache", route.cacheConfiguration ? "TCP_MISS" : "CONFIG_NOCACHE"],
      ],
    };
  }

  /**
   * Routes with a change that has not propagated yet: every other request goes to an edge location with the previous
   * version.
   */
  #late(): Route[] {
    this.#count += 1;
    return [...this.#changes.values()]
      .filter(({ knownAt }) => knownAt > Date.now())
      .map(({ before, route }) => (this.#count % 2 === 0 ? route : before));
  }

  /** The rules of a route's rule sets, in order. */
  #rulesOf(route: Route): Rule[] {
    return route.ruleSets.flatMap(({ id }) => {
      const { ruleSetName } = this.resources.get("azure-native:cdn:RuleSet", id);
      return this.resources
        .list("azure-native:cdn:Rule")
        .filter((rule) => rule.ruleSetName === ruleSetName)
        .sort((a, b) => a.order - b.order);
    });
  }

  async #fromOrigin(route: Route, request: HttpRequest): Promise<HttpResponse> {
    const { originGroupName } = this.resources.get("azure-native:cdn:AFDOriginGroup", route.originGroup.id);
    const [origin] = this.resources
      .list("azure-native:cdn:AFDOrigin")
      .filter(
        (candidate) => candidate.profileName === route.profileName && candidate.originGroupName === originGroupName,
      )
      .filter(({ enabledState }) => enabledState === "Enabled")
      .sort((a, b) => a.priority - b.priority);
    if (origin === undefined) return errorPage(502, "502 Bad Gateway", "The route's origin group has no origin.");

    const account = this.resources.find(
      "azure-native:storage:StorageAccount",
      ({ primaryEndpoints }) => new URL(primaryEndpoints.web).host === origin.hostName,
    );
    if (account) return staticWebsite(this.resources, account.accountName, request);

    const forwardedFor = [header(request.headers, "x-forwarded-for"), request.remoteAddress].filter(Boolean).join(", ");
    const headers: HeaderList = [
      ["Host", origin.originHostHeader ?? origin.hostName],
      ...without(request.headers, ["host", "x-forwarded-for", "x-forwarded-host"]),
      ["X-Forwarded-For", forwardedFor],
      ["X-Forwarded-Host", header(request.headers, "host") ?? ""],
      ["Via", "1.1 Azure"],
    ];
    try {
      return await forward(origin.hostName, { ...request, headers }, originTimeout);
    } catch (error) {
      return error instanceof HttpTimeoutError
        ? errorPage(504, "504 Gateway Timeout", "The origin did not answer in time.")
        : errorPage(502, "502 Bad Gateway", "The origin could not be reached.");
    }
  }
}

/** The route with the most specific pattern: an exact path precedes a wildcard, a longer one precedes a shorter one. */
export function routeOf<R extends Pick<Route, "patternsToMatch">>(routes: readonly R[], path: string): R | undefined {
  const lower = path.toLowerCase();
  const matches = (pattern: string) =>
    pattern.endsWith("*")
      ? `${lower}/`.startsWith(pattern.slice(0, -1).toLowerCase())
      : lower === pattern.toLowerCase();
  const rank = (pattern: string) => (pattern.endsWith("*") ? pattern.length : Infinity);
  return routes
    .flatMap((route) => route.patternsToMatch.filter(matches).map((pattern) => ({ route, rank: rank(pattern) })))
    .sort((a, b) => b.rank - a.rank)[0]?.route;
}

function applies({ conditions }: Pick<Rule, "conditions">, path: string): boolean {
  const parts = {
    UrlFileExtension: /\.([^./]*)$/.exec(path)?.[1] ?? "",
    UrlFileName: path.slice(path.lastIndexOf("/") + 1),
  };
  return conditions.every(({ name, parameters: { operator, matchValues, negateCondition } }) => {
    const part = parts[name];
    const holds = {
      Any: part !== "",
      Equal: matchValues.includes(part),
      // The operand is a length, as in Front Door's string operators.
      LessThan: matchValues.some((value) => part.length < Number(value)),
      RegEx: matchValues.some((value) => new RegExp(value).test(part)),
    }[operator];
    return holds !== negateCondition;
  });
}

/** If the path begins with the source pattern, the destination replaces that part. */
function rewritten(actions: readonly Action[], target: string): string {
  const { path, query } = splitTarget(target);
  const rewrites = actions.filter((action) => action.name === "UrlRewrite");
  const rewrite = rewrites.find(({ parameters }) => path.startsWith(parameters.sourcePattern));
  if (rewrite === undefined) return target;
  const { sourcePattern, destination, preserveUnmatchedPath } = rewrite.parameters;
  const rest = preserveUnmatchedPath ? path.slice(sourcePattern.length) : "";
  return `${destination}${rest}${query && `?${query}`}`;
}

function withHeaders(actions: readonly Action[], headers: HeaderList): HeaderList {
  return actions
    .filter((action) => action.name === "ModifyResponseHeader")
    .reduce<HeaderList>((list, { parameters: { headerAction, headerName, value } }) => {
      const others = headerAction === "Append" ? list : without(list, [headerName.toLowerCase()]);
      return headerAction === "Delete" ? others : [...others, [headerName, value]];
    }, headers);
}

/** The static website of a storage account: the blobs in `$web`, with its index and error documents. */
async function staticWebsite(
  resources: AzureResources,
  accountName: string,
  request: HttpRequest,
): Promise<HttpResponse> {
  const website = resources.find(
    "azure-native:storage:StorageAccountStaticWebsite",
    (site) => site.accountName === accountName,
  );
  if (website === undefined) return errorPage(404, "WebsiteDisabled", "The account has no static website.");
  if (!["GET", "HEAD"].includes(request.method))
    return errorPage(405, "UnsupportedHttpVerb", "A static website is read only.");

  const find = (name: string) =>
    resources.find(
      "azure-native:storage:Blob",
      (blob) => blob.accountName === accountName && blob.containerName === "$web" && blob.blobName === name,
    );
  const key = decodeURI(splitTarget(request.target).path).slice(1);
  const index = website.indexDocument ?? "";
  const blob = find(key) ?? find([key.replace(/\/$/, ""), index].filter(Boolean).join("/"));
  if (blob) return storedFile(blob.source.path, blob);

  const notFound = website.error404Document === undefined ? undefined : find(website.error404Document);
  return notFound
    ? { ...(await storedFile(notFound.source.path, notFound)), status: 404 }
    : errorPage(404, "The requested content does not exist.", "WebContentNotFound");
}
