import * as authorization from "@pulumi/azure-native/authorization";
import type * as managedidentity from "@pulumi/azure-native/managedidentity";
import * as pulumi from "@pulumi/pulumi";

/** Azure's built-in roles that the components grant, with the ids in "Azure built-in roles". */
export const roleDefinitions = {
  "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
  "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
  "Storage Queue Data Message Processor": "8a0f0c08-91a1-4084-bc3d-661d67233fed",
  "Storage Queue Data Message Sender": "c6a89b2d-59bc-44d0-9896-0b6e12d7b80a",
  "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
  "Storage Table Data Reader": "76199698-9eea-4c19-bc75-cec21354c6b6",
  "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
  "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
} as const;

/** A role on one resource. */
export interface Grant {
  readonly role: keyof typeof roleDefinitions;
  /** Distinguishes grants of one role in the Pulumi name of the assignment. Default: only the role. */
  readonly of?: string;
  /** Id of the resource to which the role is limited. */
  readonly scope: pulumi.Output<string>;
}

/** Assigns a role to an identity. */
export function assignRole(
  name: string,
  identity: managedidentity.UserAssignedIdentity,
  { role, scope }: Grant,
  opts: pulumi.CustomResourceOptions,
): authorization.RoleAssignment {
  return new authorization.RoleAssignment(
    name,
    {
      scope,
      roleDefinitionId: scope.apply((id) => {
        const [, subscriptions, subscriptionId] = id.split("/");
        return `/${subscriptions}/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${roleDefinitions[role]}`;
      }),
      principalId: identity.principalId,
      // Without the type, Azure looks up the principal in a directory that a new identity has not reached yet.
      principalType: "ServicePrincipal",
    },
    opts,
  );
}
