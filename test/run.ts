import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Numbers of passed, failed and skipped tests of a runner. */
interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface Runner {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Reads the runner's report; throws if the runner ended before it wrote one. */
  readonly tally: () => Tally;
  /** The failures, a line or two each, printed again at the end, so that a truncated log contains them. */
  readonly failures: () => string[];
}

/** The part of Vitest's JSON report that is read here. */
interface VitestReport extends Record<`num${string}Tests`, number> {
  testResults: { name: string; assertionResults: { fullName: string; status: string; failureMessages?: string[] }[] }[];
}

function readVitestReport(): VitestReport {
  return JSON.parse(readFileSync(vitestReport, "utf8")) as VitestReport;
}

/** All tests' temporary files are in this folder, so that an interrupted test leaves nothing behind. */
const temporary = mkdtempSync(path.join(tmpdir(), "tests-"));
const vitestReport = path.join(temporary, "vitest.json");
const pytestReport = path.join(temporary, "pytest.xml");

const runners: readonly Runner[] = [
  {
    name: "vitest",
    command: ["npx", "vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${vitestReport}`],
    tally: () => {
      const report = readVitestReport();
      const count = (state: string) => report[`num${state}Tests`] ?? 0;
      return { passed: count("Passed"), failed: count("Failed"), skipped: count("Pending") + count("Todo") };
    },
    failures: () =>
      readVitestReport().testResults.flatMap(({ name, assertionResults }) =>
        assertionResults
          .filter(({ status }) => status === "failed")
          .map(({ fullName, failureMessages }) =>
            [`${path.relative(process.cwd(), name)} > ${fullName}`, ...(failureMessages ?? [])]
              .join("\n  ")
              .slice(0, 600),
          ),
      ),
  },
  {
    name: "pytest",
    command: ["npm", "run", "--silent", "test:api", "--", `--junitxml=${pytestReport}`],
    tally: () => {
      const suite = /<testsuite [^>]*>/.exec(readFileSync(pytestReport, "utf8"))?.[0] ?? "";
      const count = (attribute: string) => Number(new RegExp(` ${attribute}="(\\d+)"`).exec(suite)?.[1] ?? 0);
      const failed = count("failures") + count("errors");
      return { passed: count("tests") - failed - count("skipped"), failed, skipped: count("skipped") };
    },
    failures: () =>
      [
        ...readFileSync(pytestReport, "utf8").matchAll(
          /<testcase classname="([^"]*)" name="([^"]*)"[^>]*><(?:failure|error) /g,
        ),
      ].map(([, file, name]) => `${file} > ${name}`),
  },
];

/**
 * Runs all runners, even after failures, and prints a summary line. With `--nightly`, tests with random moments use
 * more of them.
 */
async function main(): Promise<void> {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  process.on("exit", () => {
    rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  });
  const failed: string[] = [];
  for (const { name, command, tally, failures } of runners) {
    const exitCode = await run(command);
    const found = readReport(tally, { passed: 0, failed: 0, skipped: 0 });
    failed.push(...readReport(failures, []));
    // A runner that fails without a failed test (a crash, an unhandled rejection, no tests at all) counts as failed.
    if (exitCode !== 0 && found.failed === 0) {
      console.error(`${name} exited with ${exitCode} although no test of its report failed`);
      found.failed = 1;
    }
    for (const key of ["passed", "failed", "skipped"] as const) total[key] += found[key];
  }
  for (const test of failed) console.log(`FAILED ${test}`);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

function run([program, ...args]: readonly [string, ...string[]]): Promise<number> {
  return new Promise((resolve, reject) => {
    const nightly = process.argv.includes("--nightly") ? { NIGHTLY: "1" } : {};
    const env = { ...process.env, ...nightly, TMPDIR: temporary };
    const child = spawn(program, args, { stdio: "inherit", cwd: path.join(__dirname, ".."), env })
      .on("error", reject)
      .on("exit", (code) => {
        resolve(code ?? 1);
      });
    // The runner ends its tests first; it receives a terminal's Ctrl-C itself.
    process.once("SIGTERM", () => child.kill("SIGTERM")).once("SIGINT", () => undefined);
  });
}

/** The content of a runner's report; without a report, the given value. */
function readReport<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

void main();
