import * as compute from "@pulumi/gcp/compute";
import * as storage from "@pulumi/gcp/storage";
import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import { publicAddress } from "../address";
import { announcement } from "../announcement";
import { nameLimits, resourceName, type Scope } from "../names";
import { immutableCacheControl, securityHeaders, type SiteFile, siteFiles } from "../site";
import { type Transform, transformed } from "../transform";
import { untilServedByHttps } from "./certificate";
import { untilKnown } from "./grant-propagation";
import { enableServices } from "./services";

export interface FrontendArgs {
  readonly scope: Scope;
  readonly project: string;
  /** The project's number, which is part of the load balancer's account name. */
  readonly projectNumber: pulumi.Input<string>;
  /** Location of the bucket and the functions; the load balancer is global. */
  readonly location: string;
  /** Folder with the site's files, including `index.html`. */
  readonly directory: string;
  /** The functions that answer some of the site's paths. */
  readonly functions: readonly FrontendFunction[];
  /** Resources that the site's files wait for, e.g. the check of the API. Default: none. */
  readonly filesAfter?: readonly pulumi.Resource[];
  /** Host name of the site, with a certificate that Google manages. Default: none, and plain HTTP on an address. */
  readonly domain?: string;
  /** Whether anyone may read the bucket itself, if the load balancer's account cannot get access. Default: false. */
  readonly publicBucket?: boolean;
  /** Protects the API by Cloud Armor's rules against injection. Default: false. */
  readonly cloudArmor?: boolean;
  readonly labels?: Record<string, string>;
  readonly transform?: {
    readonly securityPolicy?: Transform<compute.SecurityPolicyArgs>;
    readonly bucket?: Transform<storage.BucketArgs>;
    readonly backendBucket?: Transform<compute.BackendBucketArgs>;
    readonly backendService?: Transform<compute.BackendServiceArgs>;
    readonly urlMap?: Transform<compute.URLMapArgs>;
  };
}

/** A function behind the site's address. */
export interface FrontendFunction {
  /** Name of the function in the scope. */
  readonly functionName: string;
  /** Name of its Cloud Run service. */
  readonly serviceName: pulumi.Input<string>;
  /** Its paths, each exact or ending in `/*`. */
  readonly paths: readonly string[];
}

/** Of every backend and forwarding rule of one load balancer. */
const loadBalancingScheme = "EXTERNAL_MANAGED";

/** Cloud Armor's preconfigured rule sets, from "Google Cloud Armor preconfigured WAF rules overview". */
const firewallRuleSets = ["sqli-v33-stable", "xss-v33-stable", "lfi-v33-stable", "rce-v33-stable"];

/** Priority of the rule that every policy ends with, from the reference of `securityPolicies.addRule`. */
const lastPriority = 2_147_483_647;

/**
 * The site in a private bucket behind the global load balancer and its CDN. The functions' paths of the same address go
 * to them without caching.
 */
export class Frontend extends pulumi.ComponentResource {
  /** The domain's address, or `http://<address>` without a domain. */
  readonly url: pulumi.Output<string>;
  /** The load balancer's IP address, for the domain's A record. */
  readonly address: pulumi.Output<string>;
  readonly urlMapName: pulumi.Output<string>;

  constructor(name: string, args: FrontendArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:gcp:Frontend", name, {}, opts);
    const child = enableServices(name, ["compute"], this);
    const webName = resourceName(args.scope, "web", nameLimits.googleCloud);

    const site = this.site(name, webName, args, child);
    const firewall = args.cloudArmor ? this.firewall(name, args, child) : undefined;
    const functions = args.functions.map((fn) => ({
      paths: [...fn.paths],
      service: this.backend(name, fn, args, firewall, child).id,
    }));
    const urlMap = new compute.URLMap(
      name,
      transformed<compute.URLMapArgs>(
        {
          name: webName,
          defaultService: site.id,
          hostRules: [{ hosts: ["*"], pathMatcher: "site" }],
          pathMatchers: [
            {
              name: "site",
              defaultService: site.id,
              pathRules: [
                ...functions,
                {
                  paths: ["/*"],
                  service: site.id,
                  // Paths of the single page are no files; the API keeps its own 404.
                  customErrorResponsePolicy: {
                    errorService: site.id,
                    errorResponseRules: [
                      { matchResponseCodes: ["404"], path: "/index.html", overrideResponseCode: 200 },
                    ],
                  },
                },
              ],
            },
          ],
        },
        args.transform?.urlMap,
      ),
      child,
    );
    const address = new compute.GlobalAddress(name, { name: webName, labels: args.labels }, child);
    const listen = (part: string, port: number, target: pulumi.Output<string>, dependsOn: pulumi.Resource[] = []) =>
      new compute.GlobalForwardingRule(
        `${name}-${part}`,
        {
          name: resourceName(args.scope, `web-${part}`, nameLimits.googleCloud),
          target,
          portRange: String(port),
          ipAddress: address.address,
          loadBalancingScheme,
          labels: args.labels,
        },
        { ...child, dependsOn: [...child.dependsOn, ...dependsOn] },
      );
    if (args.domain === undefined) {
      this.untilCertified(name, "", address.address, []);
      listen("http", 80, new compute.TargetHttpProxy(name, { name: webName, urlMap: urlMap.id }, child).id);
      void pulumi.log.warn(
        "The Google Cloud frontend answers plain HTTP: a load balancer has no host name of its own, and Google signs " +
          "certificates for domains only. Set gcp.frontend.domain for HTTPS; the API's own address has it already.",
        this,
      );
    } else {
      const https = listen(
        "https",
        443,
        this.httpsProxy(name, webName, urlMap, { ...args, domain: args.domain }, child).id,
      );
      const certified = this.untilCertified(name, args.domain, address.address, [https]);
      listen("http", 80, this.redirectProxy(name, args, child).id, [certified]);
    }

    this.address = address.address;
    this.url = args.domain ? pulumi.output(publicAddress(args.domain)) : pulumi.interpolate`http://${address.address}`;
    this.urlMapName = urlMap.name;
    this.registerOutputs({ url: this.url, address: this.address });
  }

  private site(name: string, webName: string, args: FrontendArgs, child: pulumi.CustomResourceOptions) {
    const bucket = new storage.Bucket(
      name,
      transformed<storage.BucketArgs>(
        {
          name: resourceName(args.scope, "web", nameLimits.bucket, args.project),
          location: args.location,
          uniformBucketLevelAccess: true,
          publicAccessPrevention: args.publicBucket ? "inherited" : "enforced",
          website: { mainPageSuffix: "index.html" },
          forceDestroy: true,
          labels: args.labels,
        },
        args.transform?.bucket,
      ),
      { ...child, hooks: { ...child.hooks, beforeUpdate: [announcement(name, whileClosed)] } },
    );
    const upload = (file: SiteFile, after: readonly pulumi.Resource[]) =>
      new storage.BucketObject(
        `${name}/${file.key}`,
        {
          bucket: bucket.name,
          name: file.key,
          // Another source replaces the object, the old one first; other content updates it.
          ...(file.text === undefined ? { source: new pulumi.asset.FileAsset(file.path) } : { content: file.text }),
          contentType: file.contentType,
          cacheControl: file.cacheControl,
        },
        {
          ...child,
          parent: bucket,
          dependsOn: [...after],
          // For open pages of earlier releases.
          ...(file.cacheControl === immutableCacheControl && { retainOnDelete: true }),
        },
      );
    const files = siteFiles(args.directory);
    const assets = files.filter(({ isPage }) => !isPage).map((file) => upload(file, args.filesAfter ?? []));
    // Pages are uploaded last, since they refer to the others.
    for (const page of files.filter(({ isPage }) => isPage)) upload(page, [...(args.filesAfter ?? []), ...assets]);
    const backend = new compute.BackendBucket(
      name,
      transformed<compute.BackendBucketArgs>(
        {
          name: webName,
          bucketName: bucket.name,
          enableCdn: true,
          cdnPolicy: { cacheMode: "USE_ORIGIN_HEADERS", requestCoalescing: true },
          compressionMode: "AUTOMATIC",
          customResponseHeaders,
        },
        args.transform?.backendBucket,
      ),
      child,
    );
    const reader = args.publicBucket
      ? "allUsers"
      : pulumi.interpolate`serviceAccount:service-${args.projectNumber}@https-lb.iam.gserviceaccount.com`;
    const access = new storage.BucketIAMMember(
      name,
      { bucket: bucket.name, role: "roles/storage.objectViewer", member: reader },
      // The load balancer's account is created with the project's first backend bucket.
      { ...child, dependsOn: [backend] },
    );
    // The previous grant is removed at the end of the update; until then it lets the site be read.
    new command.Command(
      `${name}-access`,
      { update: untilKnown("who may read the bucket of the site"), environment: { READER: reader } },
      { parent: this, dependsOn: [access] },
    );
    return backend;
  }

  private backend(
    name: string,
    { functionName, serviceName }: FrontendFunction,
    args: FrontendArgs,
    firewall: compute.SecurityPolicy | undefined,
    child: pulumi.CustomResourceOptions,
  ) {
    const backendName = resourceName(args.scope, functionName, nameLimits.googleCloud);
    // Earlier versions of this program had one function, `api`, and called its backend as the frontend.
    const options = { ...child, aliases: functionName === "api" ? [{ name }] : [] };
    const group = new compute.RegionNetworkEndpointGroup(
      `${name}-${functionName}`,
      {
        name: backendName,
        region: args.location,
        networkEndpointType: "SERVERLESS",
        cloudRun: { service: serviceName },
      },
      options,
    );
    return new compute.BackendService(
      `${name}-${functionName}`,
      transformed<compute.BackendServiceArgs>(
        {
          name: backendName,
          loadBalancingScheme,
          protocol: "HTTPS",
          backends: [{ group: group.id }],
          enableCdn: false,
          logConfig: { enable: true, sampleRate: 1 },
          customResponseHeaders,
          securityPolicy: firewall?.id,
        },
        args.transform?.backendService,
      ),
      options,
    );
  }

  private firewall(name: string, args: FrontendArgs, child: pulumi.CustomResourceOptions) {
    return new compute.SecurityPolicy(
      name,
      transformed<compute.SecurityPolicyArgs>(
        {
          name: resourceName(args.scope, "web", nameLimits.googleCloud),
          rules: [
            ...firewallRuleSets.map((ruleSet, index) => ({
              priority: 1000 + index,
              action: "deny(403)",
              match: { expr: { expression: `evaluatePreconfiguredWaf('${ruleSet}', {'sensitivity': 1})` } },
              description: ruleSet,
            })),
            {
              priority: lastPriority,
              action: "allow",
              match: { versionedExpr: "SRC_IPS_V1", config: { srcIpRanges: ["*"] } },
              description: "everything else",
            },
          ],
          // Messages are JSON: parsed as plain text, their quotes and braces look like an injection.
          advancedOptionsConfig: { jsonParsing: "STANDARD" },
        },
        args.transform?.securityPolicy,
      ),
      child,
    );
  }

  private httpsProxy(
    name: string,
    webName: string,
    urlMap: compute.URLMap,
    { scope, domain }: FrontendArgs & { readonly domain: string },
    child: pulumi.CustomResourceOptions,
  ) {
    const certificate = new compute.ManagedSslCertificate(
      name,
      {
        // Old and new certificate exist at the same time, so the name depends on the domain.
        name: resourceName(scope, `web-${domain}`, nameLimits.googleCloud),
        managed: { domains: [domain] },
      },
      // The provider deletes a named resource first, which Google rejects while the proxy uses it.
      { ...child, deleteBeforeReplace: false },
    );
    const policy = new compute.SSLPolicy(name, { name: webName, profile: "MODERN", minTlsVersion: "TLS_1_2" }, child);
    return new compute.TargetHttpsProxy(
      name,
      { name: webName, urlMap: urlMap.id, sslCertificates: [certificate.id], sslPolicy: policy.id },
      child,
    );
  }

  /**
   * Lets an update that gives the site a domain wait for its certificate, and HTTP serve the site until then. It is also
   * declared without a domain, since only an update of a command waits: a new site has no users yet, nor an address that
   * the domain's record could name.
   */
  private untilCertified(
    name: string,
    domain: string,
    address: pulumi.Output<string>,
    dependsOn: pulumi.Resource[],
  ): command.Command {
    return new command.Command(
      `${name}-certificate`,
      { update: untilServedByHttps, environment: { DOMAIN: domain, ADDRESS: address } },
      { parent: this, dependsOn },
    );
  }

  private redirectProxy(name: string, { scope }: FrontendArgs, child: pulumi.CustomResourceOptions) {
    const redirectName = resourceName(scope, "redirect", nameLimits.googleCloud);
    const redirect = new compute.URLMap(
      `${name}-redirect`,
      {
        name: redirectName,
        defaultUrlRedirect: {
          httpsRedirect: true,
          redirectResponseCode: "MOVED_PERMANENTLY_DEFAULT",
          stripQuery: false,
        },
      },
      child,
    );
    return new compute.TargetHttpProxy(`${name}-redirect`, { name: redirectName, urlMap: redirect.id }, child);
  }
}

/** Closing a bucket to the public takes effect at once, before the load balancer's own access has propagated. */
export function whileClosed(from: object, to: object): string | undefined {
  const closes = "publicAccessPrevention" in from && from.publicAccessPrevention === "inherited";
  if (!closes || !("publicAccessPrevention" in to) || to.publicAccessPrevention !== "enforced") return undefined;
  return (
    "gcp.frontend.publicBucket goes back to false: the site answers 403 until Google Cloud knows everywhere that the load " +
    "balancer's account may read its bucket, which takes 2 to 7 minutes"
  );
}

const customResponseHeaders = Object.entries(securityHeaders).map(([header, value]) => `${header}: ${value}`);
