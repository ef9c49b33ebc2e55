import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { type Command, InvalidArgumentError, Option } from "commander";

import { onDemand } from "../layers/on-demand";
import { checks, diagnose, type Environment } from "../operations/diagnose/diagnose";
import { markdown } from "../operations/diagnose/markdown";
import { exitCode, type Report, severities, type Severity } from "../operations/diagnose/report";
import { text } from "../operations/diagnose/text";
import type { ReleaseSource } from "../operations/releases/releases";
import { UnansweredError } from "../operations/unanswered-error";

interface Flags {
  readonly json?: boolean;
  readonly markdown?: boolean;
  /** File for the HTML page, in addition to the output. */
  readonly html?: string;
  readonly watch?: number | true;
  readonly only?: readonly string[];
  readonly failOn: Severity;
  /** Seconds. */
  readonly timeout: number;
  readonly drift?: boolean;
}

/** Interval of `--watch` in seconds. */
const watchInterval = 60;

/**
 * Configures a command as `diagnose`: its options, output and exit code.
 *
 * @param open finds the environment; called at each run.
 * @param releases finds the stack's releases, for the page.
 * @param isLive whether the stack is on the real clouds.
 */
export function asDiagnose(
  command: Command,
  open: () => Promise<Environment>,
  releases: () => Promise<ReleaseSource>,
  { isLive }: { readonly isLive: boolean },
): Command {
  const ids = checks.map(({ id }) => id);
  return command
    .description("check the whole environment of a stack: each fault, its cause and the next step")
    .addOption(new Option("--json", "print the report as JSON").conflicts("markdown"))
    .option("--markdown", "print it as a Markdown document")
    .option("--html <file>", "also write it as one HTML page: the console without what is live")
    .option("--watch [seconds]", `repeat the checks every ${watchInterval} seconds`, seconds)
    .option("--only <checks>", `comma-separated, of ${ids.join(", ")}`, (list: string) => listOf(list, ids))
    .addOption(
      new Option("--fail-on <severity>", "least severity that exits with 1").choices(severities).default("warning"),
    )
    .option("--timeout <seconds>", "time limit of each check", seconds, 30)
    .option("--drift", "also compare every resource with what was deployed")
    .addHelpText("after", `\n${aboutChecks()}\nExits with 0 healthy, 1 findings, 2 something could not be checked.`)
    .action(async () => {
      const flags = command.opts<Flags>();
      for (;;) {
        try {
          const environment = await open();
          const report = await look(environment, flags);
          print(report, flags);
          if (flags.html !== undefined) {
            const { consoleDocument, inspectedModel } = await onDemand(() => import("../operations/console/document"));
            const model = await inspectedModel(report, environment.stack, releases, { isLive });
            await writeFile(flags.html, consoleDocument(model, report));
          }
          process.exitCode = exitCode(report, flags.failOn);
        } catch (error) {
          tell(error);
          process.exitCode = 2;
        }
        if (flags.watch === undefined) return;
        await sleep((flags.watch === true ? watchInterval : flags.watch) * 1000);
      }
    });
}

function look(environment: Environment, { only, timeout, drift = false }: Flags): Promise<Report> {
  return diagnose(environment, { only, timeout: timeout * 1000, drift });
}

function print(report: Report, { json, markdown: asMarkdown, watch }: Flags): void {
  const { stdout } = process;
  // On a terminal, each report replaces the last one.
  if (watch !== undefined && stdout.isTTY) stdout.write("\x1b[2J\x1b[H");
  if (json) stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else if (asMarkdown) stdout.write(markdown(report));
  else stdout.write(`${text(report, { colour: stdout.isTTY })}\n`);
}

/** No check could run. */
function tell(error: unknown): void {
  const next = error instanceof UnansweredError ? `next: ${error.next}\n` : "";
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n${next}`);
}

function aboutChecks(): string {
  return ["Checks:", ...checks.map(({ id, about }) => `  ${id.padEnd(14)} ${about}`), ""].join("\n");
}

function seconds(given: string): number {
  const value = Number(given);
  if (!(value > 0)) throw new InvalidArgumentError("expected a number of seconds");
  return value;
}

function listOf(given: string, known: readonly string[]): string[] {
  const found = given.split(",").map((id) => id.trim());
  const unknown = found.filter((id) => !known.includes(id));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`there is no check ${unknown.join(", ")}; expected some of ${known.join(", ")}`);
  }
  return found;
}
