import * as gcp from "@pulumi/gcp";
import * as pulumi from "@pulumi/pulumi";

import { nameLimits } from "../components/names";
import { identities, type Identity, rightsOf } from "./rights";

/** The only roles that a deployment may grant to the stack's accounts in the project. */
export const givenRoles = [
  "roles/datastore.user",
  "roles/datastore.viewer",
  "roles/logging.logWriter",
  "roles/storage.objectViewer",
] as const;

/** A condition on the permission to change the project's policy. */
export function grantCondition(roles: readonly string[]): string {
  const listed = roles.map((role) => `'${role}'`).join(", ");
  return `api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([${listed}])`;
}

const setPolicy = "resourcemanager.projects.setIamPolicy";

/**
 * Service accounts for one stack, which GitHub's tokens of their environments may impersonate, with custom roles that have
 * only the permissions that the program's types need.
 */
export function gcpIdentities(
  { project, stack, gcpProject }: { readonly project: string; readonly stack: string; readonly gcpProject: string },
  repository: string,
  trusted: (identity: Identity) => readonly string[],
) {
  const { number } = gcp.organizations.getProjectOutput({ projectId: gcpProject });
  const pool = new gcp.iam.WorkloadIdentityPool("github", {
    project: gcpProject,
    workloadIdentityPoolId: `github-${stack}`.slice(0, 32),
  });
  const provider = new gcp.iam.WorkloadIdentityPoolProvider("github", {
    project: gcpProject,
    workloadIdentityPoolId: pool.workloadIdentityPoolId,
    workloadIdentityPoolProviderId: "github",
    oidc: { issuerUri: "https://token.actions.githubusercontent.com" },
    attributeMapping: { "google.subject": "assertion.sub", "attribute.repository": "assertion.repository" },
    attributeCondition: `assertion.repository == '${repository}'`,
  });
  const accounts = identities.map((identity) => {
    const account = new gcp.serviceaccount.Account(identity, {
      project: gcpProject,
      accountId: `${stack.slice(0, nameLimits.serviceAccount - identity.length - 1)}-${identity}`,
      displayName: `${identity} of the stack ${stack} of ${project}`,
    });
    const member = pulumi.interpolate`serviceAccount:${account.email}`;
    const permissions = rightsOf("gcp", identity);
    const role = (
      name: string,
      included: readonly string[],
      condition?: gcp.types.input.projects.IAMMemberCondition,
    ) => {
      if (included.length === 0) return;
      const made = new gcp.projects.IAMCustomRole(name, {
        project: gcpProject,
        roleId: `${stack.slice(0, 48)}_${name}`.replace(/[^A-Za-z0-9_.]/g, "_"),
        title: `${name} of ${stack}`,
        permissions: [...included],
      });
      new gcp.projects.IAMMember(name, { project: gcpProject, role: made.name, member, condition });
    };
    role(
      identity,
      permissions.filter((permission) => permission !== setPolicy),
    );
    role(
      `${identity}_grants`,
      permissions.filter((permission) => permission === setPolicy),
      { title: "roles-of-functions", expression: grantCondition(givenRoles) },
    );
    for (const [index, subject] of trusted(identity).entries()) {
      new gcp.serviceaccount.IAMMember(`${identity}-${index}`, {
        serviceAccountId: account.name,
        role: "roles/iam.workloadIdentityUser",
        member: pulumi.interpolate`principal://iam.googleapis.com/projects/${number}/locations/global/workloadIdentityPools/${pool.workloadIdentityPoolId}/subject/${subject}`,
      });
    }
    return [identity, account.email] as const;
  });
  return { ...Object.fromEntries(accounts), provider: provider.name };
}
