import { type Cloud, clouds } from "../../contract/clouds";
import { settings } from "../../settings/schema";
import { concerns, type Crossing } from "./crossings";
import { interrupting, type Step, type Verdict, verdictOf } from "./verdict";

/** Effect of another value of a setting on a deployed stack. */
export interface SettingChange {
  readonly name: string;
  readonly crossing: Crossing;
  /** On every cloud. */
  readonly steps: readonly Step[];
  /** Why nothing changes, if so. */
  readonly refusal?: string;
}

const packages: Readonly<Record<Cloud, string>> = { aws: "aws:", azure: "azure-native:", gcp: "gcp:" };

export const stepsOn = (cloud: Cloud, steps: readonly Step[]): Step[] =>
  steps.filter(({ type }) => type.startsWith(packages[cloud]));

/** The verdict in the table; undefined if the setting does not concern the cloud. */
export function verdictOn(cloud: Cloud, { crossing, steps, refusal }: SettingChange): Verdict | undefined {
  if (!concerns(crossing, cloud)) return undefined;
  if (refusal !== undefined) return "refused";
  return verdictOf(cloud, stepsOn(cloud, steps));
}

/** The reference: effect of each setting on a deployed stack, per cloud. */
export function settingChanges(changes: readonly SettingChange[]): string {
  const rows = changes.map((change) => {
    const { to } = change.crossing;
    const values = Object.entries(to)
      .filter(([name]) => name === change.name || Object.keys(to).length === 1)
      .map(([, value]) => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``);
    return `| \`${change.name}\` | ${values.join(", ")} | ${clouds.map((cloud) => cell(cloud, change)).join(" | ")} |`;
  });
  const told = changes.flatMap(({ name, crossing, refusal }) => {
    const reason = refusal === undefined ? [] : [`Refused: ${refusal.replaceAll("\n", " ")}`];
    const texts = [...reason, ...(crossing.note === undefined ? [] : [crossing.note])];
    return texts.length === 0 ? [] : [`- \`${name}\`: ${texts.join(" ")}`];
  });
  const verdicts = changes.flatMap((change) => clouds.flatMap((cloud) => verdictOn(cloud, change) ?? []));
  const counts = [...new Set(verdicts)].map((verdict) => {
    return `${verdicts.filter((other) => other === verdict).length} ${verdict}`;
  });
  return [
    "# What another value does",
    "",
    "Written by `npm run diagrams` from the program, its settings and what the providers replace",
    "([local/aws/behaviour.ts](../../local/aws/behaviour.ts) and its likes). `npm run bench -- settings` crosses each setting by",
    "the engine, there and back, on a living stack with messages in it, and says where this table is wrong.",
    "",
    "- **in place**: resources are created, updated or deleted; users notice only the setting's own effect.",
    "- **replaced**: a resource is recreated, the new one before the old one is deleted, or outside the path of requests.",
    "- **outage**: a resource in the path of requests is deleted before its replacement exists, or permanently; the preview lists it as",
    "  `- delete the replaced` or `- delete`.",
    "- **refused**: nothing is changed, and the error gives the reason and the next step.",
    "",
    `${settings.length} settings, crossed ${verdicts.length} times: ${counts.join(", ")}.`,
    "",
    "| setting | tried with | AWS | Azure | Google Cloud |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
    ...told,
    "",
  ].join("\n");
}

function cell(cloud: Cloud, change: SettingChange): string {
  const verdict = verdictOn(cloud, change);
  if (verdict === undefined) return "";
  const own = stepsOn(cloud, change.steps);
  const meant =
    verdict === "outage"
      ? interrupting(cloud, own)
      : own.filter(({ does }) => does === (verdict === "replaced" ? "replace" : "never") || does === "renew");
  const kinds = [...new Set(meant.map(({ type }) => type.split(":").at(-1) ?? type))];
  return kinds.length === 0 ? verdict : `${verdict}: ${kinds.slice(0, 4).join(", ")}${kinds.length > 4 ? ", …" : ""}`;
}

/** The verdicts in the page's table, by setting and cloud. */
export function stated(markdown: string): Map<string, Partial<Record<Cloud, string>>> {
  const rows = markdown.matchAll(/^\| `([^`]+)`\s*\|[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, name = "", ...cells]) => {
      const words = cells.map((text) => text.trim().split(":")[0] ?? "");
      const stated = clouds.flatMap((cloud, index) => (words[index] === "" ? [] : [[cloud, words[index]] as const]));
      return [name, Object.fromEntries(stated)];
    }),
  );
}
