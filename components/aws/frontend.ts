import * as cloudfront from "@pulumi/aws/cloudfront";
import type * as iam from "@pulumi/aws/iam";
import * as s3 from "@pulumi/aws/s3";
import * as wafv2 from "@pulumi/aws/wafv2";
import * as pulumi from "@pulumi/pulumi";

import { hostOf, publicAddress } from "../address";
import { bucketPrefix, nameLimits, resourceName, type Scope } from "../names";
import { privateBucket } from "../private-bucket";
import { contentSecurityPolicy, immutableCacheControl, siteAsset, type SiteFile, siteFiles } from "../site";
import { type Transform, transformed } from "../transform";

/** A custom host name with its certificate. */
export interface FrontendDomain {
  readonly name: string;
  /** ARN of an ACM certificate for the name in us-east-1, the only region from which CloudFront reads certificates. */
  readonly certificateArn: string;
}

export interface FrontendArgs {
  readonly scope: Scope;
  /** Folder with the site's files, including `index.html`. */
  readonly directory: string;
  /** The API's address, e.g. `https://abc.execute-api.ap-northeast-1.amazonaws.com`. Absent without an API. */
  readonly apiUrl?: pulumi.Input<string>;
  /**
   * Paths that CloudFront sends to the API, in the form of its behaviours. Default: `/api/*`, and none without an API.
   */
  readonly apiPaths?: readonly string[];
  /**
   * Resources that have to exist before the site's files change, and before `index.html` after the other files.
   * Default: none.
   */
  readonly filesAfter?: readonly pulumi.Resource[];
  /** Default: CloudFront's own host name, whose minimum TLS version AWS sets. With a domain the minimum is TLS 1.2. */
  readonly domain?: FrontendDomain;
  /** Protects the distribution by AWS's managed common rules. Default: false. */
  readonly waf?: boolean;
  /** Name of an existing bucket with ACLs enabled, for the distribution's access logs. Default: no logs. */
  readonly logBucket?: string;
  readonly tags?: Record<string, string>;
  readonly transform?: {
    readonly bucket?: Transform<s3.BucketArgs>;
    readonly distribution?: Transform<cloudfront.DistributionArgs>;
    readonly webAcl?: Transform<wafv2.WebAclArgs>;
  };
}

/** CloudFront's managed policies, by the ids in its developer guide. */
const managedPolicies = {
  cachingOptimized: "658327ea-f89d-4fab-a63d-7e88639e58f6",
  cachingDisabled: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
  allViewerExceptHostHeader: "b689b0a8-53d0-40ab-baf2-68738e2966ac",
};

/**
 * Serves the single page for paths without a file extension. Custom error responses cannot do this: they apply to the
 * whole distribution, so the API's own 404 would become the page too.
 */
const singlePageFallback = `function handler(event) {
  var request = event.request;
  if (!/\\.[^/]+$/.test(request.uri)) request.uri = "/index.html";
  return request;
}
`;

/**
 * Rules that would block messages: one of 2,000 characters may be longer than the first rule's 8 KB, and may quote
 * HTML. The API limits its input itself, and the page never treats a message as HTML.
 */
const aboutBodies = [
  "SizeRestrictions_BODY",
  "CrossSiteScripting_BODY",
  "GenericLFI_BODY",
  "GenericRFI_BODY",
  "EC2MetaDataSSRF_BODY",
];

const origins = { site: "site", api: "api" } as const;

/**
 * The site in a private bucket behind CloudFront. The API's paths of the same address go to the API without caching.
 */
export class Frontend extends pulumi.ComponentResource {
  /** `https://<id>.cloudfront.net`, or the domain's address. */
  readonly url: pulumi.Output<string>;
  /** CloudFront's own host name. It also works with a domain, whose CNAME record points to it. */
  readonly hostName: pulumi.Output<string>;
  readonly distributionId: pulumi.Output<string>;

  constructor(name: string, args: FrontendArgs, opts?: pulumi.ComponentResourceOptions) {
    super("multicloud:aws:Frontend", name, {}, opts);
    const child: pulumi.CustomResourceOptions = { parent: this };
    const cloudFrontName = resourceName(args.scope, "web", nameLimits.cloudFront);

    const { bucket } = privateBucket(
      name,
      { bucketPrefix: bucketPrefix(cloudFrontName), tags: args.tags, transform: args.transform?.bucket },
      this,
    );
    this.upload(name, bucket, args);
    const accessControl = new cloudfront.OriginAccessControl(
      name,
      {
        name: cloudFrontName,
        originAccessControlOriginType: "s3",
        signingBehavior: "always",
        signingProtocol: "sigv4",
      },
      child,
    );
    const headers = new cloudfront.ResponseHeadersPolicy(name, securityHeaders(cloudFrontName), child);
    const fallback = new cloudfront.Function(
      name,
      { name: cloudFrontName, runtime: "cloudfront-js-2.0", code: singlePageFallback, publish: true },
      child,
    );
    const webAcl = args.waf ? this.webAcl(name, args) : undefined;

    const behaviour = {
      viewerProtocolPolicy: "redirect-to-https",
      responseHeadersPolicyId: headers.id,
    };
    const distribution = new cloudfront.Distribution(
      name,
      transformed<cloudfront.DistributionArgs>(
        {
          enabled: true,
          comment: `${args.scope.project} ${args.scope.stack}`,
          httpVersion: "http2and3",
          isIpv6Enabled: true,
          defaultRootObject: "index.html",
          aliases: args.domain && [args.domain.name],
          viewerCertificate: viewerCertificate(args.domain),
          origins: [
            {
              originId: origins.site,
              domainName: bucket.bucketRegionalDomainName,
              originAccessControlId: accessControl.id,
            },
            ...(args.apiUrl === undefined ? [] : [apiOrigin(args.apiUrl)]),
          ],
          defaultCacheBehavior: {
            ...behaviour,
            // CloudFront compresses only cached content, so not the API's responses.
            compress: true,
            targetOriginId: origins.site,
            allowedMethods: ["GET", "HEAD"],
            cachedMethods: ["GET", "HEAD"],
            cachePolicyId: managedPolicies.cachingOptimized,
            functionAssociations: [{ eventType: "viewer-request", functionArn: fallback.arn }],
          },
          orderedCacheBehaviors: (args.apiUrl === undefined ? [] : (args.apiPaths ?? ["/api/*"])).map(
            (pathPattern) => ({
              ...behaviour,
              pathPattern,
              targetOriginId: origins.api,
              allowedMethods: ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
              cachedMethods: ["GET", "HEAD"],
              cachePolicyId: managedPolicies.cachingDisabled,
              originRequestPolicyId: managedPolicies.allViewerExceptHostHeader,
            }),
          ),
          restrictions: { geoRestriction: { restrictionType: "none" } },
          loggingConfig: args.logBucket === undefined ? undefined : { bucket: `${args.logBucket}.s3.amazonaws.com` },
          webAclId: webAcl?.arn,
          tags: args.tags,
        },
        args.transform?.distribution,
      ),
      child,
    );
    this.letDistributionRead(name, bucket, distribution);

    const host = args.domain ? pulumi.output(args.domain.name) : distribution.domainName;
    this.url = host.apply(publicAddress);
    this.hostName = distribution.domainName;
    this.distributionId = distribution.id;
    this.registerOutputs({ url: this.url, distributionId: this.distributionId });
  }

  /** Pages are uploaded last, since they load the other files. Files of earlier releases stay for open pages. */
  private upload(name: string, bucket: s3.Bucket, { directory, filesAfter = [] }: FrontendArgs): void {
    const files = siteFiles(directory);
    const put = (file: SiteFile, dependsOn: readonly pulumi.Resource[]) =>
      new s3.BucketObjectv2(
        `${name}/${file.key}`,
        {
          bucket: bucket.bucket,
          key: file.key,
          source: siteAsset(file),
          contentType: file.contentType,
          cacheControl: file.cacheControl,
        },
        {
          parent: bucket,
          dependsOn: [...dependsOn],
          ...(file.cacheControl === immutableCacheControl && { retainOnDelete: true }),
        },
      );
    const others = files.filter(({ isPage }) => !isPage).map((file) => put(file, filesAfter));
    for (const page of files.filter(({ isPage }) => isPage)) put(page, [...filesAfter, ...others]);
  }

  private letDistributionRead(name: string, bucket: s3.Bucket, distribution: cloudfront.Distribution): void {
    const policy = pulumi.all([bucket.arn, distribution.arn]).apply(([bucketArn, distributionArn]) => ({
      Version: "2012-10-17" as const,
      Statement: [
        {
          Sid: "DistributionReads",
          Effect: "Allow" as const,
          Principal: { Service: "cloudfront.amazonaws.com" },
          // Without ListBucket, S3 answers 403 for a missing file.
          Action: ["s3:GetObject", "s3:ListBucket"],
          Resource: [`${bucketArn}/*`, bucketArn],
          Condition: { StringEquals: { "AWS:SourceArn": distributionArn } },
        },
        {
          Sid: "OnlyOverTls",
          Effect: "Deny" as const,
          Principal: "*" as const,
          Action: "s3:*",
          Resource: [`${bucketArn}/*`, bucketArn],
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
      ] satisfies iam.PolicyStatement[],
    }));
    new s3.BucketPolicy(
      name,
      { bucket: bucket.bucket, policy: pulumi.jsonStringify(policy) },
      { parent: bucket, deletedWith: bucket },
    );
  }

  private webAcl(name: string, args: FrontendArgs): wafv2.WebAcl {
    const metrics = (metricName: string) => ({
      cloudwatchMetricsEnabled: true,
      sampledRequestsEnabled: true,
      metricName,
    });
    const webAclName = resourceName(args.scope, "web", nameLimits.webAcl);
    return new wafv2.WebAcl(
      name,
      transformed<wafv2.WebAclArgs>(
        {
          name: webAclName,
          // CloudFront reads web ACLs from this region only.
          region: "us-east-1",
          scope: "CLOUDFRONT",
          defaultAction: { allow: {} },
          rules: [
            {
              name: "common",
              priority: 0,
              overrideAction: { none: {} },
              statement: {
                managedRuleGroupStatement: {
                  vendorName: "AWS",
                  name: "AWSManagedRulesCommonRuleSet",
                  ruleActionOverrides: aboutBodies.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
                },
              },
              visibilityConfig: metrics(`${webAclName}-common`),
            },
          ],
          visibilityConfig: metrics(webAclName),
          tags: args.tags,
        },
        args.transform?.webAcl,
      ),
      { parent: this },
    );
  }
}

function apiOrigin(apiUrl: pulumi.Input<string>) {
  return {
    originId: origins.api,
    domainName: pulumi.output(apiUrl).apply(hostOf),
    customOriginConfig: {
      httpPort: 80,
      httpsPort: 443,
      originProtocolPolicy: "https-only",
      originSslProtocols: ["TLSv1.2"],
    },
  };
}

function viewerCertificate(domain: FrontendDomain | undefined): cloudfront.DistributionArgs["viewerCertificate"] {
  return domain === undefined
    ? { cloudfrontDefaultCertificate: true }
    : {
        acmCertificateArn: domain.certificateArn,
        sslSupportMethod: "sni-only",
        minimumProtocolVersion: "TLSv1.2_2021",
      };
}

function securityHeaders(name: string): cloudfront.ResponseHeadersPolicyArgs {
  const override = true;
  return {
    name,
    securityHeadersConfig: {
      contentSecurityPolicy: { contentSecurityPolicy, override },
      contentTypeOptions: { override },
      frameOptions: { frameOption: "DENY", override },
      referrerPolicy: { referrerPolicy: "same-origin", override },
      strictTransportSecurity: { accessControlMaxAgeSec: 63_072_000, includeSubdomains: true, override },
    },
  };
}
