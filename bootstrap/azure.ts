import * as authorization from "@pulumi/azure-native/authorization";
import * as managedidentity from "@pulumi/azure-native/managedidentity";
import * as resources from "@pulumi/azure-native/resources";
import * as pulumi from "@pulumi/pulumi";

import { nameLimits, resourceName } from "../components/names";
import { roleDefinitions } from "../components/azure/role";
import { identities, type Identity, rightsOf } from "./rights";

/** A condition on role assignments, in Azure's ABAC language. */
export function roleCondition(ids: readonly string[]): string {
  const one = (action: string, source: string) =>
    `((!(ActionMatches{'${action}'})) OR (@${source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ` +
    `ForAnyOfAnyValues:GuidEquals {${ids.join(", ")}}))`;
  return [
    one("Microsoft.Authorization/roleAssignments/write", "Request"),
    one("Microsoft.Authorization/roleAssignments/delete", "Resource"),
  ].join(" AND ");
}

/**
 * Identities for one stack, each of which trusts GitHub's tokens of its environment, with a role that has only the actions
 * that the program's types need. The stack's group does not exist before its first deployment, so the roles are on the
 * subscription: use one subscription per environment.
 */
export function azureIdentities(
  { project, stack, location }: { readonly project: string; readonly stack: string; readonly location: string },
  trusted: (identity: Identity) => readonly string[],
) {
  const { subscriptionId, tenantId } = authorization.getClientConfigOutput();
  const scope = pulumi.interpolate`/subscriptions/${subscriptionId}`;
  const group = new resources.ResourceGroup("bootstrap", {
    resourceGroupName: resourceName({ project, stack }, "bootstrap", nameLimits.resourceGroup),
    location,
  });
  const ids = identities.map((identity) => {
    const made = new managedidentity.UserAssignedIdentity(identity, {
      resourceName: `${project}-${stack}-${identity}`,
      resourceGroupName: group.name,
      location,
    });
    let before: pulumi.Resource = made;
    for (const [index, subject] of trusted(identity).entries()) {
      // Azure rejects two concurrent ones on one identity.
      before = new managedidentity.FederatedIdentityCredential(
        `${identity}-${index}`,
        {
          federatedIdentityCredentialResourceName: `github-${index}`,
          resourceName: made.name,
          resourceGroupName: group.name,
          issuer: "https://token.actions.githubusercontent.com",
          subject,
          audiences: ["api://AzureADTokenExchange"],
        },
        { dependsOn: before },
      );
    }
    const role = new authorization.RoleDefinition(identity, {
      roleName: `${project}-${stack}-${identity}`,
      description: `What ${identity} of the stack ${stack} needs`,
      scope,
      permissions: [{ actions: rightsOf("azure", identity), notActions: [] }],
      assignableScopes: [scope],
    });
    new authorization.RoleAssignment(identity, {
      scope,
      roleDefinitionId: role.id,
      principalId: made.principalId,
      principalType: "ServicePrincipal",
      ...(identity === "deploy" && {
        // Without it, a deployment could make itself Owner.
        condition: roleCondition(Object.values(roleDefinitions)),
        conditionVersion: "2.0",
      }),
    });
    return [identity, made.clientId] as const;
  });
  return { ...Object.fromEntries(ids), tenantId, subscriptionId };
}
