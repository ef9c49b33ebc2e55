import type { Cloud } from "../../contract/clouds";
import type { Outcome } from "./deployment";
import { faulty, fine } from "./updates";

/** Results of one run of the updates on a cloud. */
export interface CloudResults {
  readonly cloud: Cloud;
  /** As ISO 8601, without the time. */
  readonly date: string;
  readonly machine: string;
  /** Load average of the minute before the run, and of its last minute; absent if not recorded. */
  readonly load?: readonly [before: number, after: number];
  /** Notes on the run. Default: none. */
  readonly note?: string;
  readonly outcomes: readonly Omit<Outcome, "errors">[];
}

export const cloudNames: Readonly<Record<Cloud, string>> = { aws: "AWS", azure: "Azure", gcp: "Google Cloud" };

/** The results as Markdown, with a table for each cloud. */
export function updatesMarkdown(results: readonly CloudResults[]): string {
  const outcomes = results.flatMap((each) => each.outcomes);
  const asked = outcomes.reduce((sum, outcome) => sum + outcome.asked, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  return [
    "# Updates while everything is asked",
    "",
    "Written by `npm run bench -- updates`. The API's messages, the frontend's page and the API through the frontend are each asked",
    "20 times a second, whether or not answers come, from before an update until 1.5 seconds after it. A request has failed where it",
    "was not answered with 200. Of a rollback it is told after how many seconds of its process each part was done. Seconds are of this",
    "machine, which did other work too, and no measure of a live cloud.",
    "",
    `${asked} requests were asked, ${failed} failed.`,
    ...results.flatMap(({ cloud, date, machine, load, note, outcomes: own }) => [
      "",
      `## ${cloudNames[cloud]}`,
      "",
      [`On ${date}, ${machine}${loaded(load)}.`, ...(note === undefined ? [] : [note])].join(" "),
      "",
      "| update | verdict | verdict after, s | asked | failed | slowest, ms | what is told |",
      "| --- | --- | ---: | ---: | ---: | ---: | --- |",
      ...own.map(row),
      ...[...fine, ...faulty].flatMap(({ name, clouds: only, elsewhere }) =>
        only === undefined || only.includes(cloud)
          ? []
          : [`| ${name} | none: ${elsewhere ?? "no such setting"} |  |  |  |  |  |`],
      ),
    ]),
    "",
  ].join("\n");
}

function loaded(load: CloudResults["load"]): string {
  return load === undefined ? "" : `; load average ${load[0].toFixed(1)} before and ${load[1].toFixed(1)} at the end`;
}

function row({
  name,
  expected,
  verdict,
  seconds,
  asked,
  failed,
  failures,
  slowest,
  cause,
  phases,
}: Omit<Outcome, "errors">): string {
  const wrong = expected === verdict ? "" : `, not ${expected}`;
  const lost = failed === 0 ? "0" : `${failed} (${failures.join("; ")})`;
  const told = cause.replaceAll("|", "\\|").replaceAll("`", "'");
  const last = phases ?? (told && `\`${told}\``);
  return `| ${[name, verdict + wrong, seconds.toFixed(1), asked, lost, slowest, last].join(" | ")} |`;
}
