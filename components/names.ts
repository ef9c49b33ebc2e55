import { createHash } from "node:crypto";

/** Prefix of every physical name of one deployment: two stacks in one account never share it. */
export interface Scope {
  /** The Pulumi project, e.g. `multicloud-auto-deploy`. */
  readonly project: string;
  /** The Pulumi stack, e.g. `staging`. */
  readonly stack: string;
}

/**
 * How many characters each service accepts in a name, from the services' API references; for Azure, from "Naming rules
 * and restrictions for Azure resources". All of them accept lower-case letters, digits and, where `compactNameLimits`
 * does not list them, hyphens between those.
 */
export const nameLimits = {
  /** IAM, Role `RoleName`. */
  role: 64,
  /** Lambda, `FunctionName` without the ARN's prefix. */
  lambdaFunction: 64,
  /** Lambda, `LayerName` without the ARN's prefix. */
  lambdaLayer: 64,
  /** DynamoDB, `TableName`. */
  dynamodbTable: 255,
  /** API Gateway, `Name` of an API. */
  httpApi: 128,
  /** CloudFront, `Name` of a function, of an origin access control and of a response headers policy. */
  cloudFront: 64,
  /** WAF, `Name` of a web ACL. */
  webAcl: 128,
  /** S3: the provider accepts a prefix of 37 characters, including a hyphen, and generates the rest. */
  bucketPrefix: 36,
  /** Alarms with a suffix; CloudWatch and SNS accept 255, Azure Monitor 260, Cloud Monitoring 512. */
  alarms: 200,

  /** Of 90 in Microsoft.Resources, resourceGroups: Front Door's firewall policies are in a group of 80 at most. */
  resourceGroup: 80,
  /**
   * Microsoft.Web, sites and serverfarms; the workspace and the identity of the same name accept more. A site's name is
   * a host name, so it is unique among all customers.
   */
  functionApp: 60,
  /** Microsoft.Cdn, profiles/afdEndpoints; what is in a profile accepts more. */
  frontDoorEndpoint: 46,

  /** Cloud Functions, `function_id`; Compute Engine, everything that is named by RFC 1035. */
  googleCloud: 63,
  /** IAM, `account_id` of a service account. */
  serviceAccount: 30,
  /** Cloud Storage, bucket: unique among all customers. */
  bucket: 63,
  /** Secret Manager, `secretId`. */
  secret: 255,
  /** Cloud Scheduler, `JOB_ID` in a job's name. */
  schedulerJob: 500,
} as const;

/** Limits of services that accept only lower-case letters and digits. */
export const compactNameLimits = {
  /** Microsoft.Storage, storageAccounts: at least 3, and unique among all customers. */
  storageAccount: 24,
  /** Microsoft.Network, FrontDoorWebApplicationFirewallPolicies. */
  firewallPolicy: 128,
} as const;

/**
 * `<project>-<stack>-<part>`, which every service of `nameLimits` accepts.
 *
 * A hash of the parts follows wherever another deployment could have the plain name too: where it is longer than `limit`,
 * where a letter had to be replaced, where the stack has a hyphen (`a` + `b-c` reads as `a-b` + `c`), and where `owner`
 * is given.
 *
 * @param owner subscription or project, for names that must be unique among all customers of a cloud.
 */
export function resourceName(scope: Scope, part: string, limit: number, owner?: string): string {
  const plain = plainName(scope, part);
  const name = accepted(plain);
  if (name === plain && name.length <= limit && !scope.stack.includes("-") && owner === undefined) return name;
  const suffix = `-${fingerprint(scope, part, owner)}`;
  return name.slice(0, limit - suffix.length).replace(/-+$/, "") + suffix;
}

/** The common prefix of `resourceName` for every part that begins with `part`. */
export function resourceNamePrefix(scope: Scope, part: string, limit: number): string {
  const suffix = `-${fingerprint(scope, part)}`;
  return accepted(plainName(scope, part))
    .slice(0, limit - suffix.length)
    .replace(/-+$/, "");
}

/**
 * Prefix of a bucket's name on AWS, from the name of its owner; the rest is generated, since bucket names are unique
 * among all customers.
 */
export function bucketPrefix(of: string): string {
  const name = accepted(of);
  if (name.length <= nameLimits.bucketPrefix) return `${name}-`;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `${name.slice(0, nameLimits.bucketPrefix - hash.length - 1).replace(/-+$/, "")}-${hash}-`;
}

/** The same of a signing profile of AWS Signer, in letters, digits and underscores: the provider takes 38 characters. */
export function signingProfilePrefix(of: string): string {
  return bucketPrefix(of).replaceAll("-", "_");
}

function plainName({ project, stack }: Scope, part: string): string {
  return `${project}-${stack}-${part}`;
}

function accepted(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "");
}

/**
 * `<part><project><stack>` as far as it fits, followed by a hash of them, in lower-case letters and digits.
 *
 * @param owner as for `resourceName`.
 */
export function compactName(scope: Scope, part: string, limit: number, owner?: string): string {
  const suffix = fingerprint(scope, part, owner);
  const name = `${part}${scope.project}${scope.stack}`.toLowerCase().replace(/[^a-z0-9]/g, "");
  return name.slice(0, limit - suffix.length) + suffix;
}

/**
 * Checks a storage account's name from the settings.
 *
 * @throws if Azure would reject it.
 */
export function checkStorageAccountName(name: string): string {
  if (storageAccountName.test(name)) return name;
  throw new Error(
    `storage account name ${JSON.stringify(name)} (${name.length} characters) does not fit: Azure accepts 3 to 24 ` +
      `lower-case letters and digits; choose another, or none for a generated one`,
  );
}

/** The id of an AWS account, or of an organisation of accounts (AWS Organizations API reference, `Organization`). */
export const shareable = /^(\d{12}|o-[a-z0-9]{10,32})$/;

/** Valid names of storage accounts on Azure. */
export const storageAccountName = /^[a-z0-9]{3,24}$/;

/**
 * The id of a Functions host, which has to be unique in its storage account: at most 32 lower-case letters, digits and
 * hyphens (Azure Functions, "Host ID considerations").
 */
export function hostId(functionName: string): string {
  const hash = createHash("sha256").update(functionName).digest("hex").slice(0, 8);
  return `${functionName.toLowerCase().slice(0, 23).replace(/-+$/, "")}-${hash}`;
}

/**
 * Converts a text to a valid label value of Google Cloud: at most 63 lower-case letters, digits, underscores and
 * hyphens.
 */
export function labelValue(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "-")
    .slice(0, 63);
}

function fingerprint({ project, stack }: Scope, part: string, owner = ""): string {
  return createHash("sha256")
    .update(JSON.stringify([project, stack, part, owner]))
    .digest("hex")
    .slice(0, 8);
}
