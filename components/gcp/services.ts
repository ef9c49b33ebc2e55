import * as projects from "@pulumi/gcp/projects";
import type * as pulumi from "@pulumi/pulumi";

import { retryWhilePropagating } from "../propagation";

/** APIs that the components use, by the first part of their host name. */
type Service =
  "artifactregistry" | "cloudbuild" | "cloudfunctions" | "compute" | "firestore" | "iam" | "monitoring" | "run";

/**
 * Enables APIs in the provider's project and gives the options of children that need them: such a child waits for them,
 * and tries again while the change, or a role granted a moment ago, is not known everywhere.
 *
 * The APIs stay enabled when the stack is destroyed, since others in the project may use them.
 */
export function enableServices(
  name: string,
  services: readonly Service[],
  parent: pulumi.ComponentResource,
): pulumi.CustomResourceOptions {
  return {
    parent,
    dependsOn: services.map(
      (service) =>
        new projects.Service(
          `${name}-${service}`,
          { service: `${service}.googleapis.com`, disableOnDestroy: false },
          { parent },
        ),
    ),
    hooks: retryWhilePropagating(name, {
      error: /SERVICE_DISABLED|has not been used in project|Service account \S+ does not exist|PERMISSION_DENIED/,
      advice: "docs/clouds.md lists the roles and APIs that a deployment needs",
    }),
  };
}
