import { refusedAlias, verifiedAlias } from "../aws-function";
import type { Consumer, LayerRegistry, LayerVersion } from "./registry";

/** A layer version with its consumers. */
export interface UsedVersion extends LayerVersion {
  /** Names of its consumers. */
  readonly usedBy: readonly string[];
}

/** The versions of layers with a name that begins with `prefix`, by layer, the newest first. */
export async function versionsInUse(
  registry: LayerRegistry,
  prefix: string,
  stacks: readonly Consumer[],
): Promise<{ readonly versions: UsedVersion[]; readonly functions: readonly Consumer[] }> {
  const [versions, functions] = await Promise.all([registry.versions(prefix), registry.functions()]);
  const consumers = [...stacks, ...functions];
  const used = versions
    .map((version) => ({
      ...version,
      usedBy: consumers.filter(({ layerArns }) => layerArns.includes(version.arn)).map(({ name }) => name),
    }))
    .sort((a, b) => a.layerName.localeCompare(b.layerName, "en") || b.version - a.version);
  return { versions: used, functions };
}

/**
 * Published versions of a stack's functions that may be deleted: no alias routes requests to them, and they are not among
 * the newest `keep` of each function.
 *
 * @param names cloud names of the stack's functions.
 */
export function prunableFunctions(functions: readonly Consumer[], names: readonly string[], keep: number): Consumer[] {
  return functions.filter(({ published }) => {
    if (published === undefined || !names.includes(published.functionName)) return false;
    const newer = functions.filter(
      (other) =>
        other.published?.functionName === published.functionName && other.published.version > published.version,
    );
    const version = String(published.version);
    const notes = [verifiedAlias(version), refusedAlias(version)];
    return newer.length >= keep && published.aliases.every((alias) => notes.includes(alias));
  });
}

/**
 * Versions that may be deleted: unreferenced ones, except the newest `keep` of each layer.
 *
 * @param versions result of `versionsInUse`.
 */
export function prunable(versions: readonly UsedVersion[], keep: number): UsedVersion[] {
  return versions.filter((version) => {
    const newer = versions.filter((other) => other.layerName === version.layerName && other.version > version.version);
    return version.usedBy.length === 0 && newer.length >= keep;
  });
}
