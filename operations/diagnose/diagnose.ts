import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import type { Cloud } from "../../contract/clouds";
import type { Check, CloudSubject, Commands, StackSubject, Verdict } from "./check";
import { compatibilityCheck, credentialsCheck, functionCheck, shortLayer, tableCheck } from "./checks-function";
import { apiCheck, certificateCheck, frontendCheck } from "./checks-http";
import { logCheck } from "./checks-log";
import { notificationsCheck } from "./checks-notifications";
import { freshnessCheck, publicLayersCheck } from "./checks-packages";
import { siteCheck } from "./checks-site";
import { driftCheck, stateCheck, toolchainCheck } from "./checks-stack";
import type { InspectedCloud, InspectedClouds } from "./inspected-cloud";
import { cloudsOf, type DeployedOutputs, functionsOf } from "./outputs";
import { type CheckResult, type CloudSummary, type Finding, type Report, severities } from "./report";
import type { InspectedStack } from "./stack";
import { CloudDownError, UnansweredError } from "../unanswered-error";

/** The checks of each cloud in causal order: a missing layer before the status 500 that it causes. */
const cloudChecks: readonly Check<CloudSubject>[] = [
  credentialsCheck,
  functionCheck,
  compatibilityCheck,
  tableCheck,
  logCheck,
  apiCheck,
  frontendCheck,
  siteCheck,
  certificateCheck,
  notificationsCheck,
  publicLayersCheck,
  freshnessCheck,
];

/** The checks of the whole stack; less specific than those of a cloud. */
const stackChecks: readonly Check<StackSubject>[] = [stateCheck, driftCheck, toolchainCheck];

/** Every check, in causal order. */
export const checks = [...cloudChecks, ...stackChecks].map(({ id, about }) => ({ id, about }));

const rank = new Map(checks.map(({ id }, index) => [id, index]));

/** Maximum age of errors, in milliseconds, if the stack's last update is older. */
const recent = 15 * 60_000;

/** Milliseconds beyond the time limit of requests, in which a check reports its result. */
const grace = 1_000;

/** An environment to inspect. */
export interface Environment {
  readonly project: string;
  readonly stack: InspectedStack;
  readonly outputs: DeployedOutputs;
  readonly clouds: InspectedClouds;
  readonly commands: Commands;
}

export interface LookOptions {
  /** Ids of checks. Default: all. */
  readonly only?: readonly string[];
  /** Time limit of a check in milliseconds. */
  readonly timeout: number;
  readonly drift: boolean;
}

/** Inspects a whole environment: all checks in parallel, then those that read the effects of others. */
export async function diagnose(environment: Environment, options: LookOptions): Promise<Report> {
  const { project, stack, outputs, commands } = environment;
  const startedAt = new Date();
  const started = performance.now();
  const { timeout, drift } = options;
  const since = await errorsSince(stack, startedAt);
  const whole = { stack, outputs, drift, commands };
  const overStack = chosen(stackChecks, options)
    .filter(({ applies }) => applies?.(whole) ?? true)
    .map((check) => judge(check, whole, timeout));
  const site = () => stack.siteFiles();
  const perCloud = cloudsOf(outputs).map(async (cloud) => {
    const inspected = environment.clouds[cloud];
    const values = outputs[cloud];
    if (inspected === undefined || values === undefined) return [];
    const { layers, application } = outputs;
    const subject = { cloud, outputs: values, layers, application, inspected: asked(inspected), since, commands, site };
    return judgeFunctions(subject, options, startedAt);
  });
  const judged = (await Promise.all([...overStack, ...perCloud])).flat();
  const summaries = await Promise.all(cloudsOf(outputs).map((cloud) => summary(cloud, environment, judged)));
  return {
    project,
    stack: stack.name,
    startedAt: startedAt.toISOString(),
    durationMs: performance.now() - started,
    clouds: summaries.flat(),
    results: judged.map(({ result }) => result).sort(byCause),
  };
}

/** The checks of one cloud, in causal order. */
export async function diagnoseCloud(
  subject: InspectedSubject,
  options: Pick<LookOptions, "only" | "timeout">,
): Promise<CheckResult[]> {
  const judged = await judgeFunctions({ ...subject, inspected: asked(subject.inspected) }, options, new Date());
  return judged.map(({ result }) => result).sort(byCause);
}

/** A cloud, before a function is chosen. */
type InspectedSubject = Omit<CloudSubject, "name" | "fn">;

/** All checks of the cloud and its first function, and the function checks of the others. */
async function judgeFunctions(
  subject: InspectedSubject,
  options: Pick<LookOptions, "only" | "timeout">,
  startedAt: Date,
): Promise<Judged[]> {
  const functions = functionsOf(subject.outputs);
  const judged = functions.map(([name, fn], index) => {
    const table = cloudChecks.filter(({ eachFunction }) => index === 0 || eachFunction);
    return judgeFunction({ ...subject, name, fn }, table, options, startedAt, functions.length > 1);
  });
  return (await Promise.all(judged)).flat();
}

async function judgeFunction(
  subject: CloudSubject,
  table: readonly Check<CloudSubject>[],
  options: Pick<LookOptions, "only" | "timeout">,
  startedAt: Date,
  named: boolean,
): Promise<Judged[]> {
  const applying = chosen(table, options).filter(({ applies }) => applies?.(subject) ?? true);
  const run = (table: readonly Check<CloudSubject>[], about: CloudSubject) =>
    Promise.all(
      table.map((check) => {
        const of = named && check.eachFunction ? subject.name : undefined;
        return judge(check, about, options.timeout, subject.cloud, of);
      }),
    );
  const first = await run(
    applying.filter(({ last }) => !last),
    subject,
  );
  const after = first.some(({ answered }) => answered) ? { ...subject, askedAt: startedAt } : subject;
  const second = applying.filter(({ last }) => last);
  const judged = [...first, ...(await run(second, after))];
  const down = judged.find((each) => each.down);
  return down === undefined ? judged : judged.map((each) => (each.down ? each : notLookedAt(each, down)));
}

/** Replaces findings that only follow from a cloud that does not run. */
function notLookedAt({ result }: Judged, { result: { findings } }: Judged): Judged {
  const summary = `not checked: ${findings[0]?.title ?? "the cloud does not run"}`;
  return { result: { ...result, status: "unknown", summary, findings: [] } };
}

function chosen<Subject>(table: readonly Check<Subject>[], { only }: Pick<LookOptions, "only">): Check<Subject>[] {
  return table.filter(({ id }) => only === undefined || only.includes(id));
}

/** Start of the errors that count: after the last update, or since its start if it failed. */
async function errorsSince(stack: InspectedStack, now: Date): Promise<Date> {
  const earliest = new Date(now.getTime() - recent);
  const last = await stack.lastUpdate().catch(() => undefined);
  const mended = last?.result === "succeeded" ? last.endTime : last?.startTime;
  return mended !== undefined && mended > earliest ? mended : earliest;
}

interface Judged extends Pick<Verdict, "latencyMs" | "answered"> {
  readonly result: CheckResult;
  /** The cloud does not answer at all. */
  readonly down?: true;
}

async function judge<Subject>(
  check: Check<Subject>,
  subject: Subject,
  general: number,
  cloud?: Cloud,
  name?: string,
): Promise<Judged> {
  const timeout = Math.max(general, check.timeoutMs ?? 0);
  const started = performance.now();
  const of = (status: CheckResult["status"], { latencyMs, answered, ...verdict }: Verdict): Judged => ({
    result: { check: check.id, cloud, function: name, status, ...verdict, durationMs: performance.now() - started },
    latencyMs,
    answered,
  });
  const finished = new AbortController();
  try {
    const verdict = await Promise.race([
      check.run(subject, AbortSignal.timeout(timeout)),
      sleep(timeout + grace, undefined, { signal: finished.signal }).then(() => {
        throw new UnansweredError(`took longer than ${timeout / 1000} s`, "try again with a longer --timeout");
      }),
    ]);
    const wrong = verdict.findings.some(({ severity }) => severity !== "info");
    return of(wrong ? "failed" : "passed", verdict);
  } catch (error) {
    const title = error instanceof Error ? error.message : String(error);
    const next = error instanceof UnansweredError ? error.next : undefined;
    if (error instanceof CloudDownError) {
      const finding: Finding = { severity: "error", title, evidence: [], next, everywhere: true };
      return { ...of("unknown", { summary: title, findings: [finding] }), down: true };
    }
    const finding: Finding = { severity: "warning", title, evidence: [], next };
    return of("unknown", { summary: "could not be checked", findings: [finding] });
  } finally {
    finished.abort();
  }
}

/** Caches the answers of a cloud, so that each query is sent once. */
function asked(cloud: InspectedCloud): InspectedCloud {
  const answers = new Map<string, Promise<unknown>>();
  const once = <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    const answer = (answers.get(question) as Promise<T> | undefined) ?? ask();
    answers.set(question, answer);
    return answer;
  };
  return {
    identity: () => once("identity", () => cloud.identity()),
    function: (name) => once(`function ${name}`, () => cloud.function(name)),
    layer: (arn) => once(`layer ${arn}`, () => cloud.layer(arn)),
    hasTable: (table) => once(`table ${table}`, () => cloud.hasTable(table)),
    log: (fn, since) => cloud.log(fn, since),
    gatewayErrors: async (since) => (await cloud.gatewayErrors?.(since)) ?? [],
  };
}

async function summary(
  cloud: Cloud,
  { outputs, clouds }: Environment,
  judged: readonly Judged[],
): Promise<CloudSummary[]> {
  const values = outputs[cloud];
  if (values === undefined) return [];
  const { region, apiUrl, frontendUrl, functionName, version } = values;
  const api = judged.find(({ result }) => result.check === "api" && result.cloud === cloud);
  const fn = await clouds[cloud]?.function(functionName).catch(() => undefined);
  const layers = (fn?.layerArns ?? []).map((arn) => {
    const [name = arn, version = ""] = shortLayer(arn).split(":");
    return { name, version };
  });
  return [{ cloud, region, apiUrl, frontendUrl, functionName, version, latencyMs: api?.latencyMs, layers }];
}

/** Sorts by severity, then in causal order; checks that could not run come last. */
function byCause(a: CheckResult, b: CheckResult): number {
  const order = (result: CheckResult): number[] => [
    ["failed", "unknown", "passed"].indexOf(result.status),
    Math.min(severities.length, ...result.findings.map(({ severity }) => severities.indexOf(severity))),
    rank.get(result.check) ?? 0,
  ];
  const [left, right] = [order(a), order(b)];
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}
