import { randomUUID } from "node:crypto";

import { z } from "zod";

import type { Probe } from "../contract/application";
import { nameCause } from "./diagnose/causes";
import { isWithin } from "./probe";

/** Result of an invocation. */
export interface VersionAnswer {
  /** The function's result, or its error. */
  readonly payload: string;
  readonly failed: boolean;
  /** The last lines of its log. */
  readonly log: string;
}

/** Why a version cannot be invoked: its snapshot is pending, or has failed. */
export interface NotInvokable {
  readonly state: "Pending" | "Failed";
  readonly reason: string;
}

/** One published version of a function that does not serve users yet. */
export interface PublishedVersion {
  readonly number: string;
  /** Undefined once it can be invoked; a deleted version counts as failed. */
  notInvokable(): Promise<NotInvokable | undefined>;
  /**
   * The replacement of this version, whose snapshot failed, with the same code and configuration. If the replacement failed
   * too, or there is none, it is deleted and another published: Lambda and its provider publish nothing without a change.
   */
  publishAnew(): Promise<PublishedVersion>;
  invoke(event: string): Promise<VersionAnswer>;
  /** Marks it as verified, so that it is a rollback target. Idempotent. */
  markVerified(): Promise<void>;
}

export interface VersionCheck {
  /** The function's name, for messages. */
  readonly functionName: string;
  readonly version: PublishedVersion;
  /** Requests that it must answer. Absent if it runs on a schedule: it is invoked with a probe event. */
  readonly probes?: readonly Probe[];
  /** Required release in its responses. Default: any. */
  readonly release?: string;
  /** Time limit in seconds: a new role or key may still be propagating. */
  readonly timeoutSeconds: number;
}

/** A fault of a version. */
class VersionError extends Error {
  constructor(
    message: string,
    /** Whether a retry may succeed. */
    readonly transient: boolean,
    /** Whether retries are pointless. */
    readonly isFinal = false,
  ) {
    super(message);
  }
}

/** Errors while a new role, policy or secret is propagating. */
const propagating = /AccessDenied|not authorized to perform|UnrecognizedClient|InvalidClientTokenId|KMSAccessDenied/;

/** Errors while the function is at its concurrency limit. */
const busy = /TooManyRequestsException|Rate Exceeded|reserved concurrency/;

/** Consecutive non-transient failures after which the check fails. */
const maximumConsecutiveFailures = 2;
/** Required rounds of all probes: later ones find faults that a first response does not show. */
const rounds = 3;

/** The result of a verified version. */
export interface CheckedVersion {
  /** Its number: that of the replacement, if the requested one had failed. */
  readonly number: string;
  /** The result as text. */
  readonly said: string;
}

/**
 * Invokes a version until it answers every probe as expected.
 *
 * @throws with the last response and its cause, if it does not.
 */
export async function checkVersion(check: VersionCheck): Promise<CheckedVersion> {
  const { functionName, probes, release, timeoutSeconds } = check;
  const deadline = Date.now() + timeoutSeconds * 1000;
  // A version that fails while it is published fails its own update earlier; only the next update gets here.
  const hasFailed = (await check.version.notInvokable())?.state === "Failed";
  const version = hasFailed ? await check.version.publishAnew() : check.version;
  const name = `version ${version.number} of ${functionName}`;
  let failures = 0;
  for (let delay = 250; ; delay = Math.min(delay * 2, 10_000)) {
    try {
      const found = await version.notInvokable();
      if (found?.state === "Failed") throw notSnapshot(name, found.reason);
      if (found !== undefined) throw new VersionError(`${name} is ${found.state}: ${found.reason}`, true);
      const started = performance.now();
      for (let round = 0; round < rounds; round += 1) {
        if (probes === undefined) await askSchedule(name, version, release);
        for (const probe of probes ?? []) await askHttp(name, version, probe, release);
      }
      await version.markVerified();
      const asked = probes?.map(({ path }) => path).join(", ") ?? "its probe";
      const milliseconds = Math.round(performance.now() - started);
      const said = `${name} answers ${asked}${release === undefined ? "" : ` as release ${release}`}, asked in ${milliseconds} ms`;
      return { number: version.number, said };
    } catch (error) {
      if (!(error instanceof VersionError)) throw error;
      failures = error.transient ? 0 : failures + 1;
      const isOver = error.isFinal || failures >= maximumConsecutiveFailures || Date.now() + delay > deadline;
      if (isOver) throw new Error(`${error.message}\nThe previous version still serves.`);
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

function notSnapshot(name: string, reason: string): VersionError {
  const cause = nameCause([reason]);
  const told = cause === undefined ? [] : [cause.title, cause.cause];
  const next = "Fix the cause, and deploy again: a version with the same code is published again.";
  return new VersionError(
    [`${name} has no snapshot, since it cannot start: ${reason}`, ...told, next].join("\n"),
    false,
    true,
  );
}

/** The response of a version, or the reason for its absence. */
async function answerOf(name: string, version: PublishedVersion, event: object): Promise<VersionAnswer> {
  const answer = await version.invoke(JSON.stringify(event)).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    throw busy.test(message) || propagating.test(message) ? new VersionError(message, true) : error;
  });
  if (answer.failed) throw failure(`${name} fails: ${errorIn(answer.payload)}`, answer);
  return answer;
}

/** Adds the cause, if the log or the response has it. */
function failure(message: string, { payload, log }: VersionAnswer): VersionError {
  const lines = [...log.split("\n"), payload];
  const cause = nameCause(lines);
  const told = cause && [cause.title, cause.cause, ...(cause.next === undefined ? [] : [`Next: ${cause.next}`])];
  const transient = lines.some((line) => propagating.test(line));
  return new VersionError([message, ...(told ?? [])].join("\n"), transient);
}

const lambdaError = z.object({ errorType: z.string().default("error"), errorMessage: z.string() });

function errorIn(payload: string): string {
  try {
    const { errorType, errorMessage } = lambdaError.parse(JSON.parse(payload));
    return `${errorType}: ${errorMessage}`;
  } catch {
    return payload.slice(0, 500);
  }
}

const httpAnswer = z.object({
  statusCode: z.coerce.number(),
  headers: z.record(z.string(), z.unknown()).default({}),
  multiValueHeaders: z.record(z.string(), z.array(z.unknown())).default({}),
  body: z.string().default(""),
  isBase64Encoded: z.boolean().default(false),
});

async function askHttp(
  name: string,
  version: PublishedVersion,
  probe: Probe,
  release: string | undefined,
): Promise<void> {
  const answer = await answerOf(name, version, requestEvent(probe.path));
  const asked = `${name} answers GET ${probe.path}`;
  const parsed = httpAnswer.safeParse(jsonOf(answer.payload));
  if (!parsed.success) throw failure(`${asked} with what is no response: ${answer.payload.slice(0, 200)}`, answer);
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = parsed.data;
  const text = isBase64Encoded ? Buffer.from(body, "base64").toString() : body;
  if (statusCode !== probe.status) {
    throw failure(`${asked} with ${statusCode}, not ${probe.status}: ${text.slice(0, 500)}`, answer);
  }
  const all = [...Object.entries(headers), ...Object.entries(multiValueHeaders).map(([key, [value]]) => [key, value])];
  const found = all.find(([key]) => String(key).toLowerCase() === "x-release")?.[1];
  checkRelease(asked, found, release);
  if (probe.json !== undefined && !isWithin(probe.json, jsonOf(text))) {
    throw failure(`${asked} with ${text.slice(0, 200)}, which does not contain ${JSON.stringify(probe.json)}`, answer);
  }
}

async function askSchedule(name: string, version: PublishedVersion, release: string | undefined): Promise<void> {
  const answer = await answerOf(name, version, { multicloud: "probe" });
  const parsed = z.object({ status: z.literal("ok"), release: z.string() }).safeParse(jsonOf(answer.payload));
  if (!parsed.success) throw failure(`${name} answers its probe with ${answer.payload.slice(0, 200)}`, answer);
  checkRelease(`${name} answers its probe`, parsed.data.release, release);
}

function checkRelease(asked: string, found: unknown, release: string | undefined): void {
  if (release === undefined || found === release) return;
  throw new VersionError(
    `${asked} as release ${typeof found === "string" ? found : "(none)"}, not as ${release}`,
    false,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A GET request of an HTTP API, in payload format 2.0. */
function requestEvent(target: string) {
  const [path = "/", query = ""] = target.split("?");
  const now = new Date();
  const headers = {
    accept: "*/*",
    host: "localhost",
    "user-agent": "multicloud-version-check",
    "x-forwarded-proto": "https",
  };
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    headers,
    ...(query !== "" && { queryStringParameters: Object.fromEntries(new URLSearchParams(query)) }),
    requestContext: {
      accountId: "anonymous",
      apiId: "version-check",
      domainName: headers.host,
      domainPrefix: headers.host,
      http: { method: "GET", path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: headers["user-agent"] },
      requestId: randomUUID(),
      routeKey: "$default",
      stage: "$default",
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    isBase64Encoded: false,
  };
}
