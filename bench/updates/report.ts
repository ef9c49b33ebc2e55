import type { Cloud } from "../../contract/clouds";
import type { Outcome } from "./deployment";

/** What one run of the updates has measured. */
export interface UpdateResults {
  /** As ISO 8601, without the time. */
  readonly date: string;
  readonly machine: string;
  readonly outcomes: readonly Outcome[];
}

const clouds: Readonly<Record<Cloud, string>> = { aws: "AWS", azure: "Azure", gcp: "Google Cloud" };

/** The results for a reader, a table for each cloud. */
export function updatesMarkdown({ date, machine, outcomes }: UpdateResults): string {
  const measured = [...new Set(outcomes.map(({ cloud }) => cloud))];
  const asked = outcomes.reduce((sum, outcome) => sum + outcome.asked, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  return [
    "# Updates while everything is asked",
    "",
    `Written by \`npm run bench -- updates\` on ${date}: ${machine}. The API's messages, the frontend's page and the API through the`,
    "frontend are each asked 20 times a second, whether or not answers come, from before an update until 1.5 seconds after it.",
    "A request has failed where it was not answered with 200.",
    "",
    `${asked} requests were asked, ${failed} failed.`,
    ...measured.flatMap((cloud) => [
      "",
      `## ${clouds[cloud]}`,
      "",
      "| update | verdict | verdict after, s | asked | failed | slowest, ms | cause that is told |",
      "| --- | --- | ---: | ---: | ---: | ---: | --- |",
      ...outcomes.filter((outcome) => outcome.cloud === cloud).map(row),
    ]),
    "",
  ].join("\n");
}

function row({ name, expected, verdict, seconds, asked, failed, failures, slowest, cause }: Outcome): string {
  const wrong = expected === verdict ? "" : `, not ${expected}`;
  const lost = failed === 0 ? "0" : `${failed} (${failures.join("; ")})`;
  const told = cause.replaceAll("|", "\\|").replaceAll("`", "'");
  return `| ${[name, verdict + wrong, seconds.toFixed(1), asked, lost, slowest, told && `\`${told}\``].join(" | ")} |`;
}
