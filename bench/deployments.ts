import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { startCloud, stopCloud } from "../local/cloud-process";
import { findEngine } from "../local/engine";
import { localStack } from "../local/stack";
import { timed, type Timing, timing } from "./timing";

/** The program on some local clouds. */
export interface Deployment {
  readonly clouds: readonly string[];
  readonly resources: number;
  /** Seconds of the first update. */
  readonly up: number;
  /** Of a preview without changes. */
  readonly preview: Timing;
  /** Seconds of requests for the messages, by cloud. */
  readonly requests: Readonly<Record<string, { readonly cold: number; readonly warm: number }>>;
}

/** Times the engine and the local API, over the program as it is. */
export async function deployments(rounds: number, progress: (line: string) => void): Promise<Deployment[]> {
  const results: Deployment[] = [];
  for (const clouds of [["aws"], ["aws", "azure"], ["aws", "azure", "gcp"]] as const) {
    progress(`up and preview of ${clouds.join(", ")}`);
    const state = mkdtempSync(path.join(tmpdir(), "bench-"));
    try {
      results.push(await deployment(clouds, state, rounds, progress));
    } finally {
      await stopCloud(state);
      rmSync(state, { recursive: true });
    }
  }
  return results;
}

async function deployment(
  clouds: readonly string[],
  state: string,
  rounds: number,
  progress: (line: string) => void,
): Promise<Deployment> {
  const engine = await findEngine(progress);
  const settings = { clouds: `[${clouds.join(", ")}]` };
  const cloud = await startCloud(state, { attached: true });
  const stack = await localStack({ engine, cloud, state, stack: "staging", settings });
  const up = await timed(() => stack.up());
  const previews: number[] = [];
  for (let round = 0; round < rounds; round += 1) previews.push((await timed(() => stack.preview())).seconds);

  // A cloud that was started again has no warm function.
  await stopCloud(state);
  await startCloud(state, { attached: true });
  const requests: Record<string, { cold: number; warm: number }> = {};
  for (const name of clouds) {
    const { apiUrl } = up.result.outputs[name]?.value as { apiUrl: string };
    const get = () => timed(async () => (await fetch(`${apiUrl}/api/messages/`)).text());
    const cold = (await get()).seconds;
    const warm: number[] = [];
    for (let request = 0; request < 200; request += 1) warm.push((await get()).seconds);
    requests[name] = { cold, warm: timing(warm).median };
  }
  const resources = Object.values(up.result.summary.resourceChanges ?? {}).reduce((sum, count) => sum + count, 0);
  return { clouds, resources, up: up.seconds, preview: timing(previews), requests };
}
