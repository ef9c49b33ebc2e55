import { connect, type TLSSocket } from "node:tls";
import { once } from "node:events";

import type { Cloud } from "../../contract/clouds";
import { isWithin } from "../probe";
import type { Check, CloudSubject, Verdict } from "./check";
import type { CloudValues } from "./outputs";
import type { Finding } from "./report";
import { type Answer, NoAnswerError, request } from "./request";

/** Requests for the median latency: an odd number, as the first may be a cold start. */
const samples = 5;

/** Characters of a response body that a finding quotes. */
const excerptLength = 300;

/** Days before its expiry by which an automatically renewed certificate should have been renewed. */
const certificateDays = { warning: 21, error: 3 };

export const apiCheck: Check<CloudSubject> = {
  id: "api",
  about: "the probes of each function that answers requests, its release and its latency",
  eachFunction: true,
  applies: ({ fn }) => fn.kind === "http",
  async run(subject, signal) {
    const { cloud, fn, commands } = subject;
    const [first] = fn.probes;
    if (first === undefined) return { summary: "the function has no probes, so not checked", findings: [] };
    return asked(`GET ${addressOf(subject)}${first.path}`, async () => {
      const base = await entrance(subject, signal);
      // Only the first probe is repeated: its median is the latency.
      const answers: Answer[] = [];
      for (const probe of [...fn.probes, ...Array.from({ length: samples - 1 }, () => first)]) {
        const answer = await request(`${base}${probe.path}`, { signal });
        const what = `GET ${probe.path}`;
        if (answer.status !== probe.status) {
          return failed(what, answer, undefined, refused(cloud, answer, commands.redeploy));
        }
        if (probe.json !== undefined && !isWithin(probe.json, json(answer))) {
          return failed(what, answer, `${what} answers without ${JSON.stringify(probe.json)}`);
        }
        if (probe === first) answers.push(answer);
      }
      const latencyMs = median(answers.map(({ milliseconds }) => milliseconds));
      const release = answers[0]?.release;
      const expected = fn.release ?? "";
      const findings: Finding[] =
        release === undefined || release.startsWith(expected)
          ? []
          : [
              {
                severity: "warning",
                title: `release ${release} serves, ${expected} was deployed last`,
                evidence: [`GET ${base}${first.path} answers ${excerpt(answers[0])}`],
                cause:
                  "An earlier release serves after a rollback, or the deployment did not reach the function: npm run releases shows which serves.",
                next: `fix what was rolled back, then ${commands.deploy}; where nothing was, ${commands.redeploy}`,
              },
            ];
      const told = release === undefined ? "" : `, release ${release}`;
      return { summary: `${first.status} in ${Math.round(latencyMs)} ms${told}`, findings, latencyMs };
    });
  },
};

export const frontendCheck: Check<CloudSubject> = {
  id: "frontend",
  about: "the page, and the API under its /api/*",
  applies: ({ outputs }) => outputs.frontendUrl !== undefined,
  async run({ outputs: { frontendUrl, public: isPublic }, fn, commands }, signal) {
    return asked(`GET ${frontendUrl}/`, async () => {
      const page = await request(`${frontendUrl}/`, { signal });
      if (page.status !== 200 || !/<!doctype html>/i.test(page.body)) {
        const verdict = failed("the frontend", page, `the frontend answers ${page.status} without its page`, {
          cause: "The page is not in the bucket behind the frontend, or the frontend may not read it.",
          next: commands.redeploy,
        });
        return { ...verdict, answered: false };
      }
      const probe = fn.probes.find(({ path }) => path.startsWith("/api/"));
      if (probe === undefined) return { summary: "the page answers", findings: [], answered: false };
      const api = await request(`${frontendUrl}${probe.path}`, { signal });
      if (api.status === 403 && !isPublic) return { summary: `the page answers; its /api/ is ${closed}`, findings: [] };
      if (api.status !== probe.status || (probe.json !== undefined && !isWithin(probe.json, json(api)))) {
        return failed("the frontend", api, `the frontend's /api/ answers ${api.status}, not as the API`);
      }
      return { summary: "the page and its /api/ answer", findings: [] };
    });
  },
};

export const certificateCheck: Check<CloudSubject> = {
  id: "certificate",
  about: "how long the certificates are valid, where there is HTTPS",
  applies: ({ outputs }) => secureUrls(outputs).length > 0,
  async run({ outputs }, signal) {
    const ends = await Promise.all(
      secureUrls(outputs).map(async (url) => ({ host: url.host, days: (await validUntil(url, signal)) / 86_400_000 })),
    );
    const findings = ends.flatMap(({ host, days }): Finding[] => {
      const severity = days < certificateDays.error ? "error" : days < certificateDays.warning ? "warning" : undefined;
      if (severity === undefined) return [];
      const when = days < 0 ? `ended ${Math.ceil(-days)} days ago` : `ends in ${Math.floor(days)} days`;
      return [
        {
          severity,
          title: `the certificate of ${host} ${when}`,
          evidence: [],
          cause: "It has not been renewed; one that the cloud manages is renewed only while the domain points there.",
          next: `check that the DNS record of ${host} is the one that the deployment asks for`,
        },
      ];
    });
    const soonest = Math.floor(Math.min(...ends.map(({ days }) => days)));
    return { summary: `valid for ${soonest} days`, findings };
  },
};

function secureUrls({ apiUrl, frontendUrl }: CloudValues): URL[] {
  const urls = [apiUrl, frontendUrl].filter((url) => url !== undefined).map((url) => new URL(url));
  return urls.filter(({ protocol }) => protocol === "https:");
}

/** Milliseconds until a server's certificate expires. */
async function validUntil(url: URL, signal: AbortSignal): Promise<number> {
  const { hostname, port } = url;
  // Invalid certificates are read too: other checks' requests report them.
  const socket: TLSSocket = connect({
    host: hostname,
    port: Number(port || 443),
    servername: hostname,
    rejectUnauthorized: false,
  });
  try {
    await once(socket, "secureConnect", { signal });
    return Date.parse(socket.getPeerCertificate().valid_to) - Date.now();
  } finally {
    socket.destroy();
  }
}

/** The API rejects callers without a token, as configured. */
class ClosedError extends Error {}

const closed = "closed to callers without a token (gcp.function.public is off)";

/** @throws if the outputs have no address of a function that answers requests. */
function addressOf({ fn, outputs: { apiUrl } }: CloudSubject): string {
  const url = fn.url ?? apiUrl;
  if (url === undefined) throw new Error(`the outputs have no address of ${fn.functionName}; deploy it again`);
  return url;
}

/**
 * The address of the API: its own, or the frontend's if it accepts only the frontend (azure.function.frontDoorOnly).
 *
 * @throws {ClosedError}
 */
async function entrance(subject: CloudSubject, signal: AbortSignal): Promise<string> {
  const { frontendUrl, public: isPublic } = subject.outputs;
  const url = addressOf(subject);
  if (frontendUrl === undefined && isPublic) return url;
  const [probe] = subject.fn.probes;
  const isAnswered = async (base: string, status: number | undefined) =>
    (await request(`${base}${probe?.path ?? "/"}`, { signal })).status === status;
  if (!(await isAnswered(url, 403))) return url;
  if (frontendUrl !== undefined && (await isAnswered(frontendUrl, probe?.status))) return frontendUrl;
  if (!isPublic) throw new ClosedError();
  return url;
}

/**
 * A verdict over requests: a request without a response is a finding, not a check that could not run. Responses come from
 * the function unless the verdict says otherwise.
 */
async function asked(what: string, ask: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return { answered: true, ...(await ask()) };
  } catch (error) {
    if (error instanceof ClosedError) return { summary: `${closed}, so not checked`, findings: [] };
    if (!(error instanceof NoAnswerError)) throw error;
    const title = `${what} is not answered`;
    return {
      summary: title,
      findings: [{ severity: "error", title, evidence: [error.message], next: `curl -i ${what.replace(/^GET /, "")}` }],
    };
  }
}

/** Why a cloud does not pass a request to the function. */
const refusals: Readonly<Partial<Record<Cloud, string>>> = {
  azure: "The function lets only the frontend in (azure.function.frontDoorOnly), and the frontend does not reach it.",
  gcp: "The permission that lets anyone call the function (roles/run.invoker for allUsers) is gone.",
};

function refused(cloud: Cloud, { status }: Answer, redeploy: string): Pick<Finding, "cause" | "next"> {
  const cause = status === 403 ? refusals[cloud] : undefined;
  return cause === undefined ? {} : { cause, next: redeploy };
}

function failed(
  what: string,
  answer: Answer | undefined,
  title = `${what} answers ${answer?.status ?? "nothing"}`,
  known: Pick<Finding, "cause" | "next"> = {},
): Verdict {
  const evidence = answer === undefined ? [] : [`${answer.status} ${answer.contentType} ${excerpt(answer)}`];
  const next = "the findings above name the cause where one is known; else read the function's log";
  return { summary: title, findings: [{ severity: "error", title, evidence, next, ...known }] };
}

function excerpt(answer: Answer | undefined): string {
  const text = (answer?.body ?? "").replace(/\s+/g, " ").trim();
  return text.length > excerptLength ? `${text.slice(0, excerptLength)}…` : text;
}

function json(answer: Answer | undefined): unknown {
  try {
    return JSON.parse(answer?.body ?? "");
  } catch {
    return undefined;
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
