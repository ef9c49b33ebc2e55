import type { Cloud } from "../../contract/clouds";

/** How bad a finding is, the worst first: users are hurt now; they may be soon; worth knowing. */
export const severities = ["error", "warning", "info"] as const;
export type Severity = (typeof severities)[number];

/** Something that is not as it should be, or worth knowing. */
export interface Finding {
  readonly severity: Severity;
  /** What was found, in one line, e.g. `GET / answers 500`. */
  readonly title: string;
  /** What was seen, verbatim, e.g. lines of a log. */
  readonly evidence: readonly string[];
  /** Why it is so, in one sentence, where that is known. */
  readonly cause?: string;
  /** The command to run or the step to take next. */
  readonly next?: string;
  /** It is the same on every cloud, and told once. */
  readonly everywhere?: true;
}

/** What one check came to. */
export interface CheckResult {
  /** Id that `--only` takes, e.g. `api`. */
  readonly check: string;
  /** Absent for what concerns the whole stack. */
  readonly cloud?: Cloud;
  /** Name of the function, where the application has several and the check is of one. */
  readonly function?: string;
  /** `unknown`: it could not be checked, and the one finding says why. */
  readonly status: "passed" | "failed" | "unknown";
  /** What was seen, in one line, e.g. `200 in 12 ms, version 3.0.0`. */
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly durationMs: number;
}

/** What a cloud of the environment is, from the stack's outputs and the function that is there. */
export interface CloudSummary {
  readonly cloud: Cloud;
  readonly region: string;
  /** Absent where no function answers requests. */
  readonly apiUrl?: string;
  readonly frontendUrl?: string;
  readonly functionName: string;
  readonly version: string;
  /** Median time of the API's answers in this look; absent where it does not answer. */
  readonly latencyMs?: number;
  /** The dependency layers that the function has, by name, and the version of each; the bundle's on the other clouds. */
  readonly layers: readonly { readonly name: string; readonly version: string }[];
}

/** The layers of a cloud's function, for people. */
export function layersText({ cloud, layers }: CloudSummary): string {
  const none = cloud === "aws" ? "none attached" : "in its package";
  return layers.map(({ name, version }) => `${name}:${version}`).join(", ") || none;
}

/** How soon a cloud's API answers, for people. */
export function latencyText({ cloud, apiUrl, latencyMs }: CloudSummary, results: readonly CheckResult[]): string {
  if (latencyMs !== undefined) return `${Math.round(latencyMs)} ms`;
  if (apiUrl === undefined) return "no API to ask";
  const api = results.find((result) => result.check === "api" && result.cloud === cloud);
  return api?.status === "failed" ? api.summary : "not measured";
}

/** One look over the whole environment of a stack. */
export interface Report {
  readonly project: string;
  readonly stack: string;
  /** When the look began, as ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly clouds: readonly CloudSummary[];
  /** In the order to read them: the likeliest cause first. */
  readonly results: readonly CheckResult[];
}

/** Every finding with the check that has it; a cloud that cannot be asked is told once, not at each check that would ask. */
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

/** The report in a few words, e.g. `2 errors, 1 warning`. */
export function verdict(report: Report): string {
  const found = findingsOf(report);
  const counts = severities
    .map((severity) => [found.filter(({ finding }) => finding.severity === severity).length, severity] as const)
    .filter(([count]) => count > 0)
    .map(([count, severity]) => `${count} ${severity}${count === 1 || severity === "info" ? "" : "s"}`);
  return counts.length === 0 ? "healthy" : counts.join(", ");
}

/** What `diagnose` exits with: 0 healthy, 1 findings of this severity or worse, 2 something could not be checked. */
export function exitCode({ results }: Report, failOn: Severity = "warning"): 0 | 1 | 2 {
  const counted = severities.slice(0, severities.indexOf(failOn) + 1);
  const found = results.filter(({ status }) => status !== "unknown").flatMap(({ findings }) => findings);
  if (found.some(({ severity }) => counted.includes(severity))) return 1;
  return results.some(({ status }) => status === "unknown") ? 2 : 0;
}

/** What a check is called: its id, and the function where it is of one among several. */
export function titleOf({ check, function: fn }: Pick<CheckResult, "check" | "function">): string {
  return fn === undefined ? check : `${check} ${fn}`;
}
