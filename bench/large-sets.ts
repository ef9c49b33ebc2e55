import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { relock } from "../layers/relock";
import { type Builder, ours, uvWithBytecode } from "./builders";
import { timed, type Timing, timing } from "./timing";

/** The sets in `test/nightly/sets` that are large but fit into a Lambda function. */
const sets = ["mpl", "sklearn", "pandas-pyarrow"] as const;

const contenders: readonly Builder[] = [ours("npm run layer", []), uvWithBytecode];

/** Results of one builder with one set. */
export interface LargeBuild {
  readonly set: string;
  readonly builder: string;
  readonly cold: Timing;
  readonly warm: Timing;
  /** Peak memory of one process in bytes, with an empty cache. */
  readonly memory: number;
  /** Bytes of the zip. */
  readonly size: number;
}

/** Times large sets with bytecode, alternating the builders; an empty cache includes downloads. */
export async function largeBuilds(rounds: number, progress: (line: string) => void): Promise<LargeBuild[]> {
  const results: LargeBuild[] = [];
  for (const set of sets) {
    const requirements = mkdtempSync(path.join(tmpdir(), `bench-${set}-`));
    copyFileSync(path.join(__dirname, "..", "test", "nightly", "sets", `${set}.in`), path.join(requirements, "aws.in"));
    await relock(path.join(requirements, "aws.in"));
    const samples = contenders.map((builder): Sample => ({ builder, cold: [], warm: [], memory: 0, size: 0 }));
    for (let round = 1; round <= rounds; round += 1) {
      for (const sample of samples) {
        progress(`${set} by ${sample.builder.name}, round ${round} of ${rounds}`);
        const cache = mkdtempSync(path.join(tmpdir(), "bench-"));
        const memory = path.join(cache, "memory");
        const request = { requirements, architecture: "x86_64", cache } as const;
        const cold = await timed(() => sample.builder.build({ ...request, memory }));
        sample.cold.push(cold.seconds);
        sample.size = statSync(cold.result).size;
        sample.memory = Math.max(sample.memory, 1024 * Number(readFileSync(memory, "utf8").trim().split("\n").at(-1)));
        sample.warm.push((await timed(() => sample.builder.build(request))).seconds);
        rmSync(cache, { recursive: true, force: true });
      }
    }
    rmSync(requirements, { recursive: true, force: true });
    for (const { builder, cold, warm, memory, size } of samples) {
      results.push({ set, builder: builder.name, cold: timing(cold), warm: timing(warm), memory, size });
    }
  }
  return results;
}

interface Sample {
  readonly builder: Builder;
  readonly cold: number[];
  readonly warm: number[];
  memory: number;
  size: number;
}
