import * as pulumi from "@pulumi/pulumi";

import { sha256 } from "../layers/cache";

/** A digest of 64 hexadecimal digits that distinguishes configurations without revealing their values. */
export function digestOf(configuration: unknown): pulumi.Output<string> {
  return pulumi.jsonStringify(configuration).apply((text) => sha256(text));
}

/** The same digest, shortened for names of releases. */
export function shortDigestOf(configuration: unknown): pulumi.Output<string> {
  return digestOf(configuration).apply((digest) => digest.slice(0, 12));
}
