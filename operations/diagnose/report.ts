import type { Cloud } from "../../contract/clouds";

/** Severity of a finding, the worst first: users are affected; users may be affected soon; information. */
export const severities = ["error", "warning", "info"] as const;
export type Severity = (typeof severities)[number];

/** A fault, or information. */
export interface Finding {
  readonly severity: Severity;
  /** The fault in one line, e.g. `GET / answers 500`. */
  readonly title: string;
  /** Verbatim evidence, e.g. lines of a log. */
  readonly evidence: readonly string[];
  /** The cause in one sentence, if known. */
  readonly cause?: string;
  /** The command to run or the step to take next. */
  readonly next?: string;
  /** The same on every cloud, so reported once. */
  readonly everywhere?: true;
}

/** Result of one check. */
export interface CheckResult {
  /** Id for `--only`, e.g. `api`. */
  readonly check: string;
  /** Absent for checks of the whole stack. */
  readonly cloud?: Cloud;
  /** Name of the function, if the application has several and the check is of one. */
  readonly function?: string;
  /** `unknown`: it could not be checked, and the only finding gives the reason. */
  readonly status: "passed" | "failed" | "unknown";
  /** Observation in one line, e.g. `200 in 12 ms, version 3.0.0`. */
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly durationMs: number;
}

/** Facts about one cloud of the environment, from the stack's outputs and the deployed function. */
export interface CloudSummary {
  readonly cloud: Cloud;
  readonly region: string;
  /** Absent if no function answers requests. */
  readonly apiUrl?: string;
  readonly frontendUrl?: string;
  readonly functionName: string;
  readonly version: string;
  /** Median response time of the API in this run; absent without a response. */
  readonly latencyMs?: number;
  /** Version of each of the function's dependency layers, by name; on the other clouds, of the bundle. */
  readonly layers: readonly { readonly name: string; readonly version: string }[];
}

/** The layers of a cloud's function, as text. */
export function layersText({ cloud, layers }: CloudSummary): string {
  const none = cloud === "aws" ? "none attached" : "in its package";
  return layers.map(({ name, version }) => `${name}:${version}`).join(", ") || none;
}

/** Latency of a cloud's API, as text. */
export function latencyText({ cloud, apiUrl, latencyMs }: CloudSummary, results: readonly CheckResult[]): string {
  if (latencyMs !== undefined) return `${Math.round(latencyMs)} ms`;
  if (apiUrl === undefined) return "no API to ask";
  const api = results.find((result) => result.check === "api" && result.cloud === cloud);
  return api?.status === "failed" ? api.summary : "not measured";
}

/** Result of one inspection of a stack's environment. */
export interface Report {
  readonly project: string;
  readonly stack: string;
  /** Start of the inspection, as ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly clouds: readonly CloudSummary[];
  /** The most likely cause first. */
  readonly results: readonly CheckResult[];
}

/** Every finding with its check; a cloud that does not answer is reported once, not for each check. */
export function findingsOf({ results }: Report): { readonly result: CheckResult; readonly finding: Finding }[] {
  const told = new Set<string>();
  return results.flatMap((result) =>
    result.findings
      .filter(({ title, everywhere }) => {
        const line = `${everywhere ? "" : (result.cloud ?? "")} ${title}`;
        return !told.has(line) && told.add(line);
      })
      .map((finding) => ({ result, finding })),
  );
}

/** Summary of the report, e.g. `2 errors, 1 warning`. */
export function verdict(report: Report): string {
  const found = findingsOf(report);
  const counts = severities
    .map((severity) => [found.filter(({ finding }) => finding.severity === severity).length, severity] as const)
    .filter(([count]) => count > 0)
    .map(([count, severity]) => `${count} ${severity}${count === 1 || severity === "info" ? "" : "s"}`);
  return counts.length === 0 ? "healthy" : counts.join(", ");
}

/** Exit code of `diagnose`: 0 healthy, 1 findings of this severity or worse, 2 a check could not run. */
export function exitCode({ results }: Report, failOn: Severity = "warning"): 0 | 1 | 2 {
  const counted = severities.slice(0, severities.indexOf(failOn) + 1);
  const found = results.filter(({ status }) => status !== "unknown").flatMap(({ findings }) => findings);
  if (found.some(({ severity }) => counted.includes(severity))) return 1;
  return results.some(({ status }) => status === "unknown") ? 2 : 0;
}

/** Label of a check: its id, with the function if there are several. */
export function titleOf({ check, function: fn }: Pick<CheckResult, "check" | "function">): string {
  return fn === undefined ? check : `${check} ${fn}`;
}
