import { bytes, table } from "../../layers/report";
import type { UsedVersion } from "./retention";

/** A table of layer versions, with their age at `now`. */
export async function versionTable(versions: readonly UsedVersion[], now: Date): Promise<string> {
  if (versions.length === 0) return "No versions of layers. A deployment with aws in clouds publishes the first.";
  return table(
    ["layer", "version", "age", "size", "sha256", "used by"],
    versions.map(({ layerName, version, createdAt, size, sha256, usedBy }) => {
      return [layerName, String(version), age(createdAt, now), bytes(size), sha256.slice(0, 12), usedBy.join("\n")];
    }),
  );
}

/** In the largest unit with a value of at least one, e.g. `3 days`. */
function age(since: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1000));
  const [unit, length] = ageUnits.find(([, size]) => seconds >= size) ?? (["second", 1] as const);
  const count = Math.floor(seconds / length);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

const ageUnits = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;
