import { nameLimits, resourceName, resourceNamePrefix } from "../components/names";
import { identities, type Identity, rightsOf } from "./rights";

/** The stack that an identity is for. */
export interface Place {
  readonly project: string;
  readonly stack: string;
  /** AWS account id, 12 digits. */
  readonly account: string;
  readonly region: string;
  /** Name of the site's bucket, if the stack is from a release before 4.0.0. Default: the stack's name. */
  readonly siteBucket?: string;
}

export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/**
 * Prefix of every name of the stack, truncated if it is too long for a service.
 *
 * @param limit maximum length of the service's names. Default: that of a role's.
 */
function prefixOf({ project, stack }: Place, limit: number = nameLimits.role): string {
  const whole = `${project}-${stack}-`;
  const cut = resourceNamePrefix({ project, stack }, "", limit);
  return whole.startsWith(cut) && cut.length + 1 < whole.length ? cut : whole;
}

/** Name of an identity's role on AWS. */
export function roleName(place: Place, identity: Identity): string {
  return resourceName(place, `bootstrap-${identity}`, nameLimits.role);
}

/** Permissions boundary of the roles of the stack's functions. */
export function boundaryName(place: Place): string {
  return resourceName(place, "bootstrap-boundary", nameLimits.role);
}

export function boundaryArn(place: Place): string {
  return `arn:aws:iam::${place.account}:policy/${boundaryName(place)}`;
}

/** For services without names in their ARNs, or with list actions that require all resources. */
const everything: readonly RegExp[] = [
  /^(apigateway|cloudfront|wafv2):/,
  /^logs:(\w*LogDeliver\w+|PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)$/,
  // Of public layers, which are in other accounts.
  /^lambda:GetLayerVersion$/,
  /^cloudwatch:(DescribeAlarms|GetMetricData)$/,
  // Lists over a region, and the aliases of other stacks' functions, whose layers are not to be deleted.
  /^lambda:(ListLayers|ListLayerVersions|ListFunctions|ListAliases)$/,
  // What is to be made, and a job, have no name yet.
  /^(lambda:CreateCodeSigningConfig|signer:(PutSigningProfile|DescribeSigningJob))$/,
  // A mapping's ARN has an id that AWS assigns.
  /^lambda:(\w*EventSourceMapping|ListTags)$/,
];

/** ARNs of the stack's resources, by service. */
function scopes(place: Place): Readonly<Record<string, readonly string[]>> {
  const { account, region } = place;
  const prefix = prefixOf(place);
  const buckets = prefixOf(place, nameLimits.bucketPrefix).toLowerCase();
  const here = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
  return {
    iam: [`arn:aws:iam::${account}:role/${prefix}*`],
    lambda: [
      ...[`function:${prefix}*`, `layer:${prefix}*`],
      // AWS makes up what it is called.
      "code-signing-config:*",
    ].map((resource) => here("lambda", resource)),
    signer: [here("signer", `/signing-profiles/${buckets.replaceAll("-", "_")}*`)],
    dynamodb: [here("dynamodb", `table/${prefix}*`)],
    logs: [`/aws/lambda/${prefix}*`, `/aws/apigateway/${prefix}*`].map((name) => here("logs", `log-group:${name}`)),
    secretsmanager: [here("secretsmanager", `secret:${prefix}*`)],
    scheduler: [here("scheduler", `schedule/default/${prefix}*`)],
    sns: [here("sns", `${prefix}*`)],
    sqs: [here("sqs", `${prefix}*`)],
    events: [here("events", `rule/${prefix}*`)],
    cloudwatch: [here("cloudwatch", `alarm:${prefix}*`), `arn:aws:cloudwatch::${account}:dashboard/${prefix}*`],
    s3: [`${buckets}*`, ...(place.siteBucket === undefined ? [] : [place.siteBucket])].flatMap((name) => [
      `arn:aws:s3:::${name}`,
      `arn:aws:s3:::${name}/*`,
    ]),
  };
}

/** Actions that could extend a role beyond the boundary. */
const bounded = ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"];
const passRole = "iam:PassRole";

/** An identity's permissions on AWS: only those that the program's types need, and only on the stack's resources. */
export function awsPolicy(identity: Identity, place: Place): PolicyStatement[] {
  const rights = rightsOf("aws", identity);
  const isAnywhere = (right: string) => everything.some((pattern) => pattern.test(right));
  const named = scopes(place);
  const plain = rights.filter((right) => !isAnywhere(right) && !bounded.includes(right) && right !== passRole);
  const boundedRights = rights.filter((right) => bounded.includes(right));
  const statements: PolicyStatement[] = Object.entries(named).map(([service, Resource]) => ({
    Sid: service,
    Effect: "Allow",
    Action: plain.filter((right) => right.startsWith(`${service}:`)),
    Resource,
  }));
  const [roles = []] = [named.iam];
  return [
    ...statements,
    {
      Sid: "bounded",
      Effect: "Allow" as const,
      Action: boundedRights,
      Resource: roles,
      Condition: { StringEquals: { "iam:PermissionsBoundary": boundaryArn(place) } },
    },
    {
      Sid: "passed",
      Effect: "Allow" as const,
      Action: rights.filter((right) => right === passRole),
      Resource: roles,
      Condition: { StringEquals: { "iam:PassedToService": ["lambda.amazonaws.com", "scheduler.amazonaws.com"] } },
    },
    { Sid: "unnamed", Effect: "Allow" as const, Action: rights.filter(isAnywhere), Resource: ["*"] },
    // The bootstrap's roles have the stack's prefix too: none of them may change itself or another.
    {
      Sid: "self",
      Effect: "Deny" as const,
      Action: [...new Set(rightsOf("aws", "deploy").filter((right) => right.startsWith("iam:")))],
      Resource: identities.map((other) => `arn:aws:iam::${place.account}:role/${roleName(place, other)}`),
    },
  ].filter(({ Action }) => Action.length > 0);
}

/**
 * An identity's permissions in the bucket with the stack's state. A read-only run reads the state and holds a lock, so it
 * may write locks but no state.
 *
 * @param bucket name of it, as in `pulumi login s3://BUCKET`.
 */
export function statePolicy(identity: Identity, bucket: string): PolicyStatement[] {
  const all = `arn:aws:s3:::${bucket}`;
  const objects = `${all}/${identity === "deploy" ? "*" : ".pulumi/locks/*"}`;
  return [
    { Sid: "stateread", Effect: "Allow", Action: ["s3:ListBucket", "s3:GetObject"], Resource: [all, `${all}/*`] },
    { Sid: "statewrite", Effect: "Allow", Action: ["s3:PutObject", "s3:DeleteObject"], Resource: [objects] },
  ];
}

/**
 * The maximum permissions of the stack's roles: those that the components' functions use.
 *
 * @param tables ARNs of additional tables and secrets that a program grants to functions.
 */
export function boundaryPolicy(place: Place): PolicyStatement[] {
  const named = scopes(place);
  const of = (service: string) => named[service] ?? [];
  return [
    {
      Sid: "data",
      Effect: "Allow",
      Action: [
        ...["BatchGetItem", "GetItem", "Query", "Scan", "BatchWriteItem", "ConditionCheckItem"].map(
          (action) => `dynamodb:${action}`,
        ),
        ...["DeleteItem", "PutItem", "UpdateItem"].map((action) => `dynamodb:${action}`),
        "secretsmanager:GetSecretValue",
      ],
      Resource: [...of("dynamodb"), ...of("secretsmanager")],
    },
    {
      Sid: "messages",
      Effect: "Allow",
      Action: [
        ...["SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"].map((each) => `sqs:${each}`),
        ...["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sns:Publish"],
        ...["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
      ],
      Resource: [...of("sqs"), ...of("sns"), ...of("s3")],
    },
    {
      Sid: "events",
      Effect: "Allow",
      Action: ["events:PutEvents"],
      Resource: [`arn:aws:events:${place.region}:${place.account}:event-bus/default`],
    },
    {
      Sid: "log",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: of("logs").map((arn) => `${arn}:*`),
    },
    { Sid: "invoke", Effect: "Allow", Action: ["lambda:InvokeFunction"], Resource: of("lambda").slice(0, 1) },
    { Sid: "trace", Effect: "Allow", Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource: ["*"] },
  ];
}
