import { styleText } from "node:util";

import Table from "cli-table3";

import { type CheckResult, type Finding, findingsOf, type Report, type Severity, titleOf } from "./report";

type Style = Parameters<typeof styleText>[0];

/** Label and colour of each status; the label is clear without the colour. */
const statuses: Readonly<Record<CheckResult["status"], { readonly word: string; readonly style: Style }>> = {
  passed: { word: "ok", style: "green" },
  failed: { word: "failed", style: "red" },
  unknown: { word: "unknown", style: "yellow" },
};

const severityStyles: Readonly<Record<Severity, Style>> = { error: "red", warning: "yellow", info: "cyan" };

/**
 * A report for a terminal: a line for each check, then each finding with its evidence and next step.
 *
 * @param colour whether to colour statuses and severities.
 */
export function text(report: Report, { colour }: { colour: boolean }): string {
  const styled = (style: Style, words: string) => (colour ? styleText(style, words, { validateStream: false }) : words);
  const table = new Table({
    head: ["check", "cloud", "status", "found"],
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  for (const result of report.results) {
    const { cloud, status, summary } = result;
    const { word, style } = statuses[status];
    table.push([titleOf(result), cloud ?? "", styled(style, word), summary]);
  }
  const findings = findingsOf(report);
  return [
    `${report.project} ${report.stack}, ${report.startedAt}, checked in ${(report.durationMs / 1000).toFixed(1)} s`,
    table.toString(),
    ...findings.map(({ result, finding }) => described(result, finding, styled)),
    findings.length === 0 ? styled("green", "Healthy.") : "",
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** One finding with evidence, cause and next step. */
export function described(
  result: CheckResult,
  { severity, title, evidence, cause, next }: Finding,
  styled: (style: Style, words: string) => string = (_, words) => words,
): string {
  return [
    "",
    `${styled(severityStyles[severity], severity)}  ${result.cloud ? `${result.cloud} ` : ""}${titleOf(result)}: ${title}`,
    ...(cause === undefined ? [] : [`  why   ${cause}`]),
    ...evidence.map((line) => `  seen  ${line}`),
    ...(next === undefined ? [] : [`  next  ${next}`]),
  ].join("\n");
}
