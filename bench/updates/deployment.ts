import { execFile } from "node:child_process";
import { homedir, tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import type { Cloud } from "../../contract/clouds";
import { BoardStack, checkout } from "../board";
import { type Asked, askSteadily } from "./load";
import type { Update } from "./updates";

/** Result of an update while API and frontend received requests. */
export interface Outcome {
  readonly cloud: Cloud;
  readonly name: string;
  /** The expected result. */
  readonly expected: "served" | "refused";
  readonly verdict: "served" | "refused";
  /** Seconds until the verdict. */
  readonly seconds: number;
  readonly asked: number;
  /** The first requests without status 200. */
  readonly failed: number;
  readonly failures: readonly string[];
  /** Slowest response in milliseconds. */
  readonly slowest: number;
  /** The line of the error with the cause; empty if there is none, or if the update served. */
  readonly cause: string;
  /** Of a rollback: its phases with their time in seconds since the process start. Default: none. */
  readonly phases?: string;
  /** The complete output of a refused update. */
  readonly errors: string;
  /** Whether the expected release answers afterwards: a new one, or the previous one. */
  readonly released: boolean;
}

/** Problems of an outcome; empty if it was as expected, and no request failed. */
export function problemsOf({ expected, verdict, failed, failures, released, cause, errors }: Outcome): string[] {
  return [
    ...(expected === verdict ? [] : [`it was ${verdict}, not ${expected}: ${errors}`]),
    ...(failed === 0 ? [] : [`${failed} requests failed: ${failures.join("; ")}`]),
    ...(released ? [] : [expected === "served" ? "the release before serves" : "another release serves"]),
    ...(expected === "refused" && cause === "" ? [`no line names the cause: ${errors}`] : []),
  ];
}

/** The board on one local cloud, with its frontend, from a copy of the application that updates edit. */
export class UpdatedDeployment {
  readonly #board: BoardStack;
  #urls: { readonly status: string; readonly asked: readonly string[] } | undefined;

  /** @param rate requests per second to each address during an update. */
  constructor(
    readonly cloud: Cloud,
    private readonly rate = 20,
  ) {
    this.#board = new BoardStack(cloud);
  }

  /** @throws if the first deployment fails. */
  async start(): Promise<void> {
    await this.#board.start();
    const { errors, addresses } = await this.#board.up();
    if (errors !== "") throw new Error(errors);
    const { apiUrl, frontendUrl = "" } = addresses;
    this.#urls = {
      status: `${apiUrl}/api/`,
      asked: [`${apiUrl}/api/messages/?limit=1`, frontendUrl, `${frontendUrl}/api/`],
    };
  }

  end(): Promise<void> {
    return this.#board.end();
  }

  /** Updates under load. */
  async update(update: Update): Promise<Outcome> {
    await this.#board.prepare(update.edit);
    const settings = update.settings?.[this.cloud] ?? {};
    return this.#whileAsked(update.name, update.cause, async () => {
      const { errors } = await this.#board.up(settings);
      return errors;
    });
  }

  /** `npm run rollback` to the previous release. */
  async rollBack(): Promise<Outcome> {
    const args = ["--require", "./run-typescript.js", "cli/rollback.ts", "-s", "staging", "--local", this.#board.state];
    let phases: string | undefined;
    const outcome = await this.#whileAsked("rollback", undefined, () =>
      promisify(execFile)(process.execPath, args, { cwd: checkout }).then(
        ({ stdout }) => {
          phases = /^in [\d.]+ s: (.+?)\. /m.exec(stdout)?.[1];
          return "";
        },
        (error: unknown) => String((error as { stderr?: string }).stderr ?? error),
      ),
    );
    return { ...outcome, phases };
  }

  /** Planned changes of a preview; empty if there are none. */
  async changes(update: Update): Promise<string> {
    const stack = await this.#board.stack(update.settings?.[this.cloud] ?? {});
    const { changeSummary } = await stack.preview();
    const { same: _, ...others } = changeSummary;
    return Object.keys(others).join(", ");
  }

  async #whileAsked(name: string, named: RegExp | undefined, work: () => Promise<string>): Promise<Outcome> {
    if (this.#urls === undefined) throw new Error("nothing is deployed");
    const { status, asked } = this.#urls;
    const before = await releaseAt(status);
    const load = askSteadily(asked, this.rate);
    const started = performance.now();
    const errors = await work();
    const seconds = (performance.now() - started) / 1000;
    // After-effects of an update appear a moment later.
    await sleep(1_500);
    const answers = await load.stop();
    const after = await releaseAt(status);
    const failed = answers.filter((answer) => answer.status !== 200);
    const expected = named === undefined ? "served" : "refused";
    const verdict = errors === "" ? "served" : "refused";
    const cause = errors.split("\n").find((line) => named?.test(line)) ?? "";
    return {
      ...{ cloud: this.cloud, name, expected, verdict, seconds, errors, cause: anywhere(cause).trim().slice(0, 200) },
      asked: answers.length,
      failed: failed.length,
      failures: [...new Set(failed.map(described))].slice(0, 5),
      slowest: Math.max(...answers.map(({ ms }) => ms)),
      released: (before !== after) === (expected === "served"),
    };
  }
}

/** The release of several consecutive equal responses: old instances may answer for a while. */
async function releaseAt(url: string): Promise<string> {
  let known = "";
  for (let same = 0, tries = 0; same < 5 && tries < 100; tries += 1) {
    const release = (await fetch(url)).headers.get("x-release") ?? "";
    same = release === known ? same + 1 : 0;
    known = release;
    await sleep(50);
  }
  return known;
}

/** A line without local paths. */
function anywhere(line: string): string {
  return [checkout, tmpdir(), homedir()].reduce((text, folder) => text.replaceAll(folder, "…"), line);
}

function described({ url, status, error }: Asked): string {
  return `${new URL(url).pathname}: ${status ?? error ?? "no answer"}`;
}
