import * as projects from "@pulumi/gcp/projects";
import * as pulumi from "@pulumi/pulumi";

import { retryWhilePropagating } from "../propagation";

/** APIs that the components use, by the first part of their host name. */
type Service =
  | "artifactregistry"
  | "cloudbuild"
  | "cloudfunctions"
  | "cloudscheduler"
  | "compute"
  | "firestore"
  | "iam"
  | "monitoring"
  | "run"
  | "secretmanager";

/** APIs that this program enables, by provider and the first component that needed them. */
const enabled = new WeakMap<pulumi.Resource, Map<Service, projects.Service>>();

/** Google Cloud's errors while an enabled API, a new service account or a role has not propagated. */
const notYetKnown =
  /SERVICE_DISABLED|has not been used in project|Service account \S+ does not exist|PERMISSION_DENIED|Error code (5|7|9), message: .*(permission|does not (have|exist)|service account)/i;

/** Options of children that need APIs. */
export interface ServiceOptions extends pulumi.CustomResourceOptions {
  dependsOn: projects.Service[];
}

/**
 * Enables APIs in the provider's project, each once however many components need it, and gives the options of children
 * that need them: such a child waits for them, and tries again while the change, or a role granted a moment ago, is not
 * known everywhere.
 *
 * The APIs stay enabled when the stack is destroyed, since others in the project may use them.
 *
 * @param aliasesOf what an API's resource was called in earlier versions of this program.
 */
export function enableServices(
  name: string,
  services: readonly Service[],
  parent: pulumi.ComponentResource,
  aliasesOf: (service: Service) => pulumi.Alias[] = () => [],
): ServiceOptions {
  const provider = parent.getProvider("gcp:projects/service:Service");
  const known = (provider && enabled.get(provider)) ?? new Map<Service, projects.Service>();
  if (provider) enabled.set(provider, known);
  return {
    parent,
    dependsOn: services.map((service) => {
      const resource =
        known.get(service) ??
        new projects.Service(
          `${name}-${service}`,
          { service: `${service}.googleapis.com`, disableOnDestroy: false },
          { parent, aliases: aliasesOf(service) },
        );
      known.set(service, resource);
      return resource;
    }),
    hooks: retryWhilePropagating(name, {
      error: notYetKnown,
      advice: "docs/clouds.md lists the roles and APIs that a deployment needs",
    }),
  };
}
