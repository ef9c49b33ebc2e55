import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { startCloud, stopCloud } from "../local/cloud-process";
import { findEngine } from "../local/engine";
import { localStack } from "../local/stack";
import { findUv } from "../layers/uv";

const run = promisify(execFile);
const checkout = path.join(__dirname, "..");
const fixture = path.join(__dirname, "fixtures", "original");
const report = path.join(checkout, "docs", "benchmarks");

/** Seconds of some runs; the machine is shared, so the median is quoted and compared within one run only. */
interface Timing {
  readonly median: number;
  readonly runs: readonly number[];
}

interface Builder {
  readonly name: string;
  /** Builds a layer of the fixture's lock with a cache in `cache`; gives the zip. */
  readonly build: (cache: string) => Promise<string>;
}

const python = "3.12";

/** The recipe that the first layer was built by: install, delete, zip. */
const pipAndZip: Builder = {
  name: "pip and zip -9",
  build: async (cache) => {
    const work = mkdtempSync(path.join(cache, "work-"));
    const script = `
      python3 -m pip install --quiet --disable-pip-version-check --no-deps --target python \\
        --platform manylinux2014_x86_64 --python-version ${python} --only-binary=:all: --requirement lock.txt
      find python -type d \\( -name tests -o -name test -o -name __pycache__ \\) -prune -exec rm -rf {} +
      find python \\( -name '*.pyc' -o -name '*.c' -o -name '*.h' -o -name '*.txt' -o -name '*.md' \\) -delete
      zip -q -r9 layer.zip python`;
    writeFileSync(path.join(work, "lock.txt"), readFileSync(path.join(fixture, "aws.lock")));
    await run("sh", ["-ec", script], { cwd: work, env: { ...process.env, PIP_CACHE_DIR: path.join(cache, "pip") } });
    return path.join(work, "layer.zip");
  },
};

/** The same with uv, with every file in order and without times: what a careful script would do. */
const uvAndZip: Builder = {
  name: "uv and zip -9, sorted",
  build: async (cache) => {
    const work = mkdtempSync(path.join(cache, "work-"));
    const script = `
      "$UV" pip install --quiet --no-deps --target python --python-platform x86_64-manylinux_2_28 \\
        --python-version ${python} --only-binary :all: --requirement lock.txt
      find python -exec touch -h -d 1980-01-01T00:00:00Z {} +
      find python -type f -not -name .lock | LC_ALL=C sort | TZ=UTC zip -q -X -D -9 layer.zip -@`;
    writeFileSync(path.join(work, "lock.txt"), readFileSync(path.join(fixture, "aws.lock")));
    const env = { ...process.env, UV: await findUv(), UV_CACHE_DIR: path.join(cache, "uv"), UV_LINK_MODE: "copy" };
    await run("sh", ["-ec", script], { cwd: work, env });
    return path.join(work, "layer.zip");
  },
};

/** This project's builder, as the program calls it: the start of its process counts. */
const ours: Builder = {
  name: "npm run layer",
  build: async (cache) => {
    const uv = await findUv();
    const { stdout } = await run(
      process.execPath,
      ["--import", "tsx", "layers/main.ts", "build", "--json", "--target", "aws", "--requirements", fixture],
      {
        cwd: checkout,
        env: {
          ...process.env,
          XDG_CACHE_HOME: cache,
          UV_CACHE_DIR: path.join(cache, "uv"),
          // A tool, as pip is: its installation is no part of a build.
          PATH: `${path.dirname(uv)}${path.delimiter}${process.env.PATH ?? ""}`,
        },
      },
    );
    const { bundles } = JSON.parse(stdout) as { bundles: { kind: string; path: string }[] };
    return bundles.find(({ kind }) => kind === "layer")?.path ?? "";
  },
};

async function timed<T>(action: () => Promise<T>): Promise<{ seconds: number; result: T }> {
  const started = performance.now();
  const result = await action();
  return { seconds: (performance.now() - started) / 1000, result };
}

function timing(runs: readonly number[]): Timing {
  const sorted = [...runs].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? NaN, runs };
}

/** Times each builder with an empty and with a warm cache, in turn, so that a slow minute is slow for all. */
async function layerBuilds(rounds: number) {
  const results = new Map<Builder, { cold: number[]; warm: number[]; hashes: Set<string>; size: number }>();
  for (let round = 0; round < rounds; round += 1) {
    for (const builder of [ours, pipAndZip, uvAndZip]) {
      progress(`${builder.name}, round ${round + 1} of ${rounds}`);
      const known = results.get(builder) ?? { cold: [], warm: [], hashes: new Set<string>(), size: 0 };
      const cache = mkdtempSync(path.join(tmpdir(), "bench-"));
      for (const kind of ["cold", "warm"] as const) {
        const { seconds, result } = await timed(() => builder.build(cache));
        known[kind].push(seconds);
        known.hashes.add(createHash("sha256").update(readFileSync(result)).digest("hex"));
        known.size = statSync(result).size;
      }
      rmSync(cache, { recursive: true });
      results.set(builder, known);
    }
  }
  return [...results].map(([{ name }, { cold, warm, hashes, size }]) => ({
    name,
    cold: timing(cold),
    warm: timing(warm),
    size,
    reproducible: hashes.size === 1,
  }));
}

/** Times the engine and the local API, over the program as it is. */
async function deployments(rounds: number) {
  const engine = await findEngine(progress);
  const results = [];
  for (const clouds of [["aws"], ["aws", "azure"], ["aws", "azure", "gcp"]] as const) {
    progress(`up and preview of ${clouds.join(", ")}`);
    const state = mkdtempSync(path.join(tmpdir(), "bench-"));
    const settings = { clouds: `[${clouds.join(", ")}]` };
    let cloud = await startCloud(state, { attached: true });
    const stack = await localStack({ engine, cloud, state, stack: "staging", settings });
    const up = await timed(() => stack.up());
    const previews: number[] = [];
    for (let round = 0; round < rounds; round += 1) previews.push((await timed(() => stack.preview())).seconds);

    // A cloud that was started again has no warm function.
    await stopCloud(state);
    cloud = await startCloud(state, { attached: true });
    const requests: Record<string, { cold: number; warm: Timing }> = {};
    for (const name of clouds) {
      const { apiUrl } = up.result.outputs[name]?.value as { apiUrl: string };
      const get = () => timed(async () => (await fetch(`${apiUrl}/api/messages/`)).text());
      const cold = (await get()).seconds;
      const warm: number[] = [];
      for (let request = 0; request < 200; request += 1) warm.push((await get()).seconds);
      requests[name] = { cold, warm: { ...timing(warm), runs: [] } };
    }
    const resources = Object.values(up.result.summary.resourceChanges ?? {}).reduce((sum, count) => sum + count, 0);
    results.push({ clouds, resources, up: up.seconds, preview: timing(previews), requests });
    await stopCloud(state);
    rmSync(state, { recursive: true });
  }
  return results;
}

/** The layer step of a preview alone: what the program runs before it declares anything. */
async function layerStep(rounds: number): Promise<Timing> {
  const args = ["--import", "tsx", "layers/main.ts", "build", "--json", "--target", "aws"];
  const runs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    runs.push((await timed(() => run(process.execPath, args, { cwd: checkout }))).seconds);
  }
  return timing(runs);
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

const seconds = (value: number) => (value < 0.1 ? `${(value * 1000).toFixed(1)} ms` : `${value.toFixed(2)} s`);

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

async function main(): Promise<void> {
  const builds = await layerBuilds(3);
  const step = await layerStep(5);
  const engine = await deployments(5);
  const [us, pip] = builds;
  if (us === undefined || pip === undefined) throw new Error("no builder was timed");
  const date = new Date().toISOString().slice(0, 10);

  const markdown = [
    "# Benchmarks",
    "",
    `Written by \`npm run bench\` on ${date}: Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "?"}.`,
    "Medians; the machine was shared, so compare within this run only.",
    "",
    "## A layer of the original nine requirements (27 packages, Python 3.12, x86_64)",
    "",
    table(
      ["builder", "empty cache", "warm cache", "zip, bytes", "same bytes each time"],
      builds.map(({ name, cold, warm, size, reproducible }) => [
        name,
        seconds(cold.median),
        seconds(warm.median),
        size,
        reproducible ? "yes" : "no",
      ]),
    ),
    "",
    `Against pip and zip, ours takes 1/${(pip.warm.median / us.warm.median).toFixed(0)} of the time with a warm cache and ` +
      `1/${(pip.cold.median / us.cold.median).toFixed(1)} with an empty one; its zip has ${((100 * us.size) / pip.size).toFixed(1)}% of the bytes.`,
    "",
    "## The engine on this machine",
    "",
    table(
      ["clouds", "resources", "first up", "preview without changes"],
      engine.map(({ clouds, resources, up, preview }) => [
        clouds.join(", "),
        resources,
        seconds(up),
        seconds(preview.median),
      ]),
    ),
    "",
    `The layer step is ${seconds(step.median)} of a preview.`,
    "",
    "## A request for the list of messages, over the local API",
    "",
    table(
      ["cloud", "cold", "warm"],
      Object.entries(engine.at(-1)?.requests ?? {}).map(([cloud, { cold, warm }]) => [
        cloud,
        seconds(cold),
        seconds(warm.median),
      ]),
    ),
    "",
  ].join("\n");

  mkdirSync(report, { recursive: true });
  writeFileSync(path.join(report, "README.md"), markdown);
  writeFileSync(
    path.join(report, "results.json"),
    `${JSON.stringify({ date, builds, layerStep: step, engine }, null, 2)}\n`,
  );
  process.stdout.write(markdown);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
