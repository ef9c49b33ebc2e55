import { z } from "zod";

const listOf = (text: z.ZodString) => z.union([text.transform((value) => [value]), z.array(text)]);
const oneOrMore = listOf(z.string());
const action = z.string().regex(/^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$/, { error: "expected <service>:<action>" });
const resource = z.string().regex(/^(\*|arn:.+)$/, { error: "expected an ARN or *" });
const service = z.string().regex(/^[a-z0-9.-]+\.amazonaws\.com$/, { error: "expected a service's host name" });
const operators = ["StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool"] as const;

/**
 * The part of IAM's policy language that the program's policies are written in. A condition operator or a policy variable
 * beyond it is an error, not a condition that holds.
 */
const statementSchema = z.strictObject({
  Sid: z
    .string()
    .regex(/^[A-Za-z0-9]*$/, { error: "expected letters and digits" })
    .optional(),
  Effect: z.enum(["Allow", "Deny"]),
  Action: listOf(action),
  Resource: listOf(resource).default(["*"]),
  Principal: z
    .union([
      z.literal("*").transform((): Record<string, string[]> => ({ AWS: ["*"] })),
      z.looseObject({ Service: listOf(service).optional() }).pipe(z.record(z.string(), oneOrMore)),
    ])
    .optional(),
  Condition: z
    .partialRecord(z.enum(operators), z.record(z.string(), oneOrMore), {
      error: `the local cloud evaluates the condition operators ${operators.join(", ")} only`,
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

/** The statements of a policy document. */
export function parsePolicy(document: string): Statement[] {
  return policySchema.parse(JSON.parse(document));
}

export interface AccessRequest {
  /** E.g. `dynamodb:PutItem`. */
  readonly action: string;
  /** ARN. */
  readonly resource: string;
  /** Who asks, for resource policies: kind and value, e.g. `Service` and `apigateway.amazonaws.com`. */
  readonly principal?: readonly [kind: string, value: string];
  /** Condition keys, in lower case as IAM compares them, and their values. */
  readonly context?: Readonly<Record<string, string>>;
}

/** Whether the statements allow the request: one allows it and none denies it. */
export function allows(statements: readonly Statement[], request: AccessRequest): boolean {
  const effects = statements.filter((statement) => applies(statement, request)).map(({ Effect }) => Effect);
  return effects.includes("Allow") && !effects.includes("Deny");
}

function applies(statement: Statement, request: AccessRequest): boolean {
  return (
    statement.Action.some((pattern) => like(pattern.toLowerCase(), request.action.toLowerCase())) &&
    statement.Resource.some((pattern) => like(pattern, request.resource)) &&
    appliesToPrincipal(statement.Principal, request.principal) &&
    Object.entries(statement.Condition).every(([, keys]) =>
      Object.entries(keys).every(([key, patterns]) => {
        const value = request.context?.[key.toLowerCase()];
        return value !== undefined && patterns.some((pattern) => like(pattern, value));
      }),
    )
  );
}

function appliesToPrincipal(principals: Statement["Principal"], principal: AccessRequest["principal"]): boolean {
  if (principals === undefined) return true;
  if (principals.AWS?.includes("*")) return true;
  return principal !== undefined && (principals[principal[0]]?.includes(principal[1]) ?? false);
}

/** IAM's wildcards: `*` for any characters, `?` for one. */
function like(pattern: string, value: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "s").test(value);
}
