import { createHash } from "node:crypto";

import * as pulumi from "@pulumi/pulumi";

/** Tells configurations apart, by 64 hexadecimal digits; none of the values in them can be read from it. */
export function digestOf(configuration: unknown): pulumi.Output<string> {
  return pulumi.jsonStringify(configuration).apply((text) => createHash("sha256").update(text).digest("hex"));
}

/** The same, as short as it stands in names of releases. */
export function shortDigestOf(configuration: unknown): pulumi.Output<string> {
  return digestOf(configuration).apply((digest) => digest.slice(0, 12));
}
