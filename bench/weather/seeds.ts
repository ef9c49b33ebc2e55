import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import path from "node:path";

import type { Cloud } from "../../contract/clouds";
import { ResourceStore } from "../../local/store";
import { BoardStack, type Settings } from "../board";
import { fine, type Update } from "../updates/updates";
import { Messages, reach } from "./reach";

/** Result of one stack's life under a seed: up, a change, another change, destroy. */
export interface Life {
  readonly cloud: Cloud;
  readonly seed: string;
  /** Names of the changes. */
  readonly changes: readonly string[];
  /** Failed updates that were repeated unchanged. */
  readonly again: number;
  /** Failed updates that were repeated with the setting from the error. */
  readonly configured: number;
  readonly seconds: number;
  /** Problems; empty if the stack survived. */
  readonly problems: readonly string[];
}

/** Folders of the local clouds' state, by the cloud. */
const providers: Readonly<Record<Cloud, string>> = { aws: "aws", azure: "azure-native", gcp: "gcp" };

/**
 * What stays in a cloud after `destroy`, by the cloud's own rules or because another stack may hold it, and what no Pulumi
 * resource made.
 */
const staying = /layerVersion|^azure-native:keyvault:Vault$|operationalinsights|projects\/service/;

/** Changes that a seed chooses from: cheap ones, of code, configuration, packages, site and alarms. */
const changes: readonly Update[] = [
  ...fine.filter(({ name }) =>
    ["code", "strategy", "Python version", "memory", "settings", "SnapStart on"].includes(name),
  ),
  {
    name: "page",
    edit: ({ folder }) => {
      appendFileSync(path.join(folder, "web", "index.html"), "<!-- Another. -->\n");
    },
  },
  {
    name: "alarms",
    settings: Object.fromEntries(
      (["aws", "azure", "gcp"] as const).map((cloud) => [cloud, { notificationEmail: "on-call@example.com" }]),
    ),
  },
];

/** The changes of a seed, which are cumulative. */
export function drawn(cloud: Cloud, seed: string): readonly [Update, Update] {
  const there = changes.filter((change) => change.clouds?.includes(cloud) ?? true);
  const [one, other] = createHash("sha256").update(`changes ${seed}`).digest();
  const first = (one ?? 0) % there.length;
  const second = (first + 1 + ((other ?? 0) % (there.length - 1))) % there.length;
  const [a, b] = [there[first], there[second]];
  if (a === undefined || b === undefined) throw new Error("there are too few changes");
  return [a, b];
}

/** Runs one stack's life on a cloud with faults and delays from the seed. */
export async function live(cloud: Cloud, seed: string, progress: (line: string) => void): Promise<Life> {
  const board = new BoardStack(cloud);
  const [first, second] = drawn(cloud, seed);
  const problems: string[] = [];
  const started = performance.now();
  let told: Settings = {};
  let [again, configured] = [0, 0];
  let messages: Messages | undefined;
  try {
    await board.start({ seed });
    const settings = { ...first.settings?.[cloud] };
    const steps = [
      { name: "up", edits: [], settings: {} },
      { name: first.name, edits: [first.edit], settings },
      { name: second.name, edits: [first.edit, second.edit], settings: { ...settings, ...second.settings?.[cloud] } },
    ];
    for (const step of steps) {
      await board.prepare(async (edited) => {
        for (const edit of step.edits) await edit?.(edited);
      });
      const reached = await reach(board, { ...step.settings, ...told }, (line) => {
        progress(`${cloud} ${seed}, ${step.name}, ${line}`);
      });
      [again, configured] = [again + reached.again, configured + reached.configured];
      told = { ...told, ...reached.told };
      problems.push(...reached.problems.map((problem) => `${step.name}: ${problem}`));
      if (reached.addresses === undefined) break;
      messages ??= new Messages(reached.addresses.apiUrl);
      const lost = await messages.lost();
      if (lost.length > 0) problems.push(`${step.name}: messages are lost: ${lost.join(", ")}`);
      await messages.post(`after ${step.name}`);
    }
    if (problems.length === 0) {
      const { errors } = await board.destroy({ ...steps.at(-1)?.settings, ...told });
      if (errors !== "") problems.push(`destroy: ${errors}`);
      const left = new ResourceStore(path.join(board.state, providers[cloud]))
        .all()
        .filter(({ type }) => !staying.test(type));
      if (left.length > 0) problems.push(`destroy leaves ${left.map(({ type, id }) => `${type} ${id}`).join(", ")}`);
    }
  } catch (error) {
    problems.push(String(error));
  } finally {
    await board.end();
  }
  const seconds = (performance.now() - started) / 1000;
  return { cloud, seed, changes: [first.name, second.name], again, configured, seconds, problems };
}
