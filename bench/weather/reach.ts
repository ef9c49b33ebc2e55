import { setTimeout as sleep } from "node:timers/promises";

import type { Addresses, BoardStack, Settings, Told } from "../board";

/** Maximum attempts of an update: each can meet several faults in sequence. */
const attempts = 8;

/** An update that was repeated until it succeeded, or given up. */
export interface Reached {
  /** Absent if it was given up. */
  readonly addresses?: Addresses;
  /** Steps of the last update. */
  readonly events: Told["events"];
  /** Failed updates that were repeated unchanged. */
  readonly again: number;
  /** Failed updates that were repeated with the setting from the error. */
  readonly configured: number;
  /** Settings from errors, which are kept. */
  readonly told: Settings;
  /** Problems; empty if there are none. */
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

/** Pattern of a next step in an error. */
const nextStep = /run (the same command|the update) again|pulumi config set --path/;

/** The message board's messages, through its API. */
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

  /** Accepted messages that are not listed. Old and new instances may answer for a moment. */
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
