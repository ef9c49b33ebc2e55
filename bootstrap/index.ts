import * as pulumi from "@pulumi/pulumi";

import type { Cloud } from "../contract/clouds";
import type { Identity } from "./rights";
import { environmentOf, subjects } from "./subjects";

/** The identities that deploy, preview and compare one stack; the outputs are the variables of GitHub's environments. */
async function program(): Promise<Record<string, unknown>> {
  const config = new pulumi.Config();
  const [project, stack] = [config.require("project"), config.require("stack")];
  const repository = config.require("repository");
  const ids = { ownerId: config.require("ownerId"), id: config.require("repositoryId") };
  const clouds = config.requireObject<Cloud[]>("clouds");
  const trusted = (identity: Identity) => subjects({ name: repository, ...ids }, environmentOf(identity, stack));

  const outputs: Record<string, unknown> = {};
  if (clouds.includes("aws")) {
    const { getCallerIdentity } = await import("@pulumi/aws");
    const { awsIdentities } = await import("./aws");
    const { accountId: account } = await getCallerIdentity();
    const siteBucket = config.get("siteBucket") || undefined;
    const place = { project, stack, account, region: config.require("awsRegion"), siteBucket };
    outputs.aws = awsIdentities(place, trusted, {
      // The project's default of both is empty.
      githubProviderArn: config.get("githubProviderArn") || undefined,
      stateBucket: config.get("stateBucket") || undefined,
    });
  }
  if (clouds.includes("azure")) {
    const { azureIdentities } = await import("./azure");
    outputs.azure = azureIdentities({ project, stack, location: config.get("azureRegion") ?? "japaneast" }, trusted);
  }
  if (clouds.includes("gcp")) {
    const { gcpIdentities } = await import("./gcp");
    const gcpProject = config.require("gcpProject");
    outputs.gcp = gcpIdentities({ project, stack, gcpProject }, repository, trusted);
  }
  return outputs;
}

export = program;
