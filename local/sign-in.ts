import { parsePolicy, type Statement } from "./aws/iam";
import type { StoredResource } from "./store";

/** The claims of a job's token from GitHub that are read here. */
export interface Token {
  /** Claim `sub`, e.g. `repo:ada/shop:environment:staging`. */
  readonly subject: string;
  /** Claim `repository`, e.g. `ada/shop`. */
  readonly repository: string;
}

/** Read access to the resources of a cloud. */
export interface Listed {
  list(type: string): readonly Pick<StoredResource, "type" | "id" | "inputs" | "outputs">[];
}

/** The principal of a token on a cloud, from the identities that `bootstrap/` deployed. */
export interface Principal<Grant> {
  /** Name on the cloud. */
  readonly name: string;
  readonly grants: readonly Grant[];
}

/** A role of Azure or Google Cloud that is assigned to an identity. */
export interface RoleGrant {
  readonly rights: readonly string[];
  /** In the cloud's own language. */
  readonly condition?: string;
}

const issuer = "token.actions.githubusercontent.com";

const text = (value: unknown) => (typeof value === "string" ? value : "");

const documents = new Map<string, Statement[]>();

/** Each document is parsed once, since it is needed for every request. */
function statementsOf(document: string): Statement[] {
  const known = documents.get(document) ?? parsePolicy(document);
  documents.set(document, known);
  return known;
}

/** The role that trusts a token, with the statements of its policies. */
export function awsPrincipal(
  stored: Listed,
  { subject }: Token,
  allows: (statements: readonly Statement[], provider: string, context: Readonly<Record<string, string>>) => boolean,
): Principal<Statement> | undefined {
  const context = { [`${issuer}:aud`]: "sts.amazonaws.com", [`${issuer}:sub`]: subject };
  const providers = stored.list("aws:iam/openIdConnectProvider:OpenIdConnectProvider").map(({ id }) => id);
  const role = stored
    .list("aws:iam/role:Role")
    .find(({ inputs }) =>
      providers.some((provider) => allows(statementsOf(text(inputs.assumeRolePolicy)), provider, context)),
    );
  if (role === undefined) return undefined;
  const attached = stored
    .list("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    .filter(({ inputs }) => inputs.role === role.inputs.name)
    .map(({ inputs }) => inputs.policyArn);
  const policies = stored.list("aws:iam/policy:Policy").filter(({ id }) => attached.includes(id));
  return {
    name: text(role.inputs.name),
    grants: policies.flatMap(({ inputs }) => statementsOf(text(inputs.policy))),
  };
}

/** The managed identity that trusts a token, with its roles. */
export function azurePrincipal(stored: Listed, { subject }: Token): Principal<RoleGrant> | undefined {
  const credential = stored
    .list("azure-native:managedidentity:FederatedIdentityCredential")
    .find(({ inputs }) => inputs.subject === subject && inputs.issuer === `https://${issuer}`);
  const identity = stored
    .list("azure-native:managedidentity:UserAssignedIdentity")
    .find(({ id }) => credential?.id.startsWith(`${id}/federatedIdentityCredentials/`));
  if (identity === undefined) return undefined;
  const roles = stored.list("azure-native:authorization:RoleDefinition");
  const grants = stored
    .list("azure-native:authorization:RoleAssignment")
    .filter(({ inputs }) => inputs.principalId === identity.outputs.principalId)
    .map(({ inputs }) => {
      const definition = roles.find(({ id }) => id === inputs.roleDefinitionId)?.inputs;
      const permissions = (definition?.permissions ?? []) as { actions?: string[] }[];
      const rights = permissions.flatMap(({ actions = [] }) => actions);
      return { rights, ...(typeof inputs.condition === "string" && { condition: inputs.condition }) };
    });
  return { name: text(identity.outputs.name), grants };
}

/** The service account that a token may impersonate, with its custom roles in the project. */
export function gcpPrincipal(stored: Listed, { subject, repository }: Token): Principal<RoleGrant> | undefined {
  const pools = stored
    .list("gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider")
    .filter(({ inputs }) => inputs.attributeCondition === `assertion.repository == '${repository}'`)
    .map(({ inputs }) => text(inputs.workloadIdentityPoolId));
  const trusting = stored
    .list("gcp:serviceaccount/iAMMember:IAMMember")
    .filter(({ inputs }) => inputs.role === "roles/iam.workloadIdentityUser")
    .find(({ inputs }) =>
      pools.some((pool) => text(inputs.member).endsWith(`/workloadIdentityPools/${pool}/subject/${subject}`)),
    );
  const account = stored
    .list("gcp:serviceaccount/account:Account")
    .find(({ id }) => id === trusting?.inputs.serviceAccountId);
  if (account === undefined) return undefined;
  const roles = stored.list("gcp:projects/iAMCustomRole:IAMCustomRole");
  const grants = stored
    .list("gcp:projects/iAMMember:IAMMember")
    .filter(({ inputs }) => inputs.member === `serviceAccount:${text(account.outputs.email)}`)
    .map(({ inputs }) => {
      const role = roles.find(({ id }) => id === inputs.role);
      const { expression } = (inputs.condition ?? {}) as { expression?: string };
      return {
        rights: (role?.inputs.permissions ?? []) as string[],
        ...(expression !== undefined && { condition: expression }),
      };
    });
  return { name: text(account.outputs.email), grants };
}
