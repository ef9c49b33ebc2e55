import type { Consumer, LayerRegistry, LayerVersion } from "./registry";

/** A layer version and whoever still names it. */
export interface UsedVersion extends LayerVersion {
  /** Names of its consumers. */
  readonly usedBy: readonly string[];
}

/** The versions of the layers whose name begins with `prefix`, by layer, the newest first. */
export async function versionsInUse(
  registry: LayerRegistry,
  prefix: string,
  stacks: readonly Consumer[],
): Promise<UsedVersion[]> {
  const [versions, functions] = await Promise.all([registry.versions(prefix), registry.functions()]);
  const consumers = [...stacks, ...functions];
  return versions
    .map((version) => ({
      ...version,
      usedBy: consumers.filter(({ layerArns }) => layerArns.includes(version.arn)).map(({ name }) => name),
    }))
    .sort((a, b) => a.layerName.localeCompare(b.layerName, "en") || b.version - a.version);
}

/**
 * What may be deleted: versions that nobody names, but the newest `keep` of each layer, used or not.
 *
 * @param versions as `versionsInUse` gives them.
 */
export function prunable(versions: readonly UsedVersion[], keep: number): UsedVersion[] {
  return versions.filter((version) => {
    const newer = versions.filter((other) => other.layerName === version.layerName && other.version > version.version);
    return version.usedBy.length === 0 && newer.length >= keep;
  });
}
