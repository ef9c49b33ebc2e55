import type { Cloud } from "../../contract/clouds";
import { cloudNames } from "../updates/report";
import type { Crossed } from "./cross";
import type { Life } from "./seeds";

/** Results of stacks' lives under seeds, as Markdown. */
export function livesMarkdown({ date, machine, lives }: LifeResults): string {
  const survived = lives.filter(({ problems }) => problems.length === 0);
  const rows = (["aws", "azure", "gcp"] as const)
    .map((cloud) => lives.filter((life) => life.cloud === cloud))
    .filter((own) => own.length > 0)
    .map(row);
  return [
    "# Stacks' lives under seeds",
    "",
    `Written by \`npm run bench -- seeds\` on ${date}: ${machine}. Each life is a stack of its own: \`up\`, a change, another change,`,
    "`destroy`, on a local cloud whose faults and delays follow from the seed. A stack has survived where each `up` ends in a state",
    "whose preview is empty, every message that was posted is listed, and `destroy` leaves nothing but what the cloud keeps. The one",
    "manual step is to run an `up` that failed again, with the setting that its error names where it names one.",
    "",
    `${lives.length} lives, ${survived.length} survived.`,
    "",
    "| cloud | lives | survived | updates run again | with a setting | most in one life | seconds a life |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
    ...lives
      .filter(({ problems }) => problems.length > 0)
      .map(({ cloud, seed, changes, problems }) => {
        return `\n**${cloudNames[cloud]}, seed ${seed}** (${changes.join(", ")}): ${problems.join("; ")}`;
      }),
    "",
  ].join("\n");
}

/** Results of the command's runs so far. */
export interface LifeResults {
  /** Of the last one, as ISO 8601, without the time. */
  readonly date: string;
  readonly machine: string;
  readonly lives: readonly Life[];
}

function row(lives: readonly Life[]): string {
  const [first] = lives;
  const cloud: Cloud = first?.cloud ?? "aws";
  const steps = lives.map((life) => life.again + life.configured);
  const sum = (of: (life: Life) => number) => lives.reduce((total, life) => total + of(life), 0);
  const survived = lives.filter(({ problems }) => problems.length === 0).length;
  const again = [sum((life) => life.again), sum((life) => life.configured), Math.max(...steps)];
  const seconds = sum((life) => life.seconds) / lives.length;
  return `| ${[cloudNames[cloud], lives.length, survived, ...again, seconds.toFixed(0)].join(" | ")} |`;
}

/** Results of the changed settings, as Markdown. */
export function crossedMarkdown({ date, machine, seed, crossed }: CrossedResults): string {
  const wrong = crossed.filter(({ problems }) => problems.length > 0);
  return [
    "# Settings crossed on a living stack",
    "",
    `Written by \`npm run bench -- settings\` on ${date}, seed ${seed}: ${machine}. Each setting goes from its default to another value and`,
    "back, by the engine, on a stack with messages in it, on a local cloud whose faults and delays follow from the seed. Settings",
    "that touch different resources share an update. API and site are asked 20 times a second each.",
    "[What another value does](../reference/setting-changes.md) is what is expected.",
    "",
    `${crossed.length} crossings, ${wrong.length} otherwise than expected; ${new Set(crossed.map(({ name }) => name)).size} settings.`,
    "",
    "| setting | cloud | announced | asked | failed | updates run again | |",
    "| --- | --- | --- | ---: | ---: | ---: | --- |",
    ...crossed.map(({ name, cloud, verdict, asked, failed, again, problems }) => {
      const told = problems.join("; ").replaceAll("|", "\\|").replaceAll("\n", " ");
      return `| \`${name}\` | ${[cloudNames[cloud], verdict, asked, failed, again, told].join(" | ")} |`;
    }),
    "",
  ].join("\n");
}

export interface CrossedResults {
  /** As ISO 8601, without the time. */
  readonly date: string;
  readonly machine: string;
  readonly seed: string;
  readonly crossed: readonly Crossed[];
}
