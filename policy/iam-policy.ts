import { z } from "zod";

import { unknown, type Value } from "./rule";

const texts = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === "string" ? [value] : value))
  .default([]);

const statement = z.object({
  Effect: z.enum(["Allow", "Deny"]),
  Action: texts,
  NotAction: texts,
  Resource: texts,
  NotResource: texts,
  Principal: z.union([z.literal("*").transform(() => ({ AWS: ["*"] })), z.record(z.string(), texts)]).default({}),
  Condition: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
});

/** One statement of a policy, with every list written as a list. */
export type Statement = z.output<typeof statement>;

const document = z.object({
  Statement: z.union([statement.transform((only) => [only]), z.array(statement)]),
});

/**
 * The statements of a policy document, given as text or as an object; undefined where it is not known yet.
 *
 * @throws where it is not a policy document at all.
 */
export function statements(policy: Value): Statement[] | undefined {
  if (policy === unknown || policy === undefined) return undefined;
  const parsed: unknown = typeof policy === "string" ? JSON.parse(policy) : policy;
  return document.parse(parsed).Statement;
}

/** Actions without resource types in the service authorization reference, so that they require `*`. */
const withoutResource = new Set(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]);

/** Why the statements are too broad for a workload of this project; undefined if they are not. */
export function tooBroad(found: readonly Statement[]): string | undefined {
  for (const { Effect, Action, NotAction, Resource, NotResource } of found) {
    if (Effect !== "Allow") continue;
    if (NotAction.length > 0 || NotResource.length > 0) return "allows everything but a list";
    const wildcard = Action.find((action) => action.includes("*"));
    if (wildcard !== undefined) return `allows the wildcard action ${wildcard}`;
    const anywhere = Action.find((action) => !withoutResource.has(action));
    if (Resource.includes("*") && anywhere !== undefined) return `allows ${anywhere} on every resource`;
  }
  return undefined;
}

/** True if the statement allows any principal: a wildcard without a condition. */
export function isPublic({ Effect, Principal, Condition }: Statement): boolean {
  return (
    Effect === "Allow" &&
    Object.values(Principal).some((principals) => principals.includes("*")) &&
    Object.keys(Condition).length === 0
  );
}

/** True if the statement denies every request without TLS. */
export function refusesPlainHttp({ Effect, Action, Condition }: Statement): boolean {
  const secure = Condition.Bool?.["aws:SecureTransport"];
  return Effect === "Deny" && Action.includes("s3:*") && String(secure) === "false";
}
