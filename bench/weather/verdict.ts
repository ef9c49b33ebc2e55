import type { Cloud } from "../../contract/clouds";

/** The engine's step for one resource in an update. */
export interface Step {
  /** Token of the type, e.g. `aws:lambda/function:Function`. */
  readonly type: string;
  readonly name: string;
  /** `replace`: the new one first; `renew`: the old one is deleted first. */
  readonly does: "create" | "update" | "delete" | "replace" | "renew";
}

/** Verdict of an update with another value of a setting; the worst of several steps. */
export type Verdict = "no change" | "in place" | "replaced" | "outage" | "refused";

/** Resource types whose deletion or replacement loses data. */
const data =
  /^(aws:dynamodb\/table:Table|azure-native:storage:(StorageAccount|Table)|gcp:firestore\/database:Database|azure-native:resources:ResourceGroup)$/;

/** Resource types in the path of requests, or that authorise them: users notice their absence. */
const serving: Readonly<Record<Cloud, RegExp>> = {
  aws: /^aws:(lambda\/(function|alias|permission)|apigatewayv2|cloudfront|s3\/bucket(Policy)?:|dynamodb|iam)/,
  azure:
    /^azure-native:(web:WebApp$|web:AppServicePlan|cdn:(?!SecurityPolicy)|storage:(?!Blob$)|authorization:RoleAssignment|keyvault:|managedidentity:)/,
  gcp: /^gcp:(cloudfunctionsv2|compute\/(?!securityPolicy)|cloudrunv2|firestore|storage\/bucket(IAMMember)?:|projects\/iAMMember|serviceaccount|secretmanager)/,
};

/** Steps that delete or replace resources with data. */
export const losing = (steps: readonly Step[]): Step[] =>
  steps.filter(({ type, does }) => data.test(type) && does !== "create" && does !== "update");

/** Steps that delete a resource in the path of requests before its replacement exists, or permanently. */
export const interrupting = (cloud: Cloud, steps: readonly Step[]): Step[] =>
  steps.filter(({ type, does, name }) => {
    // A twin serves no user.
    return serving[cloud].test(type) && !name.includes("-next") && (does === "renew" || isGateway(type, does));
  });

/** The users' entry point: without it there is no site. */
const isGateway = (type: string, does: Step["does"]) =>
  does === "delete" &&
  /^(aws:cloudfront\/distribution:|azure-native:cdn:AFDEndpoint$|gcp:compute\/globalForwardingRule:)/.test(type);

export function verdictOf(cloud: Cloud, steps: readonly Step[]): Exclude<Verdict, "refused"> {
  if (interrupting(cloud, steps).length > 0) return "outage";
  if (steps.some(({ does }) => does === "replace" || does === "renew")) return "replaced";
  return steps.length > 0 ? "in place" : "no change";
}
