import { setTimeout as sleep } from "node:timers/promises";

import type { Cloud } from "../../contract/clouds";
import { nameCause } from "./causes";
import type { Check, CloudSubject, Verdict } from "./check";
import type { LogEvent } from "./inspected-cloud";
import type { Finding } from "./report";

/** Number of distinct lines of the log to show, the newest. */
const shown = 5;

/** Characters of a line that a finding quotes. */
const lineLength = 400;

/** Marks of an error line, from the application, the runtime or the platform. */
const tellsError =
  /"(level|severity)": ?"(ERROR|CRITICAL)"|\[ERROR\]|Traceback|"status":"(error|timeout)"|Task timed out|Timeout value of|exited with |was sent SIG|Container called exit|terminated on signal|Exception|(^|\W)\w*Error\b/;

/** Clouds where a function writes its log with its own identity within seconds; elsewhere the platform writes it, or later. */
const written: readonly Cloud[] = ["aws"];

/** Maximum delay of a function's log, and interval between two reads, in milliseconds. */
const delay = { longest: 10_000, between: 1_000 };

/** Milliseconds within which one failure writes all its lines. */
const failing = 2_000;

/** Tolerated clock difference between the cloud and this machine, in milliseconds. */
const skew = 1_000;

export const logCheck: Check<CloudSubject> = {
  id: "log",
  about: "errors in each function's log since the last update, and of the gateway before it, with their cause",
  eachFunction: true,
  last: true,
  async run({ cloud, fn, inspected, since, askedAt, commands }, signal) {
    const fresh = askedAt === undefined ? since.getTime() : askedAt.getTime() - skew;
    const isFresh = ({ timestamp }: LogEvent) => timestamp >= fresh;
    // New lines need a query of their own: a busy function's earlier log may exceed one response.
    const earlier = askedAt === undefined ? [] : (await inspected.log(fn, since)).filter((event) => !isFresh(event));
    const look = async () => {
      const [now, gateway] = await Promise.all([
        inspected.log(fn, new Date(fresh)),
        fn.kind === "http" ? (inspected.gatewayErrors?.(since) ?? []) : [],
      ]);
      const own = [...earlier, ...now];
      const explained = nameCause(gateway.filter(isFresh).map(({ message }) => message)) !== undefined;
      return { own, gateway, silent: !explained && !own.some(isFresh) };
    };
    let seen = await look();
    if (askedAt !== undefined && written.includes(cloud)) {
      for (const deadline = Date.now() + delay.longest; seen.silent; seen = await look()) {
        if (Date.now() > deadline || signal.aborted) return silent(fn.logs, commands.redeploy);
        await sleep(delay.between);
      }
    }
    const { own, gateway } = seen;
    const errors = [...own.filter(({ message }) => tellsError.test(message)), ...gateway];
    if (errors.length === 0) return { summary: `${own.length} lines, no error`, findings: [] };

    // Current failures take precedence over earlier ones.
    const current = errors.filter(isFresh);
    const relevant = current.length > 0 ? current : errors;
    // An instance of the previous code may have failed first, for an obsolete reason.
    const last = Math.max(...relevant.map(({ timestamp }) => timestamp));
    const lines = messagesOf(relevant);
    const known =
      nameCause(messagesOf(relevant.filter(({ timestamp }) => timestamp >= last - failing))) ?? nameCause(lines);
    const finding: Finding = {
      severity: current.length > 0 ? "error" : "warning",
      title: known?.title ?? `${errors.length} errors in the log`,
      evidence: counted(lines.filter((line) => nameCause([line])?.title === known?.title)).slice(-shown),
      cause: known?.cause,
      next: known?.next ?? commands.redeploy,
    };
    return {
      summary: `${errors.length} errors in ${fn.logs}, ${current.length} of them now`,
      findings: [finding],
    };
  },
};

function messagesOf(events: readonly LogEvent[]): string[] {
  return events.map(({ message }) => message);
}

/** The error message, which may be in the middle of a JSON line. */
const phrase =
  /No module named ['"][\w.]+['"]|\b\w[\w.]*(?:Error|Exception)\b: (?:[^"\\\n]|\\(?!n))+|Task timed out after [\d.]+ seconds/;

/** Merges equal lines with their count, ordered by the newest of each. */
function counted(lines: readonly string[]): string[] {
  const times = new Map<string, { line: string; count: number }>();
  for (const line of lines) {
    const said = phrase.exec(line)?.[0].trim() ?? line;
    const count = (times.get(said)?.count ?? 0) + 1;
    times.delete(said);
    times.set(said, { line, count });
  }
  return [...times].map(([said, { line, count }]) => {
    return count === 1 ? line.slice(0, lineLength) : `${count} x ${said.slice(0, lineLength)}`;
  });
}

function silent(log: string, redeploy: string): Verdict {
  const finding: Finding = {
    severity: "error",
    title: "the function was called, and its log is empty",
    evidence: [`${log}: nothing in ${delay.longest / 1000} s`],
    cause: "The function may not write its log: the policy of its role is gone, and with it what else it may do.",
    next: redeploy,
  };
  return { summary: finding.title, findings: [finding] };
}
