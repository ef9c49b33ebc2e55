import type { GcpResources, Resource } from "./resources";

type Variable =
  Resource<"gcp:cloudfunctionsv2/function:Function">["serviceConfig"]["secretEnvironmentVariables"][number];

/** Roles that read a secret's value (Secret Manager, "Access control with IAM"). */
const accessorRoles = ["roles/secretmanager.secretAccessor", "roles/secretmanager.admin", "roles/owner"];

/**
 * The value of a secret environment variable, which Cloud Run reads when an instance starts.
 *
 * @throws with Cloud Run's message, if there is no such version or the service account may not read it.
 */
export function secretValue(resources: GcpResources, variable: Variable, serviceAccount: string): string {
  const { secret: secretId, version: wanted, projectId } = variable;
  const secret = resources.find("gcp:secretmanager/secret:Secret", (candidate) => candidate.secretId === secretId);
  const version = resources
    .list("gcp:secretmanager/secretVersion:SecretVersion")
    .filter((candidate) => candidate.secret === secret?.id)
    .findLast((candidate) => wanted === "latest" || candidate.version === wanted);
  const name = `projects/${projectId}/secrets/${secretId}/versions/${wanted}`;
  if (version === undefined) throw new Error(`Secret ${name} was not found`);

  const readers = [
    ...resources
      .list("gcp:secretmanager/secretIamMember:SecretIamMember")
      .filter((grant) => grant.secretId === secretId || grant.secretId === secret?.id),
    ...resources.list("gcp:projects/iAMMember:IAMMember").filter(({ condition }) => condition === undefined),
  ];
  const member = `serviceAccount:${serviceAccount}`;
  if (!readers.some((grant) => grant.member === member && accessorRoles.includes(grant.role))) {
    throw new Error(
      `Permission denied on secret: ${name} for Revision service account ${serviceAccount}. The service account used ` +
        "must be granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, " +
        "project or higher level.",
    );
  }
  if (!version.enabled) throw new Error(`Secret Version ${name} is in DISABLED state`);
  return version.isSecretDataBase64 ? Buffer.from(version.secretData, "base64").toString("utf8") : version.secretData;
}
