import { readFileSync } from "node:fs";

import { z } from "zod";

import { readZip } from "../../layers/unzip";
import { stored, writeZip } from "../../layers/zip";
import type { Inputs } from "../resource-type";
import type { Resources, ResourceStore, StoredResource } from "../store";

export const signingJobType = "aws:signer/signingJob:SigningJob";
export const signingProfileType = "aws:signer/signingProfile:SigningProfile";
export const codeSigningConfigType = "aws:lambda/codeSigningConfig:CodeSigningConfig";
const layerType = "aws:lambda/layerVersion:LayerVersion";

/** Where AWS Signer puts its signature in a zip for Lambda. */
const signatureFile = "META-INF/aws_signer_signature_v1.0.SF";

const blob = z.object({ path: z.string(), sha256: z.string() });
const jobSchema = z.object({
  jobArn: z.string(),
  profileVersionArn: z.string(),
  content: blob,
  signedObjects: z.tuple([z.object({ s3s: z.tuple([z.object({ bucket: z.string(), key: z.string() })]) })]),
});
const configSchema = z.object({
  allowedPublishers: z.object({ signingProfileVersionArns: z.array(z.string()) }),
  policies: z.object({ untrustedArtifactOnDeployment: z.enum(["Warn", "Enforce"]) }).optional(),
});

/** A copy of a zip with a signature in it: who signed it, and no cryptography. */
export async function signedCopy(store: ResourceStore, { path }: { readonly path: string }, profileVersionArn: string) {
  const entries = (await readZip(readFileSync(path))).filter(({ name }) => name !== signatureFile);
  const signature = Buffer.from(`Signing-Profile-Version-Arn: ${profileVersionArn}\n`);
  return store.keepZip(writeZip([...entries, stored(signatureFile, signature)]));
}

/** The job that signed the S3 object which inputs name; undefined where none did. */
export function signatureOf({ s3Bucket, s3Key }: Inputs, resources: Resources) {
  return resources
    .list(signingJobType)
    .map(({ outputs }) => jobSchema.parse(outputs))
    .find(({ signedObjects: [{ s3s }] }) => s3s[0].bucket === s3Bucket && s3s[0].key === s3Key);
}

/** What of a function no profile has signed that its code signing configuration allows. */
interface Untrusted {
  readonly name: string;
  readonly operation: "CreateFunction" | "UpdateFunctionCode" | "UpdateFunctionConfiguration";
  readonly policy: "Warn" | "Enforce";
}

/**
 * What Lambda checks when it deploys a function with a code signing configuration: code and layers that the function does not
 * have already.
 *
 * @param deployed the function as it is; absent for a new one.
 */
export function untrusted(inputs: Inputs, resources: Resources, deployed?: StoredResource): Untrusted | undefined {
  const { codeSigningConfigArn: configArn, name } = inputs;
  const config = typeof configArn === "string" ? resources.get(codeSigningConfigType, configArn) : undefined;
  if (config === undefined) return undefined;
  const { allowedPublishers, policies } = configSchema.parse(config.inputs);
  const policy = policies?.untrustedArtifactOnDeployment ?? "Warn";
  const isAllowed = (profileVersionArn: unknown) =>
    allowedPublishers.signingProfileVersionArns.some((allowed) => allowed === profileVersionArn);

  if (sourceOf(inputs) !== sourceOf(deployed?.inputs ?? {}) || deployed === undefined) {
    const operation = deployed === undefined ? "CreateFunction" : "UpdateFunctionCode";
    if (!isAllowed(signatureOf(inputs, resources)?.profileVersionArn)) return { name: String(name), operation, policy };
  }
  const had = layersOf(deployed?.inputs ?? {});
  const layer = layersOf(inputs).find(
    (arn) => !had.includes(arn) && !isAllowed(resources.get(layerType, arn)?.outputs.signingProfileVersionArn),
  );
  const operation = deployed === undefined ? "CreateFunction" : "UpdateFunctionConfiguration";
  return layer === undefined ? undefined : { name: layer, operation, policy };
}

/** In Lambda's words, as the provider hands them on. */
export function refusedSignature({ name, operation }: Untrusted): string {
  return (
    `operation error Lambda: ${operation}, https response error StatusCode: 400, CodeVerificationFailedException: Lambda cannot ` +
    "deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. " +
    `Check the provided signature for ${name}.`
  );
}

const layersOf = ({ layers }: Inputs) => (Array.isArray(layers) ? layers.map(String) : []);

const hashed = z.object({ hash: z.string().optional(), sha256: z.string().optional() });

/** Tells where the code is from: an asset is known by its hash, wherever it lies. */
function sourceOf({ code, s3Bucket, s3Key }: Inputs): string {
  const { hash, sha256 } = hashed.catch({}).parse(code);
  return JSON.stringify([sha256 ?? hash, s3Bucket, s3Key]);
}
