import { z } from "zod";

import type { StateResource } from "../stack-state";

const outputsSchema = z.looseObject({
  arn: z.string().optional(),
  name: z.string().optional(),
  project: z.string().optional(),
  location: z.string().optional(),
});

const google = "https://console.cloud.google.com";

/** Pages of Google Cloud's console by resource type; it has none that takes any resource's name. */
const googlePages: Readonly<Record<string, (named: { name: string; location: string }) => string>> = {
  "gcp:cloudfunctionsv2/function:Function": ({ location, name }) => `functions/details/${location}/${name}`,
  "gcp:storage/bucket:Bucket": ({ name }) => `storage/browser/${name}`,
};

/** The page of a resource in its vendor's web console; undefined if no address of it is known. */
function vendorLink({ type, id, outputs }: StateResource): string | undefined {
  const { arn, name, project, location = "" } = outputsSchema.catch({}).parse(outputs);
  if (arn?.startsWith("arn:aws:")) return `https://console.aws.amazon.com/go/view?arn=${encodeURIComponent(arn)}`;
  if (type.startsWith("azure-native:") && id.startsWith("/subscriptions/")) {
    return `https://portal.azure.com/#resource${encodeURI(id)}`;
  }
  const page = googlePages[type];
  if (page === undefined || name === undefined || project === undefined) return undefined;
  return `${google}/${page({ name, location })}?project=${encodeURIComponent(project)}`;
}

/** The links of a stack's resources, by URN. */
export function vendorLinks(resources: readonly StateResource[]): Record<string, string> {
  return Object.fromEntries(
    resources.flatMap((resource) => {
      const link = vendorLink(resource);
      return link === undefined ? [] : [[resource.urn, link]];
    }),
  );
}
