import * as cdn from "@pulumi/azure-native/cdn";
import * as frontdoor from "@pulumi/azure-native/frontdoor";
import * as monitor from "@pulumi/azure-native/monitor";
import * as storage from "@pulumi/azure-native/storage";
import * as pulumi from "@pulumi/pulumi";

import { hostOf, publicAddress } from "../address";
import { compactName, compactNameLimits, nameLimits, resourceName, type Scope } from "../names";
import {
  currentCacheControl,
  hashedNames,
  hashedPage,
  immutableCacheControl,
  securityHeaders,
  siteAsset,
  type SiteFile,
  siteFiles,
} from "../site";
import { type Transform, transformed } from "../transform";
import { type Colour, originGroupOf } from "./colour";
import { asMetadata, keptOf, memoryContainer, type SiteMemory } from "./site-memory";

export interface FrontendArgs {
  readonly scope: Scope;
  readonly resourceGroupName: pulumi.Input<string>;
  /** Folder with the site's files, including `index.html`. */
  readonly directory: string;
  /** The previously uploaded files, from `rememberedSite`: hashed files stay for one release. Default: none. */
  readonly remembered?: SiteMemory;
  /** The account that serves the site; with shared keys, which azure-native needs for uploads. */
  readonly account: storage.StorageAccount;
  /** The functions that answer paths of the site's address. */
  readonly apis: readonly FrontendApi[];
  /** The Front Door in front of site and functions; of tier Premium for `waf`. */
  readonly profile: cdn.Profile;
  /** Host name of the site, with a certificate that Azure manages. Default: Front Door's own host name. */
  readonly domain?: string;
  /** Protects site and API by Microsoft's managed rules. Default: false. */
  readonly waf?: boolean;
  /** Id of the Log Analytics workspace for the logs of requests and firewall. */
  readonly workspace: pulumi.Input<string>;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly endpoint?: Transform<cdn.AFDEndpointArgs>;
    readonly firewall?: Transform<frontdoor.PolicyArgs>;
    readonly log?: Transform<monitor.DiagnosticSettingArgs>;
  };
}

export interface FrontendApi {
  /** Name of the route and its origin; not `site`. */
  readonly name: string;
  /** Paths, each exact or ending in `/*`. */
  readonly patterns: readonly string[];
  /** The function's own address, e.g. `https://shop.azurewebsites.net`; with two apps, blue's. */
  readonly url: pulumi.Input<string>;
  /** The function's second app. Default: none. */
  readonly green?: {
    readonly url: pulumi.Input<string>;
    /** Whether the route uses it. */
    readonly serves: boolean;
  };
  /** Resources that have to exist before the route uses the function. Default: none. */
  readonly after?: readonly pulumi.Resource[];
}

/** The record that proves a domain's ownership; Azure waits for it before it issues the certificate. */
export interface DomainValidation {
  /** Name of the TXT record. */
  readonly record: string;
  readonly value: pulumi.Output<string>;
}

interface FrontDoorOrigin {
  readonly group: cdn.AFDOriginGroup;
  readonly origin: cdn.AFDOrigin;
}

/** @throws if two routes or two origin groups would have the same name. */
function checkNames(name: string, apis: readonly FrontendApi[]): void {
  if (apis.some((api) => api.name === "site")) {
    throw new Error(`${name}: a function is called site, as Front Door's route to the site is; give it another name`);
  }
  const taken = apis.find(
    ({ green, name: api }) => green && apis.some((other) => other.name === originGroupOf(api, "green")),
  );
  if (taken) {
    throw new Error(
      `${name}: the function ${taken.name}-green has the name of the green app of ${taken.name}; rename it`,
    );
  }
}

/** Tier of the Front Door profile: only Premium includes Microsoft's managed rules. */
export function profileTier(waf: boolean | undefined): "Standard_AzureFrontDoor" | "Premium_AzureFrontDoor" {
  return waf ? "Premium_AzureFrontDoor" : "Standard_AzureFrontDoor";
}

/**
 * For names with a hash: an hour, not a year. Front Door's rules cannot match a status, so the response for a missing
 * file has the same header and is cached as long.
 */
const hashedCacheControl = "public, max-age=3600";

/** Content types of the site that compress well. */
const compressible = [
  "application/javascript",
  "application/json",
  "application/manifest+json",
  "image/svg+xml",
  "text/css",
  "text/html",
  "text/javascript",
  "text/plain",
];

/**
 * The site in a storage account behind Front Door; `upload` uploads its files. The functions' paths of the same address
 * go to them without caching.
 */
export class Frontend extends pulumi.ComponentResource {
  /** `https://<endpoint>-<hash>.z01.azurefd.net`, or the domain's address. */
  readonly url: pulumi.Output<string>;
  /** Front Door's own host name. It also works with a domain, whose CNAME record points to it. */
  readonly hostName: pulumi.Output<string>;
  readonly endpointName: pulumi.Output<string>;
  /** Absent without a domain. */
  readonly domainValidation?: DomainValidation;

  /** The routes to the functions. */
  readonly routes: readonly cdn.Route[];

  private readonly website: storage.StorageAccountStaticWebsite;
  private readonly files: readonly SiteFile[];
  /** The page for every path that is no file. */
  private readonly start: SiteFile;
  /** Signals the rule that names the page that all files are uploaded. */
  private uploaded: (resources: pulumi.Resource[]) => void = () => undefined;

  constructor(
    private readonly name: string,
    private readonly args: FrontendArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("multicloud:azure:Frontend", name, {}, opts);
    const { resourceGroupName, profile, tags } = args;
    checkNames(name, args.apis);
    const child: pulumi.CustomResourceOptions = { parent: this };
    const inProfile = { resourceGroupName, profileName: profile.name };

    new monitor.DiagnosticSetting(
      name,
      transformed<monitor.DiagnosticSettingArgs>(
        {
          name: "requests",
          resourceUri: profile.id,
          workspaceId: args.workspace,
          logs: ["FrontDoorAccessLog", "FrontDoorWebApplicationFirewallLog"].map((category) => ({
            category,
            enabled: true,
          })),
        },
        args.transform?.log,
      ),
      child,
    );
    this.website = new storage.StorageAccountStaticWebsite(
      name,
      { accountName: args.account.name, resourceGroupName, indexDocument: "index.html" },
      child,
    );
    this.files = siteFiles(args.directory);
    this.start = startOf(this.files);
    const siteHost = args.account.primaryEndpoints.web.apply(hostOf);
    const endpoint = new cdn.AFDEndpoint(
      name,
      transformed<cdn.AFDEndpointArgs>(
        {
          ...inProfile,
          endpointName: resourceName(args.scope, "web", nameLimits.frontDoorEndpoint),
          location: "Global",
          enabledState: "Enabled",
          tags,
        },
        args.transform?.endpoint,
      ),
      child,
    );
    const domain =
      args.domain === undefined
        ? undefined
        : new cdn.AFDCustomDomain(
            name,
            {
              ...inProfile,
              customDomainName: args.domain.replaceAll(".", "-"),
              hostName: args.domain,
              tlsSettings: { certificateType: "ManagedCertificate", minimumTlsVersion: "TLS12" },
            },
            child,
          );
    const whole = new Promise<pulumi.Resource[]>((resolve) => {
      this.uploaded = resolve;
    });
    const { everywhere, onSite } = this.rules(name, args, whole);
    const route = (
      part: string,
      origin: FrontDoorOrigin,
      routeArgs: Partial<cdn.RouteArgs>,
      after: pulumi.Resource[],
    ) =>
      new cdn.Route(
        `${name}-${part}`,
        {
          ...inProfile,
          endpointName: endpoint.name,
          routeName: part,
          originGroup: { id: origin.group.id },
          supportedProtocols: ["Http", "Https"],
          httpsRedirect: "Enabled",
          forwardingProtocol: "HttpsOnly",
          linkToDefaultDomain: "Enabled",
          customDomains: domain && [{ id: domain.id }],
          ...routeArgs,
        },
        { ...child, dependsOn: [origin.origin, ...after] },
      );
    // Front Door rejects a second change of an endpoint while the first is in progress.
    const routes: cdn.Route[] = [];
    for (const api of args.apis) {
      routes.push(
        route(
          api.name,
          this.originOf(name, api, args),
          { patternsToMatch: [...api.patterns], ruleSets: [{ id: everywhere.set.id }] },
          [...everywhere.rules, ...routes, ...(api.after ?? [])],
        ),
      );
    }
    this.routes = [...routes];
    const toSite = route(
      "site",
      this.origin(`${name}-site`, "site", siteHost, args),
      {
        patternsToMatch: ["/*"],
        ruleSets: [{ id: everywhere.set.id }, { id: onSite.set.id }],
        cacheConfiguration: {
          queryStringCachingBehavior: "IgnoreQueryString",
          compressionSettings: { isCompressionEnabled: true, contentTypesToCompress: compressible },
        },
      },
      [...everywhere.rules, ...onSite.rules, ...routes],
    );
    if (args.waf) this.firewall(name, args, [endpoint.id, ...(domain ? [domain.id] : [])], toSite);

    this.hostName = endpoint.hostName;
    this.url = (domain ? domain.hostName : endpoint.hostName).apply(publicAddress);
    this.endpointName = endpoint.name;
    if (domain && args.domain) {
      this.domainValidation = {
        record: `_dnsauth.${args.domain}`,
        value: domain.validationProperties.validationToken,
      };
    }
    this.registerOutputs({ url: this.url, endpointName: this.endpointName });
  }

  /**
   * Uploads the files to the account's `$web`, which is public by design; pages last, since they refer to the others.
   *
   * @param after the resources that the files call.
   */
  upload(after: readonly pulumi.Resource[]): void {
    const { account, resourceGroupName } = this.args;
    const blob = (file: SiteFile, dependsOn: readonly pulumi.Resource[]) =>
      new storage.Blob(
        `${this.name}/${file.key}`,
        {
          resourceGroupName,
          accountName: account.name,
          containerName: this.website.containerName,
          blobName: file.key,
          contentType: file.contentType,
          source: siteAsset(file),
        },
        { parent: this.website, dependsOn: [...dependsOn] },
      );
    const { files, start } = this;
    const others = files.filter(({ isPage }) => !isPage).map((file) => blob(file, after));
    const pages = [...files.filter(({ isPage }) => isPage), start].map((page) => blob(page, [...after, ...others]));
    this.uploaded([...others, ...pages]);
    this.remember([...files, start], [...others, ...pages]);
  }

  /** Keeps the hashed files of the previous release, and records those of this one once they are uploaded. */
  private remember(files: readonly SiteFile[], uploaded: readonly pulumi.Resource[]): void {
    const { account, resourceGroupName, remembered } = this.args;
    const hashed = files.filter(({ cacheControl }) => cacheControl === immutableCacheControl).map(({ key }) => key);
    const kept = keptOf(remembered, hashed);
    for (const key of kept) {
      new storage.Blob(
        `${this.name}/${key}`,
        {
          resourceGroupName,
          accountName: account.name,
          containerName: this.website.containerName,
          blobName: key,
          // The file exists and keeps its content; the SDK rejects an empty text.
          source: new pulumi.asset.StringAsset("\n"),
        },
        { parent: this.website, ignoreChanges: ["source", "contentType"] },
      );
    }
    new storage.BlobContainer(
      `${this.name}-files`,
      {
        resourceGroupName,
        accountName: account.name,
        containerName: memoryContainer,
        publicAccess: "None",
        metadata: asMetadata({ files: hashed, before: kept }),
      },
      { parent: this, dependsOn: [...uploaded] },
    );
  }

  /** The route's origin group for a function; with two colours, both groups exist. */
  private originOf(name: string, { name: api, url, green }: FrontendApi, args: FrontendArgs): FrontDoorOrigin {
    const of = (colour: Colour, address: pulumi.Input<string>) => {
      const part = originGroupOf(api, colour);
      return this.origin(`${name}-${part}`, part, pulumi.output(address).apply(hostOf), args);
    };
    const blue = of("blue", url);
    const second = green && of("green", green.url);
    return green?.serves && second ? second : blue;
  }

  private origin(name: string, part: string, hostName: pulumi.Output<string>, args: FrontendArgs): FrontDoorOrigin {
    const inProfile = { resourceGroupName: args.resourceGroupName, profileName: args.profile.name };
    const group = new cdn.AFDOriginGroup(
      name,
      {
        ...inProfile,
        originGroupName: part,
        // A single origin needs no probe, and a probe would keep a function from scaling to zero.
        loadBalancingSettings: { sampleSize: 4, successfulSamplesRequired: 3, additionalLatencyInMilliseconds: 50 },
      },
      { parent: this },
    );
    const origin = new cdn.AFDOrigin(
      name,
      {
        ...inProfile,
        originGroupName: group.name,
        originName: part,
        hostName,
        originHostHeader: hostName,
        httpPort: 80,
        httpsPort: 443,
        enforceCertificateNameCheck: true,
        priority: 1,
        weight: 1000,
        enabledState: "Enabled",
      },
      { parent: group },
    );
    return { group, origin };
  }

  /** @param whole the site's files, which have to exist before a rule names the page. */
  private rules(name: string, { resourceGroupName, profile }: FrontendArgs, whole: Promise<pulumi.Resource[]>) {
    const ruleSet = (
      part: string,
      rules: Record<string, Pick<cdn.RuleArgs, "conditions" | "actions"> & { after?: Promise<pulumi.Resource[]> }>,
    ) => {
      const inProfile = { resourceGroupName, profileName: profile.name };
      const set = new cdn.RuleSet(`${name}-${part}`, { ...inProfile, ruleSetName: part }, { parent: this });
      const added: cdn.Rule[] = [];
      Object.entries(rules).forEach(([ruleName, { after, ...rule }], index) => {
        const before = [...added];
        const all = after?.then((resources): pulumi.Resource[] => [...before, ...resources]);
        added.push(
          new cdn.Rule(
            `${name}-${part}-${ruleName}`,
            {
              ...inProfile,
              ...rule,
              ruleSetName: set.name,
              ruleName,
              order: index + 1,
              matchProcessingBehavior: "Continue",
            },
            // A rule set accepts one change at a time.
            { parent: set, dependsOn: all ?? before },
          ),
        );
      });
      return { set, rules: added };
    };

    return {
      everywhere: ruleSet("headers", {
        security: { actions: Object.entries(securityHeaders).map(([header, value]) => setHeader(header, value)) },
      }),
      onSite: ruleSet("site", {
        cache: {
          actions: [
            // The blobs have no Cache-Control, and Front Door would cache them for days.
            setHeader("Cache-Control", currentCacheControl),
            cachedFor("00:01:00"),
          ],
        },
        singlepage: {
          conditions: [
            {
              name: "UrlFileExtension",
              parameters: {
                typeName: "DeliveryRuleUrlFileExtensionMatchConditionParameters",
                operator: "LessThan",
                matchValues: ["1"],
              },
            },
          ],
          actions: [
            {
              name: "UrlRewrite",
              parameters: {
                typeName: "DeliveryRuleUrlRewriteActionParameters",
                sourcePattern: "/",
                // Under its own name the page would be deleted and uploaded again, since azure-native replaces a
                // changed blob.
                destination: `/${this.start.key}`,
                preserveUnmatchedPath: false,
              },
            },
          ],
          after: whole,
        },
        immutable: {
          conditions: [
            {
              name: "UrlFileName",
              parameters: {
                typeName: "DeliveryRuleUrlFilenameConditionParameters",
                operator: "RegEx",
                matchValues: [hashedNames],
              },
            },
          ],
          actions: [setHeader("Cache-Control", hashedCacheControl), cachedFor("01:00:00")],
        },
      }),
    };
  }

  private firewall(name: string, args: FrontendArgs, domains: pulumi.Output<string>[], after: pulumi.Resource): void {
    const child: pulumi.CustomResourceOptions = { parent: this };
    const policy = new frontdoor.Policy(
      name,
      transformed<frontdoor.PolicyArgs>(
        {
          resourceGroupName: args.resourceGroupName,
          policyName: compactName(args.scope, "web", compactNameLimits.firewallPolicy),
          location: "Global",
          sku: { name: profileTier(true) },
          policySettings: { enabledState: "Enabled", mode: "Prevention" },
          managedRules: {
            managedRuleSets: [
              { ruleSetType: "Microsoft_DefaultRuleSet", ruleSetVersion: "2.1", ruleSetAction: "Block" },
            ],
          },
          tags: args.tags,
        },
        args.transform?.firewall,
      ),
      child,
    );
    new cdn.SecurityPolicy(
      name,
      {
        resourceGroupName: args.resourceGroupName,
        profileName: args.profile.name,
        securityPolicyName: "firewall",
        parameters: {
          type: "WebApplicationFirewall",
          wafPolicy: { id: policy.id },
          associations: [{ domains: domains.map((id) => ({ id })), patternsToMatch: ["/*"] }],
        },
      },
      { ...child, dependsOn: [after] },
    );
  }
}

/** @throws if there is no `index.html`. */
function startOf(files: readonly SiteFile[]): SiteFile {
  const page = files.find(({ key }) => key === "index.html");
  if (page === undefined) throw new Error("the site has no index.html");
  return { ...page, key: hashedPage(page), cacheControl: immutableCacheControl };
}

/** @param cacheDuration `d.hh:mm:ss`. */
function cachedFor(cacheDuration: string) {
  return {
    name: "RouteConfigurationOverride" as const,
    parameters: {
      typeName: "DeliveryRuleRouteConfigurationOverrideActionParameters" as const,
      cacheConfiguration: {
        cacheBehavior: "OverrideAlways",
        cacheDuration,
        queryStringCachingBehavior: "IgnoreQueryString",
        isCompressionEnabled: "Enabled",
      },
    },
  };
}

function setHeader(headerName: string, value: string) {
  return {
    name: "ModifyResponseHeader" as const,
    parameters: {
      typeName: "DeliveryRuleHeaderActionParameters" as const,
      headerAction: "Overwrite",
      headerName,
      value,
    },
  };
}
