import { isDeepStrictEqual } from "node:util";

import type { Inputs } from "../resource-type";
import type { Resources, ResourceStore, StoredResource } from "../store";

/** Published versions of functions: the cloud's own, which no Pulumi resource declares. */
export const versionType = "aws:lambda/function:Version";

const layerType = "aws:lambda/layerVersion:LayerVersion";

/** What a version keeps of a function; a change of anything else publishes none (Lambda API reference, `PublishVersion`). */
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

/** Without where a file lies: a preview has another copy of it. */
function configurationOf(inputs: Inputs): unknown {
  const picked = Object.fromEntries(kept.map((key) => [key, inputs[key]]));
  const code = picked.code as { readonly hash?: string; readonly sha256?: string } | undefined;
  return JSON.parse(JSON.stringify({ ...picked, code: code?.sha256 ?? code?.hash }));
}

/** The versions of a function, the oldest first. */
export function versionsOf(resources: Resources, functionName: string): StoredResource[] {
  return resources
    .list(versionType)
    .filter(({ inputs }) => inputs.versionOf === functionName)
    .sort((a, b) => Number(a.outputs.version) - Number(b.outputs.version));
}

/** Number of the version that publishing these inputs gives: the newest one's, where nothing has changed since. */
export function versionFor(resources: Resources, functionName: string, inputs: Inputs): string {
  const newest = versionsOf(resources, functionName).at(-1);
  if (newest === undefined) return "1";
  const unchanged = isDeepStrictEqual(configurationOf(newest.inputs), configurationOf(inputs));
  return unchanged ? String(newest.outputs.version) : String(Number(newest.outputs.version) + 1);
}

/**
 * The version that a function as it is now would be published as: it keeps the code, the configuration and the content of
 * the layers, whatever becomes of those. Where nothing has changed since the newest one, it is that one.
 */
export function versionOf(resources: Resources, fn: StoredResource): StoredResource {
  const version = versionFor(resources, fn.id, fn.inputs);
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

/** A version with the code and the configuration of another, which Lambda would not publish again by itself. */
export function anotherVersion(of: StoredResource): StoredResource {
  const version = String(Number(of.outputs.version) + 1);
  const { state: _state, stateReason: _reason, ...outputs } = of.outputs;
  const publishedAt = new Date().toISOString();
  return { ...of, id: `${String(of.inputs.versionOf)}:${version}`, outputs: { ...outputs, version, publishedAt } };
}

/** Publishes a function where its inputs ask for it. */
export function publishWhereAsked(store: ResourceStore, fn: StoredResource): void {
  if (fn.inputs.publish === true) store.put(versionOf(store, fn));
}
