import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { z } from "zod";

import { planFunctions } from "../components/function-plan";
import { readApplication } from "../contract/application";
import type { Cloud } from "../contract/clouds";
import { startCloud, stopCloud } from "../local/cloud-process";
import { defaultStack } from "../local/command-line";
import { checkedSettings } from "../local/configuration";
import { findEngine } from "../local/engine";
import { localStack } from "../local/stack";
import { UpdateLog } from "../local/update-log";
import { timed, type Timing, timing } from "./timing";

/** The program on some local clouds. */
export interface Deployment {
  readonly clouds: readonly string[];
  readonly resources: number;
  /** Seconds of the first update. */
  readonly up: number;
  /** Of a preview without changes. */
  readonly preview: Timing;
  /** By cloud: times of the application's probes. */
  readonly requests: Readonly<Record<string, readonly RequestTiming[]>>;
}

/** Seconds of a probe's request. */
export interface RequestTiming {
  /** Name of the function. */
  readonly name: string;
  readonly path: string;
  /** Of the first request to the function; absent if the function was warm. */
  readonly cold?: number;
  readonly warm: number;
}

/** Number of requests for the median warm time. */
const warmRequests = 200;

/**
 * Times the engine and the functions on this machine, over the program with some settings.
 *
 * @param settings of the stack, by their path, e.g. `application`.
 * @throws before anything starts, if the settings or the application are invalid.
 */
export async function deployments(
  rounds: number,
  settings: Readonly<Record<string, string>>,
  progress: (line: string) => void,
): Promise<Deployment[]> {
  const checked = checkedSettings({ stack: defaultStack, settings });
  planFunctions(readApplication(path.join(__dirname, ".."), checked.application), checked.functions, {});
  const results: Deployment[] = [];
  for (const [index] of checked.clouds.entries()) {
    const clouds = checked.clouds.slice(0, index + 1);
    progress(`up and preview of ${clouds.join(", ")}`);
    const state = mkdtempSync(path.join(tmpdir(), "bench-"));
    try {
      results.push(await deployment(clouds, settings, state, rounds, progress));
    } finally {
      await stopCloud(state);
      rmSync(state, { recursive: true });
    }
  }
  return results;
}

async function deployment(
  clouds: readonly Cloud[],
  given: Readonly<Record<string, string>>,
  state: string,
  rounds: number,
  progress: (line: string) => void,
): Promise<Deployment> {
  const engine = await findEngine(progress);
  const settings = { ...given, clouds: `[${clouds.join(", ")}]` };
  const cloud = await startCloud(state, { attached: true });
  const stack = await localStack({ engine, cloud, state, stack: defaultStack, settings });
  const log = new UpdateLog(() => undefined, "done");
  const up = await timed(() => stack.up({ onEvent: log.onEvent })).catch((error: unknown) => {
    throw log.errors.length > 0 ? new Error(log.errors.join("\n")) : error;
  });
  const previews: number[] = [];
  for (let round = 0; round < rounds; round += 1) previews.push((await timed(() => stack.preview())).seconds);

  // A restarted cloud has no warm function.
  await stopCloud(state);
  await startCloud(state, { attached: true });
  const requests: Record<string, readonly RequestTiming[]> = {};
  for (const name of clouds) requests[name] = await requestTimings(up.result.outputs[name]?.value);
  const resources = Object.values(up.result.summary.resourceChanges ?? {}).reduce((sum, count) => sum + count, 0);
  return { clouds, resources, up: up.seconds, preview: timing(previews), requests };
}

const cloudOutputs = z.object({
  functions: z
    .record(
      z.string(),
      z.object({
        url: z.string().optional(),
        probes: z.array(z.object({ path: z.string(), status: z.number() })).default([]),
      }),
    )
    .default({}),
});

/** Times the probes of each function that answers requests. @throws if a response is not the expected one. */
async function requestTimings(outputs: unknown): Promise<RequestTiming[]> {
  const timings: RequestTiming[] = [];
  for (const [name, { url = "", probes }] of Object.entries(cloudOutputs.parse(outputs).functions)) {
    for (const [index, { path: asked, status }] of probes.entries()) {
      const get = async () => {
        const { seconds, result } = await timed(async () => {
          const answer = await fetch(url + asked);
          await answer.arrayBuffer();
          return answer.status;
        });
        if (result !== status) throw new Error(`${name} answers its probe ${asked} with ${result}, not with ${status}`);
        return seconds;
      };
      const first = await get();
      const warm: number[] = [];
      for (let request = 0; request < warmRequests; request += 1) warm.push(await get());
      timings.push({ name, path: asked, ...(index === 0 && { cold: first }), warm: timing(warm).median });
    }
  }
  return timings;
}
