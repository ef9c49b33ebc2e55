import { createHash } from "node:crypto";

/** What every physical name of one deployment begins with: two stacks of one account never share it. */
export interface Scope {
  /** The Pulumi project, e.g. `multicloud-auto-deploy`. */
  readonly project: string;
  /** The Pulumi stack, e.g. `staging`. */
  readonly stack: string;
}

/** How many characters each service accepts in a name, from the services' API references. */
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
} as const;

/**
 * `<project>-<stack>-<part>`, which every service named above accepts; where that is longer than `limit`, its beginning
 * and a hash of the whole, so that two long names which begin alike stay apart.
 */
export function resourceName({ project, stack }: Scope, part: string, limit: number): string {
  const name = `${project}-${stack}-${part}`;
  if (name.length <= limit) return name;
  const suffix = `-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
  return name.slice(0, limit - suffix.length).replace(/-+$/, "") + suffix;
}
