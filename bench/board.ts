import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { EngineEvent } from "@pulumi/pulumi/automation";

import type { Cloud } from "../contract/clouds";
import { requireCloud, startCloud, stopCloud } from "../local/cloud-process";
import { findEngine } from "../local/engine";
import { localStack } from "../local/stack";
import { UpdateLog } from "../local/update-log";
import type { WeatherReport } from "../local/weather";

export const checkout = path.join(__dirname, "..");

/** Settings that override the stack's, in YAML, by path. */
export type Settings = Readonly<Record<string, string>>;

/** The application's folder, and the cloud that it goes to. */
export interface Edited {
  readonly folder: string;
  readonly cloud: Cloud;
}

/** The engine's output of an update. */
export interface Told {
  /** Empty if it succeeded. */
  readonly errors: string;
  /** A line for each change. */
  readonly lines: readonly string[];
  readonly events: readonly EngineEvent[];
}

/** Addresses of what is deployed. */
export interface Addresses {
  readonly apiUrl: string;
  /** Absent without a frontend. */
  readonly frontendUrl?: string;
}

/** The board on one local cloud, from a copy of the application that updates edit. */
export class BoardStack {
  readonly state = mkdtempSync(path.join(tmpdir(), "board-"));
  /** Inside the project, which applications require. */
  readonly #application = path.join(checkout, ".local", path.basename(this.state));

  constructor(readonly cloud: Cloud) {}

  /** Starts the local cloud without a deployment. */
  async start(weather: WeatherReport = {}): Promise<void> {
    await startCloud(this.state, { attached: true, weather });
    await this.prepare();
  }

  async end(): Promise<void> {
    await stopCloud(this.state);
    for (const folder of [this.state, this.#application]) rmSync(folder, { recursive: true, force: true });
  }

  /** Resets the copy to the repository's application, with an edit. */
  async prepare(edit?: (edited: Edited) => void | Promise<void>): Promise<void> {
    rmSync(this.#application, { recursive: true, force: true });
    cpSync(path.join(checkout, "application"), this.#application, {
      recursive: true,
      filter: (source) => path.basename(source) !== "__pycache__",
    });
    await edit?.({ folder: this.#application, cloud: this.cloud });
  }

  async up(settings: Settings = {}): Promise<Told & { readonly addresses: Addresses }> {
    const stack = await this.stack(settings);
    let addresses: Addresses = { apiUrl: "" };
    const told = await follow(async (onEvent) => {
      const { outputs } = await stack.up({ onEvent });
      addresses = outputs[this.cloud]?.value as Addresses;
    }, "done");
    return { ...told, addresses };
  }

  async preview(settings: Settings = {}): Promise<Told> {
    const stack = await this.stack(settings);
    return follow((onEvent) => stack.preview({ onEvent }), "planned");
  }

  async destroy(settings: Settings = {}): Promise<Told> {
    const stack = await this.stack(settings);
    return follow((onEvent) => stack.destroy({ onEvent }), "done");
  }

  async stack(settings: Settings = {}) {
    const engine = await findEngine((line) => process.stderr.write(`${line}\n`));
    const cloud = await requireCloud(this.state);
    return localStack({
      ...{ engine, cloud, state: this.state, stack: "staging" },
      settings: {
        clouds: `[${this.cloud}]`,
        application: path.relative(checkout, this.#application),
        smokeCheck: "true",
        ...settings,
      },
    });
  }
}

async function follow(
  operation: (onEvent: UpdateLog["onEvent"]) => Promise<unknown>,
  tense: "planned" | "done",
): Promise<Told> {
  const lines: string[] = [];
  const events: EngineEvent[] = [];
  const log = new UpdateLog((line) => lines.push(line), tense);
  try {
    await operation((event) => {
      events.push(event);
      log.onEvent(event);
    });
    return { errors: "", lines, events };
  } catch (error) {
    return { errors: log.errors.join("\n") || String(error), lines, events };
  }
}
