import { z } from "zod";

/** A resource in the engine's state. */
export const stateResource = z.looseObject({
  urn: z.string(),
  type: z.string(),
  id: z.string().default(""),
  /** URN of its component. */
  parent: z.string().optional(),
  /** URNs of its dependencies. */
  dependencies: z.array(z.string()).default([]),
  inputs: z.record(z.string(), z.unknown()).default({}),
  outputs: z.record(z.string(), z.unknown()).default({}),
  created: z.string().optional(),
  modified: z.string().optional(),
});

/** A resource in the engine's state; secrets are encrypted. */
export type StateResource = z.output<typeof stateResource>;

/** Key of a value that is not plain JSON in the engine's state, by the specification of property values. */
const signature = "4dabf18193072939515e22adb298388d";

/** The value of that key in a secret. */
export const secretMark = "1b47061264138c4ac30d75fd1eb44270";

/** Signatures in addresses that grant access: of Azure Storage, Amazon S3 and Google Cloud Storage. */
const signed = /([?&](?:sig|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)=)[^&\s"']+/gi;

/** A resource with `[secret]` for each secret, encrypted or not, and for the signature in each signed address. */
export function withoutSecrets(resource: StateResource): StateResource {
  return { ...resource, inputs: shown(resource.inputs), outputs: shown(resource.outputs) };
}

function shown(values: StateResource["inputs"]): StateResource["inputs"] {
  const text = JSON.stringify(values, (_, value: unknown) => {
    if (typeof value === "string") return value.replace(signed, "$1[secret]");
    if (typeof value !== "object" || value === null || !(signature in value)) return value;
    return value[signature] === secretMark ? "[secret]" : value;
  });
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}
