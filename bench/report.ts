import type { Deployment } from "./deployments";
import type { LayerBuild } from "./layer-builds";
import type { LargeBuild } from "./large-sets";
import type { Timing } from "./timing";

/** All results of one run. */
export interface Results {
  /** As ISO 8601, without the time. */
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly builds: readonly LayerBuild[];
  readonly large: readonly LargeBuild[];
  readonly processStart: { readonly node: Timing; readonly typescript: Timing };
  readonly deployments: readonly Deployment[];
}

/** The results as a Markdown document, with the chart in `layers.svg` next to it. */
export function markdown({ date, machine, node, builds, large, processStart, deployments }: Results): string {
  const [us] = builds;
  const others = builds.filter(({ name }) => !name.startsWith("npm run layer"));
  const best = (value: (build: LayerBuild) => number) => Math.min(...others.map(value));
  return [
    "# Benchmarks",
    "",
    `Written by \`npm run bench\` on ${date}: Node ${node}, ${machine}. Medians of ${us?.cold.runs.length ?? 0}; compare within`,
    "this run only, since no two machines, and no two hours of one, are as fast.",
    "",
    "## A layer of the original nine requirements (27 packages, Python 3.12, x86_64)",
    "",
    table(
      ["builder", "version", "empty cache", "warm cache", "one pin changed", "zip, bytes", "same bytes", "arm64 too"],
      builds.map(({ name, version, cold, warm, onePinChanged, size, reproducible, arm64 }) => [
        ...[name, version, seconds(cold.median), seconds(warm.median), seconds(onePinChanged.median)],
        ...[size, reproducible ? "yes" : "no", arm64 ? "yes" : "no"],
      ]),
    ),
    "",
    "![Seconds of each builder](layers.svg)",
    "",
    ...(us === undefined
      ? []
      : [
          `Without bytecode, which none of the others puts in, ours takes ${ratio(
            us.cold.median,
            best((build) => build.cold.median),
          )} ` +
            `of the fastest other's time with an empty cache, ${ratio(
              us.warm.median,
              best((build) => build.warm.median),
            )} with a ` +
            `warm one and ${ratio(
              us.onePinChanged.median,
              best((build) => build.onePinChanged.median),
            )} after one pin changed; ` +
            `its zip has ${ratio(
              us.size,
              best((build) => build.size),
            )} of the smallest other's bytes.`,
          "",
        ]),
    `No process of Node starts in less than ${seconds(processStart.node.median)} here (\`node -e 0\`), and none that runs TypeScript ` +
      `in less than ${seconds(processStart.typescript.median)} (\`node --require ./run-typescript.js -e 0\`).`,
    "",
    "## Large sets of requirements, with bytecode",
    "",
    table(
      ["set", "builder", "empty cache", "warm cache", "memory of the largest process", "zip"],
      large.map(({ set, builder, cold, warm, memory, size }) => [
        ...[set, builder, seconds(cold.median), seconds(warm.median), megabytes(memory), megabytes(size)],
      ]),
    ),
    "",
    "The sets are those of `test/nightly/sets`, resolved on that day; an empty cache includes fetching.",
    "",
    deploymentsMarkdown(deployments),
    "See also [updates while everything is asked](updates.md) and [the import proof beside CPython](import-proof.md).",
    "",
  ].join("\n");
}

/** Results of a locally deployed application. */
export function deploymentsMarkdown(deployments: readonly Deployment[]): string {
  const rows = Object.entries(deployments.at(-1)?.requests ?? {}).flatMap(([cloud, requests]) =>
    requests.map(({ name, path, cold, warm }) => {
      return [cloud, name, `\`${path}\``, cold === undefined ? "" : seconds(cold), seconds(warm)];
    }),
  );
  return [
    "## The engine on this machine",
    "",
    table(
      ["clouds", "resources", "first up", "preview without changes"],
      deployments.map(({ clouds, resources, up, preview }) => [
        ...[clouds.join(", "), resources, seconds(up), seconds(preview.median)],
      ]),
    ),
    "",
    "## The probes of the functions that answer requests, on this machine",
    "",
    rows.length === 0
      ? "No function of the application answers requests."
      : table(["cloud", "function", "request", "cold", "warm"], rows),
    "",
  ].join("\n");
}

export const seconds = (value: number) => (value < 0.1 ? `${(value * 1000).toFixed(1)} ms` : `${value.toFixed(2)} s`);

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

const ratio = (ours: number, theirs: number) => `${((100 * ours) / theirs).toFixed(0)}%`;

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}
