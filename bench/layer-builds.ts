import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import type { Architecture } from "../layers/bundle";
import { sha256 } from "../layers/cache";
import { isElf, machineOf } from "../layers/elf";
import { contentOf, readZip } from "../layers/unzip";
import { type Builder, builders } from "./builders";
import { timed, type Timing, timing } from "./timing";

const run = promisify(execFile);
const fixture = (name: string) => path.join(__dirname, "fixtures", name);

/** The timed builds of each builder, in order, with the same cache. */
const scenarios = [
  { id: "cold", requirements: fixture("original") },
  { id: "warm", requirements: fixture("original") },
  { id: "onePinChanged", requirements: fixture("one-pin-changed") },
] as const;

type ScenarioId = (typeof scenarios)[number]["id"];

/** Results of one builder. */
export interface LayerBuild extends Readonly<Record<ScenarioId, Timing>> {
  readonly name: string;
  readonly version: string;
  /** Bytes of the zip. */
  readonly size: number;
  /** Whether all builds of the same lock were byte-identical. */
  readonly reproducible: boolean;
  /** Whether a machine with another processor builds for arm64. */
  readonly arm64: boolean;
}

interface Sample {
  readonly builder: Builder;
  readonly version: string;
  readonly seconds: Readonly<Record<ScenarioId, number[]>>;
  /** SHA-256 of the builds of the same lock. */
  readonly hashes: Set<string>;
  size: number;
}

/** Times the builders alternately, so that a slow minute affects all. */
export async function layerBuilds(rounds: number, progress: (line: string) => void): Promise<LayerBuild[]> {
  const samples: Sample[] = [];
  for (const builder of builders) {
    const version = await builder.version();
    samples.push({ builder, version, seconds: { cold: [], warm: [], onePinChanged: [] }, hashes: new Set(), size: 0 });
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const sample of samples) {
      progress(`${sample.builder.name}, round ${round} of ${rounds}`);
      await withCache(async (cache) => {
        for (const { id, requirements } of scenarios) {
          const { seconds, result } = await timed(() =>
            sample.builder.build({ requirements, architecture: "x86_64", cache }),
          );
          sample.seconds[id].push(seconds);
          if (id === "onePinChanged") continue;
          const zip = readFileSync(result);
          sample.hashes.add(sha256(zip));
          sample.size = zip.length;
        }
      });
    }
  }
  const results: LayerBuild[] = [];
  for (const { builder, version, seconds, hashes, size } of samples) {
    progress(`${builder.name} for arm64`);
    results.push({
      ...{ name: builder.name, version },
      cold: timing(seconds.cold),
      warm: timing(seconds.warm),
      onePinChanged: timing(seconds.onePinChanged),
      ...{ size, reproducible: hashes.size === 1, arm64: await builds(builder, "arm64") },
    });
  }
  return results;
}

/** Whether all native libraries of a build have its architecture. */
async function builds(builder: Builder, architecture: Architecture): Promise<boolean> {
  return withCache(async (cache) => {
    try {
      const zip = await builder.build({ requirements: fixture("original"), architecture, cache });
      const libraries = (await readZip(readFileSync(zip))).filter(({ name }) => name.endsWith(".so"));
      for (const library of libraries) {
        const content = contentOf(library);
        if (isElf(content) && machineOf(content) !== architecture) return false;
      }
      return libraries.length > 0;
    } catch {
      return false;
    }
  });
}

/** Lower bound of a build: the start of a process, alone and with the TypeScript loader. */
export async function processStart(rounds: number): Promise<{ node: Timing; typescript: Timing }> {
  const start = async (...args: string[]) => (await timed(() => run(process.execPath, [...args, "-e", "0"]))).seconds;
  const [node, typescript]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    node.push(await start());
    typescript.push(await start("--require", "./run-typescript.js"));
  }
  return { node: timing(node), typescript: timing(typescript) };
}

async function withCache<Result>(use: (cache: string) => Promise<Result>): Promise<Result> {
  const cache = mkdtempSync(path.join(tmpdir(), "bench-"));
  try {
    return await use(cache);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}
