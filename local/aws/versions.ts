import { isDeepStrictEqual } from "node:util";

import type { Inputs } from "../resource-type";
import type { Resources, ResourceStore, StoredResource } from "../store";

/** Published versions of functions. The cloud creates them; no Pulumi resource declares them. */
export const versionType = "aws:lambda/function:Version";

const layerType = "aws:lambda/layerVersion:LayerVersion";

/**
 * The properties that a version keeps; a change of other properties publishes no version (Lambda API reference,
 * `PublishVersion`).
 */
const kept = [
  "architectures",
  "code",
  "description",
  "environment",
  "ephemeralStorage",
  "handler",
  "kmsKeyArn",
  "layers",
  "loggingConfig",
  "memorySize",
  "role",
  "runtime",
  "snapStart",
  "timeout",
  "tracingConfig",
  "vpcConfig",
] as const;

/** The configuration without file paths: a preview has other copies of the same files. */
function configurationOf(inputs: Inputs): unknown {
  const picked = Object.fromEntries(kept.map((key) => [key, inputs[key]]));
  const code = picked.code as { readonly hash?: string; readonly sha256?: string } | undefined;
  return JSON.parse(JSON.stringify({ ...picked, code: code?.sha256 ?? code?.hash }));
}

/** The versions of a function, oldest first. */
export function versionsOf(resources: Resources, functionName: string): StoredResource[] {
  return resources
    .list(versionType)
    .filter(({ inputs }) => inputs.versionOf === functionName)
    .sort((a, b) => Number(a.outputs.version) - Number(b.outputs.version));
}

/**
 * Number of the version that publishing these inputs gives: the newest one, if nothing has changed since then.
 *
 * @param inputs with the code that an S3 object has, where that is where it comes from.
 */
export function versionFor(resources: Resources, functionName: string, inputs: Inputs): string {
  const newest = versionsOf(resources, functionName).at(-1);
  if (newest === undefined) return "1";
  const unchanged = isDeepStrictEqual(
    configurationOf({ ...newest.outputs, ...newest.inputs }),
    configurationOf(inputs),
  );
  return unchanged ? String(newest.outputs.version) : String(Number(newest.outputs.version) + 1);
}

/**
 * The version that publishing a function now gives. It keeps the code, the configuration and the content of the layers.
 * If nothing has changed since the newest version, it is that one.
 */
export function versionOf(resources: Resources, fn: StoredResource): StoredResource {
  const version = versionFor(resources, fn.id, { ...fn.outputs, ...fn.inputs });
  const id = `${fn.id}:${version}`;
  const layers = Array.isArray(fn.inputs.layers) ? fn.inputs.layers.map(String) : [];
  const layerCode = layers.map((arn) => {
    const layer = resources.get(layerType, arn);
    return layer?.inputs.code ?? layer?.outputs.code;
  });
  return (
    resources.get(versionType, id) ?? {
      urn: "",
      type: versionType,
      id,
      inputs: { ...fn.inputs, versionOf: fn.id, layerCode },
      outputs: { ...fn.outputs, version, publishedAt: new Date().toISOString() },
    }
  );
}

/** A new version with the code and configuration of another, which Lambda itself would not publish again. */
export function anotherVersion(of: StoredResource): StoredResource {
  const version = String(Number(of.outputs.version) + 1);
  const { state: _state, stateReason: _reason, ...outputs } = of.outputs;
  const publishedAt = new Date().toISOString();
  return { ...of, id: `${String(of.inputs.versionOf)}:${version}`, outputs: { ...outputs, version, publishedAt } };
}

/** Publishes a version if the function's inputs ask for it. */
export function publishWhereAsked(store: ResourceStore, fn: StoredResource): void {
  if (fn.inputs.publish === true) store.put(versionOf(store, fn));
}
