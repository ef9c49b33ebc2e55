import { z } from "zod";

const listOf = (text: z.ZodString) => z.union([text.transform((value) => [value]), z.array(text)]);
const oneOrMore = listOf(z.string());
const action = z.string().regex(/^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$/, { error: "expected <service>:<action>" });
const resource = z.string().regex(/^(\*|arn:.+)$/, { error: "expected an ARN or *" });
const service = z.string().regex(/^[a-z0-9.-]+\.amazonaws\.com$/, { error: "expected a service's host name" });

/** Condition operators: exact or with wildcards. */
const operators = {
  StringEquals: same,
  StringLike: like,
  ArnEquals: arnLike,
  ArnLike: arnLike,
  Bool: sameFlag,
} as const;
const operatorNames = Object.keys(operators) as (keyof typeof operators)[];

/**
 * The supported part of IAM's policy language. An unsupported condition operator or policy variable is an error, so
 * that no condition is silently ignored.
 */
const statementSchema = z.strictObject({
  Sid: z
    .string()
    .regex(/^[A-Za-z0-9]*$/, { error: "expected letters and digits" })
    .optional(),
  Effect: z.enum(["Allow", "Deny"]),
  Action: listOf(action),
  Resource: listOf(resource).optional(),
  Principal: z
    .union([
      z.literal("*").transform((): Record<string, string[]> => ({ AWS: ["*"] })),
      z.looseObject({ Service: listOf(service).optional() }).pipe(z.record(z.string(), oneOrMore)),
    ])
    .optional(),
  Condition: z
    .partialRecord(z.enum(operatorNames), z.record(z.string(), oneOrMore), {
      error: `the local cloud evaluates the condition operators ${operatorNames.join(", ")} only`,
    })
    .default({}),
});

const policySchema = z
  .object({
    Version: z.enum(["2008-10-17", "2012-10-17"]).optional(),
    Statement: z.union([statementSchema.transform((statement) => [statement]), z.array(statementSchema)]),
  })
  .transform(({ Statement }) => Statement);

export type Statement = z.output<typeof statementSchema>;

/** Kinds of policies, with the statement elements that each requires or forbids. */
export const policyKinds = {
  identity: { needs: ["Resource"], forbids: ["Principal"] },
  trust: { needs: ["Principal"], forbids: ["Resource"] },
  resource: { needs: ["Principal", "Resource"], forbids: [] },
} as const satisfies Record<string, Record<"needs" | "forbids", readonly (keyof Statement)[]>>;

/** Whether a document is a valid policy of a kind. */
export function isPolicy(document: string, kind: keyof typeof policyKinds): boolean {
  const { needs, forbids } = policyKinds[kind];
  try {
    const statements = parsePolicy(document);
    return (
      statements.length > 0 &&
      statements.every(
        (statement) => needs.every((key) => key in statement) && forbids.every((key) => !(key in statement)),
      )
    );
  } catch {
    return false;
  }
}

/** The statements of a policy document. */
export function parsePolicy(document: string): Statement[] {
  return policySchema.parse(JSON.parse(document));
}

export interface AccessRequest {
  /** E.g. `dynamodb:PutItem`. */
  readonly action: string;
  /** ARN. */
  readonly resource: string;
  /** The caller, for resource policies: type and value, e.g. `Service` and `apigateway.amazonaws.com`. */
  readonly principal?: readonly [kind: string, value: string];
  /** Condition keys in lower case, since IAM ignores their case, and their values. */
  readonly context?: Readonly<Record<string, string>>;
}

/** Whether the statements allow the request: at least one allows it and none denies it. */
export function allows(statements: readonly Statement[], request: AccessRequest): boolean {
  const effects = statements.filter((statement) => applies(statement, request)).map(({ Effect }) => Effect);
  return effects.includes("Allow") && !effects.includes("Deny");
}

/** Whether a role's trust policy lets a service assume it. */
export function trusts(trustPolicy: string, service: string): boolean {
  // A trust policy has no `Resource`: it always applies to its role.
  const statements = parsePolicy(trustPolicy).map((statement) => ({ ...statement, Resource: ["*"] }));
  return allows(statements, { action: "sts:AssumeRole", resource: "", principal: ["Service", service] });
}

function applies(statement: Statement, request: AccessRequest): boolean {
  return (
    statement.Action.some((pattern) => like(pattern.toLowerCase(), request.action.toLowerCase())) &&
    (statement.Resource ?? []).some((pattern) => like(pattern, request.resource)) &&
    appliesToPrincipal(statement.Principal, request.principal) &&
    operatorNames.every((operator) =>
      Object.entries(statement.Condition[operator] ?? {}).every(([key, expected]) => {
        const value = request.context?.[key.toLowerCase()];
        return value !== undefined && expected.some((text) => operators[operator](text, value));
      }),
    )
  );
}

function appliesToPrincipal(principals: Statement["Principal"], principal: AccessRequest["principal"]): boolean {
  if (principals === undefined) return true;
  if (principals.AWS?.includes("*")) return true;
  return principal !== undefined && (principals[principal[0]]?.includes(principal[1]) ?? false);
}

function same(expected: string, value: string): boolean {
  return expected === value;
}

function sameFlag(expected: string, value: string): boolean {
  return expected.toLowerCase() === value.toLowerCase();
}

/** IAM's wildcards: `*` for any characters, `?` for one. */
function like(pattern: string, value: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "s").test(value);
}

/** Compares ARNs part by part: a wildcard matches no colon, except in the sixth part. */
function arnLike(pattern: string, value: string): boolean {
  const [patterns, values] = [arnParts(pattern), arnParts(value)];
  return patterns.length === values.length && patterns.every((part, index) => like(part, values[index] ?? ""));
}

function arnParts(arn: string): string[] {
  const parts = arn.split(":");
  return [...parts.slice(0, 5), parts.slice(5).join(":")];
}
