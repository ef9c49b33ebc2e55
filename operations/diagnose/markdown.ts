import { code, codeBlock, table } from "../markdown";
import { type CheckResult, findingsOf, latencyText, layersText, type Report, titleOf, verdict } from "./report";

const statuses: Readonly<Record<CheckResult["status"], string>> = {
  passed: "ok",
  failed: "**failed**",
  unknown: "_unknown_",
};

/** A report as a Markdown document. Text from clouds and logs is escaped. */
export function markdown(report: Report): string {
  const findings = findingsOf(report).map(({ result: { cloud, ...result }, finding }) =>
    [
      `### ${finding.severity}: ${code(finding.title)}${cloud === undefined ? "" : ` on ${cloud}`} (${titleOf(result)})`,
      ...(finding.cause === undefined ? [] : [finding.cause]),
      ...(finding.evidence.length === 0 ? [] : [codeBlock("text", finding.evidence)]),
      ...(finding.next === undefined ? [] : [`Next: ${code(finding.next)}`]),
    ].join("\n\n"),
  );
  return `${[
    `# ${report.project}, ${report.stack}: ${verdict(report)}`,
    `Looked at ${report.startedAt}, in ${(report.durationMs / 1000).toFixed(1)} s.`,
    table(
      ["cloud", "region", "API", "frontend", "function", "layers", "version", "latency"],
      report.clouds.map((cloud) => [
        cloud.cloud,
        cloud.region,
        cloud.apiUrl ?? "none",
        cloud.frontendUrl ?? "off",
        code(cloud.functionName),
        code(layersText(cloud)),
        cloud.version,
        latencyText(cloud, report.results),
      ]),
    ),
    ...(findings.length === 0 ? [] : ["## Findings", ...findings]),
    "## Checks",
    table(
      ["check", "cloud", "status", "found"],
      report.results.map(({ cloud, status, summary, ...result }) => [
        titleOf(result),
        cloud ?? "",
        statuses[status],
        code(summary),
      ]),
    ),
  ].join("\n\n")}\n`;
}
