import * as lambda from "@pulumi/aws/lambda";
import { Provider } from "@pulumi/aws/provider";
import type * as pulumi from "@pulumi/pulumi";

import { providerSettings } from "../provider-settings";

/** A layer of another publisher, with its expected packages. */
export interface PublicLayer {
  /** ARN of one version, e.g. `arn:aws:lambda:eu-west-1:770693421928:layer:Klayers-p312-PyJWT:1`. */
  readonly arn: string;
  /** Version of each package, by name; the lock has to accept all of them. */
  readonly packages: Readonly<Record<string, string>>;
}

/** The function's runtime and architecture. */
export interface LayerTarget {
  readonly region: string;
  readonly pythonVersion: string;
  readonly architecture: string;
}

/**
 * Checks public layers before anything is deployed: their owners may delete versions or revoke access, and a function
 * with an unreadable layer cannot be updated any more.
 *
 * They are read by a provider of their own, as Pulumi's default one needs `aws:region`, which no setting of the stack is.
 *
 * @param name unique in the program; that of the application's component.
 * @throws for a layer that cannot be read, or was published for another runtime or architecture.
 */
export async function checkPublicLayers(
  name: string,
  layers: readonly PublicLayer[],
  target: LayerTarget,
  opts?: pulumi.ResourceOptions,
): Promise<void> {
  if (layers.length === 0) return;
  const settings = { ...providerSettings("aws"), region: target.region };
  const provider = new Provider(`${name}-public-layers`, settings, { parent: opts?.parent });
  await Promise.all(layers.map((layer) => checkPublicLayer(layer, target, { provider })));
}

async function checkPublicLayer({ arn }: PublicLayer, target: LayerTarget, opts: pulumi.InvokeOptions): Promise<void> {
  const wayOut = "remove it from aws.publicLayers, or set layerStrategy to full, which needs no public layer";
  const [, layerName = arn, version = ""] = /^(.+):(\d+)$/.exec(arn) ?? [];
  const found = await lambda
    .getLayerVersion({ layerName, version: Number(version), region: target.region }, opts)
    .catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`aws: the public layer ${arn} cannot be read: ${reason}; ${wayOut}`);
    });
  const runtime = `python${target.pythonVersion}`;
  const mismatch = [
    { what: "runtime", needed: runtime, offered: found.compatibleRuntimes },
    { what: "architecture", needed: target.architecture, offered: found.compatibleArchitectures },
  ].find(({ needed, offered }) => offered.length > 0 && !offered.includes(needed));
  if (mismatch) {
    const { what, needed, offered } = mismatch;
    throw new Error(`aws: the public layer ${arn} is for ${what} ${offered.join(", ")}, not for ${needed}; ${wayOut}`);
  }
}
