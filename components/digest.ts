import * as pulumi from "@pulumi/pulumi";

import { sha256 } from "../layers/cache";

/** Tells configurations apart, by 64 hexadecimal digits; none of the values in them can be read from it. */
export function digestOf(configuration: unknown): pulumi.Output<string> {
  return pulumi.jsonStringify(configuration).apply((text) => sha256(text));
}

/** The same, as short as it stands in names of releases. */
export function shortDigestOf(configuration: unknown): pulumi.Output<string> {
  return digestOf(configuration).apply((digest) => digest.slice(0, 12));
}
