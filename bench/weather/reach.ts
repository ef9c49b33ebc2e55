import { setTimeout as sleep } from "node:timers/promises";

import type { Addresses, BoardStack, Settings, Told } from "../board";

/** How often an update is run before it is given up: each one can meet several faults, one after the other. */
const attempts = 8;

/** An update that was run until it succeeded, or given up. */
export interface Reached {
  /** Absent where it was given up. */
  readonly addresses?: Addresses;
  /** What the last update did. */
  readonly events: Told["events"];
  /** Updates that failed and were run again as they were. */
  readonly again: number;
  /** Updates that failed and were run again with the setting that the error named. */
  readonly configured: number;
  /** What errors told to set; it stays. */
  readonly told: Settings;
  /** What was not as it was asked for; empty where all is well. */
  readonly problems: readonly string[];
}

/**
 * Updates a stack under bad weather: what fails is run again, with the setting that its error names where it names one, and
 * nothing else. Afterwards nothing more is to be done.
 *
 * @param settings those that earlier errors told to set included.
 */
export async function reach(board: BoardStack, settings: Settings, progress: (line: string) => void): Promise<Reached> {
  const problems: string[] = [];
  let told: Settings = {};
  let [again, configured] = [0, 0];
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const { errors, addresses, events } = await board.up({ ...settings, ...told });
    if (errors === "") {
      const { lines, errors: refused } = await board.preview({ ...settings, ...told });
      const planned = lines.filter((line) => /^[+~±-] /.test(line));
      if (refused !== "") problems.push(`the preview afterwards fails: ${refused}`);
      if (planned.length > 0) problems.push(`the preview afterwards is not empty: ${planned.join("; ")}`);
      return { addresses, events, again, configured, told, problems };
    }
    progress(`attempt ${attempt}: ${errors.replaceAll("\n", " | ").slice(0, 600)}`);
    if (!nextStep.test(errors)) problems.push(`no next step is named: ${errors}`);
    const named = [...errors.matchAll(/pulumi config set --path (\S+) ([^\s,]+)/g)];
    told = { ...told, ...Object.fromEntries(named.map(([, name = "", value = ""]) => [name, `"${value}"`])) };
    if (named.length > 0) configured += 1;
    else again += 1;
  }
  return { events: [], again, configured, told, problems: [...problems, `still fails after ${attempts} attempts`] };
}

/** What an error says that a person should do. */
const nextStep = /run (the same command|the update) again|pulumi config set --path/;

/** A message board's messages, as its API lists and takes them. */
export class Messages {
  readonly #posted: string[] = [];

  constructor(private readonly board: string) {}

  async post(content: string): Promise<void> {
    const answer = await fetch(this.#url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ content, author: "Ada" }),
    });
    if (answer.status !== 201) throw new Error(`a message is answered with ${answer.status} ${await answer.text()}`);
    this.#posted.push(content);
  }

  /** Messages that were taken and are not listed. Old and new instances may answer for a moment. */
  async lost(): Promise<string[]> {
    for (let tries = 1; ; tries += 1) {
      const answer = await fetch(`${this.#url}?limit=50`);
      if (answer.ok) {
        const listed = ((await answer.json()) as { content: string }[]).map(({ content }) => content);
        return this.#posted.filter((content) => !listed.includes(content));
      }
      if (tries === 20) throw new Error(`${this.#url} answers ${answer.status} ${await answer.text()}`);
      await sleep(100);
    }
  }

  get #url(): string {
    return `${this.board}/api/messages/`;
  }
}
