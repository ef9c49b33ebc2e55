import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import Table from "cli-table3";
import { z } from "zod";

/** The rooms of the code: TypeScript by Vitest's lanes, the deployed Python by pytest. */
const rooms = ["bootstrap", "cli", "components", "contract", "layers", "local", "operations", "plugin", "settings"];
const pythonRooms = ["application", "layers/runtime"];
const lanes = ["unit", "conformance", "engine"] as const;

const checkout = path.join(__dirname, "..");
const folder = mkdtempSync(path.join(tmpdir(), "coverage-"));

/** Lines of a file, each with whether a test has run it. */
type Lines = ReadonlyMap<number, boolean>;
type Coverage = Map<string, Lines>;

/** Istanbul's format, which c8 and Vitest both write. */
const istanbul = z.record(
  z.string(),
  z.object({
    statementMap: z.record(z.string(), z.object({ start: z.object({ line: z.number() }) })),
    s: z.record(z.string(), z.number()),
  }),
);

/** What pytest-cov writes. */
const pytestCov = z.object({
  files: z.record(z.string(), z.object({ executed_lines: z.array(z.number()), missing_lines: z.array(z.number()) })),
});

/**
 * Prints how many of the lines that can run each lane of the tests runs, by room: `npm run coverage [-- LANE...]`. What the
 * tests start as processes of their own, local clouds and command lines among them, counts as well.
 */
async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((lane) => ![...lanes, "api"].includes(lane));
  if (unknown !== undefined) {
    throw new Error(`there is no lane ${unknown}; accepted are ${[...lanes, "api"].join(", ")}`);
  }
  const isWanted = (lane: string) => wanted.length === 0 || wanted.includes(lane);
  const found: [string, Coverage][] = [];
  for (const lane of lanes.filter(isWanted)) found.push([lane, await vitestLane(lane)]);
  if (isWanted("api")) found.push(["api", await apiLane()]);
  const columns: [string, Coverage][] =
    found.length > 1 ? [...found, ["any", merged(found.map(([, each]) => each))]] : found;
  const table = new Table({ head: ["room", ...columns.map(([lane]) => lane)], style: { head: [], border: [] } });
  const rows = [
    ...rooms.map((room) => [room, `${room}/`, ".ts"]),
    ...pythonRooms.map((room) => [room, `${room}/`, ".py"]),
  ];
  for (const [title = "", start = "", end = ""] of [...rows, ["all", "", ""]]) {
    const shares = columns.map(([, coverage]) => share(coverage, start, end));
    if (shares.some((each) => each !== "")) table.push([title, ...shares]);
  }
  process.stdout.write(`Lines run, in per cent\n${table.toString()}\n`);
}

async function vitestLane(lane: string): Promise<Coverage> {
  const reports = path.join(folder, lane);
  const processes = path.join(folder, `${lane}-processes`);
  await run(
    "npx",
    [
      ...["vitest", "run", "--project", lane, "--coverage.enabled", "--coverage.reporter=json"],
      ...[`--coverage.reportsDirectory=${reports}`, "--coverage.reportOnFailure"],
      ...rooms.map((room) => `--coverage.include=${room}/**/*.ts`),
    ],
    { NODE_V8_COVERAGE: processes },
  );
  // What a process ran of a file that Vitest knows; lines that only one of the two takes for code are not counted.
  const inWorkers = readIstanbul(path.join(reports, "coverage-final.json"));
  if (!existsSync(processes)) return inWorkers;
  await run("npx", [
    ...["c8", "report", `--temp-directory=${processes}`, `--reports-dir=${reports}-processes`, "--reporter=json"],
    ...["--exclude-after-remap", ...rooms.map((room) => `--include=${room}/**/*.ts`)],
  ]);
  const inProcesses = readIstanbul(path.join(`${reports}-processes`, "coverage-final.json"));
  for (const [file, lines] of inWorkers) {
    const too = inProcesses.get(file);
    inWorkers.set(file, new Map([...lines].map(([line, hit]) => [line, hit || too?.get(line) === true])));
  }
  return inWorkers;
}

async function apiLane(): Promise<Coverage> {
  const report = path.join(folder, "api.json");
  const measured = pythonRooms.map((room) => `--cov=${room}`);
  await run("npm", ["run", "--silent", "test:api", "--", ...measured, `--cov-report=json:${report}`]);
  const { files } = pytestCov.parse(JSON.parse(readFileSync(report, "utf8")));
  return new Map(
    Object.entries(files).map(([file, { executed_lines, missing_lines }]) => {
      const hits = executed_lines.map((line) => [line, true] as const);
      return [file, new Map([...hits, ...missing_lines.map((line) => [line, false] as const)])];
    }),
  );
}

function readIstanbul(report: string): Coverage {
  const files = istanbul.parse(JSON.parse(readFileSync(report, "utf8")));
  return new Map(
    Object.entries(files).map(([file, { statementMap, s }]) => {
      const lines = new Map<number, boolean>();
      for (const [id, { start }] of Object.entries(statementMap)) {
        lines.set(start.line, lines.get(start.line) === true || (s[id] ?? 0) > 0);
      }
      return [path.relative(checkout, file), lines];
    }),
  );
}

function merged(coverages: readonly Coverage[]): Coverage {
  const all: Coverage = new Map();
  for (const [file, lines] of coverages.flatMap((coverage) => [...coverage])) {
    const before = all.get(file);
    all.set(file, new Map([...lines].map(([line, hit]) => [line, hit || before?.get(line) === true])));
  }
  return all;
}

/** In per cent; empty where the lane measures nothing of the room. */
function share(coverage: Coverage, start: string, end: string): string {
  const inRoom = [...coverage].filter(([file]) => file.startsWith(start) && file.endsWith(end));
  const hits = inRoom.flatMap(([, lines]) => [...lines.values()]);
  return hits.length === 0 ? "" : ((100 * hits.filter(Boolean).length) / hits.length).toFixed(1);
}

/** A lane that fails has run lines all the same: it is told, and counted. */
async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn(program, args, { cwd: checkout, stdio: ["ignore", 2, 2], env: { ...process.env, ...env } });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve).once("error", reject);
  });
  if (code !== 0) {
    process.exitCode = 1;
    process.stderr.write(`${program} ${args.slice(0, 4).join(" ")} failed, with exit code ${code ?? "none"}\n`);
  }
}

main()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  })
  .finally(() => {
    rmSync(folder, { recursive: true, force: true });
  });
