import { spawn } from "node:child_process";

import { z } from "zod";

import { onDemand } from "../layers/on-demand";
import { awsCanary } from "../operations/releases/aws";
import { type CanaryPort, holdTraffic, watchCanary } from "../operations/releases/canary";
import { gcpCanary } from "../operations/releases/gcp";
import type { KeptRelease } from "../operations/releases/port";
import { endWith } from "./end";

const environment = z.object({
  CLOUD: z.enum(["aws", "gcp"]),
  /** The cloud's name of the function. */
  FUNCTION: z.string(),
  REGION: z.string(),
  PROJECT: z.string().default(""),
  /** Number of the new version, or its release. Absent: traffic is only pinned. */
  VERSION: z.string().optional(),
  RELEASE: z.string().optional(),
  PERCENTAGE: z.coerce.number().default(0),
  MINUTES: z.coerce.number().default(0),
  ERRORS: z.coerce.number().default(1),
  /** Names in JSON. */
  ALARMS: z
    .string()
    .default("[]")
    .transform((text) => JSON.parse(text) as string[]),
  /** The state folder of the local clouds, if they run this. */
  LOCAL_CLOUD: z.string().optional(),
});

type Given = z.output<typeof environment>;

async function portOf({ CLOUD, REGION, PROJECT, LOCAL_CLOUD: state }: Given): Promise<CanaryPort> {
  if (state === undefined) return CLOUD === "aws" ? awsCanary(REGION) : gcpCanary({ project: PROJECT, region: REGION });
  return CLOUD === "aws"
    ? (await onDemand(() => import("../local/aws-releases"))).localAwsCanary(state)
    : (await onDemand(() => import("../local/gcp-releases"))).localGcpCanary(state);
}

/** Delays in seconds: CloudWatch has a minute's metrics within two, Cloud Logging is almost immediate. */
const vendorPace = { aws: { known: 120, between: 20 }, gcp: { known: 30, between: 15 } } as const;
const localPace = { known: 0.5, between: 0.25 };

async function main(signal: AbortSignal): Promise<string> {
  const given = environment.parse(process.env);
  const { CLOUD, FUNCTION, VERSION, RELEASE, PERCENTAGE, MINUTES, ERRORS, ALARMS, LOCAL_CLOUD } = given;
  const isLocal = LOCAL_CLOUD !== undefined;
  const port = await portOf(given);
  const fn = { name: FUNCTION, functionName: FUNCTION, probes: [] };
  if (VERSION === undefined && RELEASE === undefined) return holdTraffic(port, fn);
  return watchCanary({
    ...{ port, fn, signal },
    isNew: ({ name, release }: KeptRelease) => (VERSION === undefined ? release === RELEASE : name === VERSION),
    percentage: PERCENTAGE,
    // On local clouds a minute lasts a second.
    seconds: isLocal ? MINUTES : MINUTES * 60,
    errors: ERRORS,
    alarms: ALARMS,
    pace: isLocal ? localPace : vendorPace[CLOUD],
    // CloudWatch aggregates by the minute: an earlier minute may contain failures of another attempt.
    countedFrom: (now) => (isLocal || CLOUD === "gcp" ? now : new Date(Math.ceil(now.getTime() / 60_000) * 60_000)),
    progress: (line) => {
      console.log(line);
    },
  });
}

/** Set in the process that shifts the traffic. */
const working = "CANARY_WORKER";

/** Shifts the traffic until it is done, or the parent process ends or cancels it. */
function work(): void {
  const interruption = new AbortController();
  process.stdin.resume().on("close", () => {
    interruption.abort();
  });
  // Output to a process that has ended.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  // The open standard input would keep the process alive.
  void endWith(main(interruption.signal)).then(() => process.exit());
}

/**
 * Shifts the traffic in another process with a process group of its own: a cancelled engine kills its commands, so they
 * could not return the requests.
 */
function supervise(): void {
  const worker = spawn(process.execPath, [...process.execArgv, __filename], {
    detached: true,
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...process.env, [working]: "true" },
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => worker.stdin.end());
  worker.on("close", (code) => {
    process.exitCode = code ?? 1;
  });
}

if (working in process.env) work();
else supervise();
